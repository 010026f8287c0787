//! Where the device computes.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Runs `work` here and now. On a runtime of several threads other tasks, such as the link's, go on
/// meanwhile. On one of a single thread they wait: with a paused clock that takes no time, and all
/// that happens does so in the same order every time.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub(crate) fn compute<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        true => work(),
        false => block_in_place(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test]
    async fn on_one_thread_it_is_just_run() {
        assert_eq!(compute(|| 7), 7);
    }

    /// Method: the work waits for what another task brings, on a runtime whose one worker it takes.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn on_several_threads_other_tasks_go_on() {
        let work = tokio::spawn(async {
            let (bring, wait) = mpsc::channel();
            tokio::spawn(async move { bring.send(7) });
            compute(|| wait.recv_timeout(Duration::from_secs(10)))
        });
        assert_eq!(work.await.unwrap(), Ok(7));
    }
}
