//! How fast payloads come: what only their receiver can tell.
//!
//! A payload is timed from its middle on. Its first bytes may have waited on the way for those before them, and
//! came while QUIC was still finding out how much the link takes.

use crate::clock;
use protocol::{Receipt, tells_rate};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// The newest receipt of a connection that nobody has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    newest: Mutex<Option<Receipt>>,
    news: Notify,
}

impl Receipts {
    /// Waits for a receipt. May be dropped half-way: nothing is lost but what a newer one has replaced.
    pub(crate) async fn next(&self) -> Receipt {
        loop {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
            match newest {
                Some(receipt) => return receipt,
                None => self.news.notified().await,
            }
        }
    }

    fn put(&self, receipt: Receipt) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(receipt);
        self.news.notify_one();
    }
}

/// Times one payload while it comes.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// Since half of it or more was there, and how much that was.
    middle: Option<(Instant, usize)>,
}

impl Stopwatch {
    /// So many bytes of `all` are there.
    pub(crate) fn see(&mut self, there: usize, all: usize) {
        if self.middle.is_none() && there >= all / 2 {
            self.middle = Some((clock::now(), there));
        }
    }

    /// All bytes are there; what that tells, if anything, goes to `receipts`.
    pub(crate) fn stop(&mut self, all: usize, receipts: &Receipts) {
        let Some((since, there)) = self.middle.take() else { return };
        let (bytes, took) = (all - there, clock::now().saturating_duration_since(since));
        if tells_rate(bytes, took)
            && let (Ok(bytes), Ok(us)) = (bytes.try_into(), took.as_micros().try_into())
        {
            receipts.put(Receipt { bytes, us });
        }
    }
}
