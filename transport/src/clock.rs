//! The clock that nodes hand to the protocol's machines.
//!
//! It is tokio's: the one that runs the links' own timers, and that tests can pause.

use std::future;
use std::time::Instant;

/// Now, for a machine's `handle_*`.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits for what a machine's `poll_timeout` returned, and gives the reason back; for ever where
/// there is no deadline. May be dropped and begun anew at no cost.
pub async fn reached<T>(deadline: Option<(Instant, T)>) -> T {
    match deadline {
        Some((at, reason)) => {
            tokio::time::sleep_until(at.into()).await;
            reason
        }
        None => future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_deadline_gives_its_reason_when_it_is_reached_and_none_never_is() {
        let start = now();
        let soon = Duration::from_millis(20);
        assert_eq!(reached(Some((start + soon, "soon"))).await, "soon");
        assert!(now() - start >= soon);
        assert_eq!(reached(Some((start, "past"))).await, "past");
        assert!(tokio::time::timeout(soon, reached::<()>(None)).await.is_err());
    }
}
