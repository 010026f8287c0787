//! Who gets a turn: so many replies at a time, so many requests that wait for theirs, in their order; what is
//! beyond is refused at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much the last reply counts beside those before.
const WEIGHT: f64 = 0.2;

/// Nobody is told to come back later than this.
const RETRY_MAX_S: f64 = 60.0;

/// The door.
#[derive(Debug)]
pub(super) struct Admission {
    turns: Arc<Semaphore>,
    streams_max: usize,
    queue_max: usize,
    waiting: AtomicUsize,
    /// Seconds that a reply takes.
    usual_s: Mutex<f64>,
}

/// A turn; over when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _permit: OwnedSemaphorePermit,
}

/// No turn, and no place to wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    /// Requests that wait.
    pub(super) waiting: usize,
    /// When it is worth asking again.
    pub(super) retry_after_s: u32,
}

/// Counts who waits, also where the waiting is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Admission {
    /// For so many at a time, and so many that wait.
    pub(super) fn new(streams_max: usize, queue_max: usize) -> Self {
        let turns = Arc::new(Semaphore::new(streams_max));
        let (waiting, usual_s) = (AtomicUsize::new(0), Mutex::new(1.0));
        Self { turns, streams_max, queue_max, waiting, usual_s }
    }

    /// Waits for a turn; may be dropped meanwhile.
    ///
    /// # Errors
    ///
    /// [`Full`], at once.
    pub(super) async fn turn(&self) -> Result<Turn, Full> {
        if let Ok(permit) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(Turn { _permit: permit });
        }
        let before = self.waiting.fetch_add(1, Ordering::SeqCst);
        let _waiting = Waiting(&self.waiting);
        if before >= self.queue_max {
            return Err(Full { waiting: before, retry_after_s: self.retry_after_s(before) });
        }
        let permit = Arc::clone(&self.turns).acquire_owned().await;
        Ok(Turn { _permit: permit.expect("the semaphore is never closed") })
    }

    /// Replies that are being spoken, and requests that wait.
    pub(super) fn load(&self) -> (usize, usize) {
        let running = self.streams_max.saturating_sub(self.turns.available_permits());
        (running, self.waiting.load(Ordering::SeqCst))
    }

    /// A reply took so long.
    pub(super) fn note(&self, took: Duration) {
        let mut usual = self.usual_s.lock().unwrap_or_else(PoisonError::into_inner);
        *usual += WEIGHT * (took.as_secs_f64() - *usual);
    }

    /// By when those who wait now will have had their turn, about.
    fn retry_after_s(&self, waiting: usize) -> u32 {
        let usual = *self.usual_s.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(clippy::cast_precision_loss, reason = "queues are short")]
        let rounds = (waiting + 1) as f64 / self.streams_max as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 60")]
        let seconds = (rounds * usual).ceil().clamp(1.0, RETRY_MAX_S) as u32;
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;

    #[tokio::test]
    async fn what_is_beyond_the_queue_is_refused_and_the_first_who_waits_is_next() {
        let admission = Arc::new(Admission::new(1, 1));
        admission.note(Duration::from_secs(6));
        let first = admission.turn().await.unwrap();
        let second = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.turn().await.unwrap() }
        });
        yield_now().await;
        assert_eq!(admission.load(), (1, 1));
        let full = admission.turn().await.unwrap_err();
        assert_eq!(full, Full { waiting: 1, retry_after_s: 4 }, "two turns of two seconds");
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(admission.load(), (1, 0));
        drop(second);
        assert_eq!(admission.load(), (0, 0));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_room_for_the_next() {
        let admission = Admission::new(1, 1);
        let turn = admission.turn().await.unwrap();
        tokio::select! {
            biased;
            _ = admission.turn() => panic!("it was taken"),
            () = yield_now() => {}
        }
        assert_eq!(admission.load(), (1, 0));
        drop(turn);
        assert!(admission.turn().await.is_ok());
    }

    #[tokio::test]
    async fn without_a_queue_nobody_waits() {
        let admission = Admission::new(1, 0);
        let _turn = admission.turn().await.unwrap();
        assert_eq!(admission.turn().await.unwrap_err().waiting, 0);
    }
}
