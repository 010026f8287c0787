//! How much of this process is in memory.

use base::ByteCount;

/// Resident memory, where the system says it: pages of mapped files count as far as they were read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    pub(super) after_load: Option<ByteCount>,
    pub(super) at_end: Option<ByteCount>,
}

impl Memory {
    /// To be called as soon as the weights are ready.
    pub(super) fn after_load() -> Self {
        Self { after_load: resident(), at_end: None }
    }

    /// To be called while KV and weights are still there.
    pub(super) fn at_end(&mut self) {
        self.at_end = resident();
    }
}

/// Linux keeps it in `/proc`; elsewhere nobody says it without a system call of its own.
fn resident() -> Option<ByteCount> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<ByteCount> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount(kib.checked_mul(1 << 10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_kibibytes() {
        assert_eq!(parse("VmPeak:\t 9 kB\nVmRSS:\t    12 kB\n"), Some(ByteCount(12 << 10)));
        assert_eq!(parse("VmRSS:\t 12\n"), None);
        assert_eq!(parse(""), None);
    }
}
