//! Memory that is free, and still the process's: the C library keeps what a crowd has left until it is told to give it
//! back. A device has other uses for it.

use std::time::{Duration, Instant};

/// A crowd has gone where so long no more than half of it was there. What is given back has to be asked for again by
/// the next one.
const CALM: Duration = Duration::from_secs(60);

/// Knows when a crowd has gone.
#[derive(Debug, Default)]
pub struct Crowd {
    /// Users at the same time, since it was last gone.
    most: usize,
    few_since: Option<Instant>,
}

impl Crowd {
    /// Whether it has gone by `now`, when so many `users` are there: once, until another one has come.
    pub fn has_gone(&mut self, now: Instant, users: usize) -> bool {
        self.most = self.most.max(users);
        let are_few = users < self.most && users <= self.most / 2;
        if !are_few {
            self.few_since = None;
            return false;
        }
        let since = *self.few_since.get_or_insert(now);
        let is_calm = now.saturating_duration_since(since) >= CALM;
        if is_calm {
            *self = Self { most: users, few_since: None };
        }
        is_calm
    }
}

/// Gives free memory of this process back to the system. Takes some milliseconds, in which others may wait who ask for
/// memory. Where the C library is not glibc nothing happens: others give back by themselves.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "a call of the C library")]
    // SAFETY: `malloc_trim` takes the allocator's own locks and touches no memory that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: [u32; 0] = [];
    const SECOND: Duration = Duration::from_secs(1);

    /// At which of these seconds, each with so many users, a crowd has gone.
    fn gone(users: impl IntoIterator<Item = usize>) -> Vec<u32> {
        let (mut crowd, begun) = (Crowd::default(), Instant::now());
        let seconds = (0..).zip(users);
        seconds
            .filter_map(|(s, users)| crowd.has_gone(begun + SECOND * s, users).then_some(s))
            .collect()
    }

    fn for_seconds(seconds: usize, users: usize) -> impl Iterator<Item = usize> {
        std::iter::repeat_n(users, seconds)
    }

    #[test]
    fn a_crowd_has_gone_once_it_is_half_for_a_minute() {
        let wave = for_seconds(10, 200).chain(for_seconds(200, 100));
        assert_eq!(gone(wave), [70]);
        assert_eq!(gone(for_seconds(10, 200).chain(for_seconds(200, 101))), NEVER);
        assert_eq!(
            gone(for_seconds(10, 1).chain(for_seconds(200, 0))),
            [70],
            "one is a crowd, too"
        );
        assert_eq!(gone(for_seconds(200, 0)), NEVER);
    }

    #[test]
    fn who_comes_back_in_time_was_not_gone() {
        let breath = || for_seconds(10, 200).chain(for_seconds(59, 0));
        assert_eq!(gone(breath().chain(breath()).chain(for_seconds(10, 200))), NEVER);
    }

    #[test]
    fn it_ebbs_step_by_step() {
        let ebb = for_seconds(1, 200).chain(for_seconds(100, 100)).chain(for_seconds(100, 50));
        assert_eq!(gone(ebb), [61, 161]);
    }
}
