//! What the system says of itself.

use base::ByteCount;
use std::time::{SystemTime, UNIX_EPOCH};

/// Memory that new work may take without the system paging; `None` where nobody says it.
pub(crate) fn memory_available() -> Option<ByteCount> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

/// Seconds since 1970.
pub fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn parse(meminfo: &str) -> Option<ByteCount> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(ByteCount(kib.checked_mul(1 << 10)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        let meminfo = "MemTotal:  9 kB\nMemAvailable:     12 kB\n";
        assert_eq!(parse(meminfo), Some(ByteCount(12 << 10)));
        assert_eq!(parse("MemAvailable: 12\n"), None);
        assert_eq!(parse(""), None);
    }
}
