//! What has happened lately: to links, and to requests while they ran.

use crate::serve::telling::Telling;
use crate::show::{Notice, Show};
use base::Likelihoods;
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
    kept: Mutex<VecDeque<Happened>>,
    tell: broadcast::Sender<Happened>,
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
    fn kept(&self) -> MutexGuard<'_, VecDeque<Happened>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something happened now.
    pub(super) fn note(&self, kind: &'static str, text: String) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let happened = Happened { at_ms, kind, text };
        let mut kept = self.kept();
        if kept.len() == EVENTS_MAX {
            kept.pop_front();
        }
        kept.push_back(happened.clone());
        drop(kept);
        // Nobody need listen.
        let _ = self.tell.send(happened);
    }

    /// The last events.
    pub(super) fn events(&self) -> Vec<Happened> {
        self.kept().iter().cloned().collect()
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
