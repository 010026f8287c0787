//! What has happened since the start: totals, and the last events of links and requests.

use crate::serve::job::Finished;
use crate::serve::telling::Telling;
use crate::show::{Notice, Show};
use openai::ApiError;
use runtime::sampler::Likelihoods;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::sync::broadcast;

/// So many events are kept.
const EVENTS_MAX: usize = 256;

/// So many may be told before who listens has heard them; who is slower misses some.
const TOLD_MAX: usize = 256;

/// The record.
#[derive(Debug)]
pub(super) struct Chronicle {
    kept: Mutex<Kept>,
    tell: broadcast::Sender<Happened>,
}

#[derive(Debug, Default)]
struct Kept {
    totals: Totals,
    counts: Requests,
    events: VecDeque<Happened>,
}

/// What all replies came to.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Totals {
    tokens: u64,
    verified: u64,
    unverified: u64,
    drafted: u64,
    accepted: u64,
    failovers: u64,
    bytes_sent: u64,
    bytes_received: u64,
    money: f64,
    energy_j: Option<f64>,
}

/// What became of requests.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Requests {
    pub(super) served: u64,
    pub(super) refused: u64,
    pub(super) failed: u64,
    pub(super) cancelled: u64,
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Happened {
    /// Milliseconds since 1970.
    at_ms: u64,
    kind: &'static str,
    text: String,
}

impl Default for Chronicle {
    fn default() -> Self {
        Self { kept: Mutex::default(), tell: broadcast::Sender::new(TOLD_MAX) }
    }
}

impl Chronicle {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something happened now.
    pub(super) fn note(&self, kind: &'static str, text: String) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let happened = Happened { at_ms, kind, text };
        let mut kept = self.kept();
        if kept.events.len() == EVENTS_MAX {
            kept.events.pop_front();
        }
        kept.events.push_back(happened.clone());
        drop(kept);
        // Nobody need listen.
        let _ = self.tell.send(happened);
    }

    /// A request found no room.
    pub(super) fn refused(&self) {
        self.kept().counts.refused += 1;
    }

    /// A request is over.
    pub(super) fn ended(&self, finished: &Result<Finished, ApiError>) {
        let mut kept = self.kept();
        let Ok(Finished { choices, usage }) = finished else {
            kept.counts.failed += 1;
            return;
        };
        let replies = || choices.iter().filter_map(|choice| choice.reply.as_ref());
        match replies().any(|reply| reply.finish_reason == "cancelled") {
            true => kept.counts.cancelled += 1,
            false => kept.counts.served += 1,
        }
        let (totals, cost) = (&mut kept.totals, &usage.cost);
        totals.tokens += usage.completion_tokens;
        totals.verified += cost.verified;
        totals.unverified += cost.unverified;
        totals.drafted += cost.drafted;
        totals.accepted += cost.accepted;
        totals.failovers += cost.failovers;
        totals.bytes_sent += cost.bytes_sent;
        totals.bytes_received += cost.bytes_received;
        totals.money += cost.money;
        totals.energy_j = match (totals.energy_j, cost.energy_j) {
            (Some(before), Some(more)) => Some(before + more),
            (before, more) => before.or(more),
        };
    }

    /// What all replies came to, what became of requests, and the last events.
    pub(super) fn so_far(&self) -> (Totals, Requests, Vec<Happened>) {
        let kept = self.kept();
        (kept.totals, kept.counts, kept.events.iter().cloned().collect())
    }

    /// Hears of what happens from now on.
    pub(super) fn listen(&self) -> broadcast::Receiver<Happened> {
        self.tell.subscribe()
    }
}

/// Tells of a choice, and has what happens to it recorded.
pub(super) struct Watched {
    telling: Telling,
    chronicle: Arc<Chronicle>,
}

impl Watched {
    pub(super) const fn new(telling: Telling, chronicle: Arc<Chronicle>) -> Self {
        Self { telling, chronicle }
    }
}

impl Show for Watched {
    fn piece(&mut self, text: &str, verified: bool) {
        self.telling.piece(text, verified);
    }

    fn token(&mut self, verified: bool) {
        self.telling.token(verified);
    }

    fn likelihoods(&mut self, likelihoods: &Likelihoods) {
        self.telling.likelihoods(likelihoods);
    }

    fn vouched(&mut self, index: usize) {
        self.telling.vouched(index);
    }

    fn notice(&mut self, notice: &Notice) {
        let (kind, text) = match notice {
            Notice::Alone { peer, why } => ("alone", format!("{peer} is out of reach: {why}")),
            Notice::Switched { plan } => ("switched", format!("from here on {plan}")),
            Notice::Stayed { why } => ("stayed", why.clone()),
            Notice::Rejoined { peer } => ("rejoined", format!("{peer} is back")),
            Notice::Judged { said, agreed } => {
                ("judged", format!("the target agrees with {agreed} of {said} tokens said alone"))
            }
            Notice::Revised { removed, .. } => {
                ("revised", format!("the target takes {removed} tokens back"))
            }
        };
        self.chronicle.note(kind, text);
        self.telling.notice(notice);
    }
}
