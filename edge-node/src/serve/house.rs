//! What all requests share: the door, those who answer, the keys, and what has happened so far.

use crate::config::{Config, ServeSettings};
use crate::metrics::{Metrics, Outcome};
use crate::serve::admission::{Admission, Full, Turn};
use crate::serve::allowance::{Allowances, Exceeded};
use crate::serve::answerer;
use crate::serve::chronicle::{Chronicle, Watched};
use crate::serve::job::Finished;
use crate::serve::keys::{Key, KeyLimits};
use crate::serve::phase::Phase;
use crate::serve::staff::Staff;
use crate::serve::status::LISTENERS_MAX;
use crate::serve::telling::Telling;
use base::NodeName;
use openai::ApiError;
use profile::Power;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use transport::{Network, clock};

/// Whoever asks without a key where none is wanted.
const NOBODY: &str = "anonymous";

/// Who asks a device that stops is told to come back so soon.
pub(super) const DRAINING_RETRY_S: u32 = 5;

/// What all requests share.
pub(super) struct House {
    pub(super) name: NodeName,
    /// What the device draws, where somebody has said so.
    pub(super) power: Option<Power>,
    pub(super) settings: ServeSettings,
    pub(super) network: Network,
    pub(super) began: Instant,
    pub(super) phase: watch::Sender<Phase>,
    pub(super) door: Admission,
    allowances: Mutex<Allowances>,
    pub(super) chronicle: Arc<Chronicle>,
    /// Places for those who listen to what goes on.
    pub(super) listeners: Arc<Semaphore>,
    pub(super) metrics: Metrics,
    /// No request is taken any more.
    draining: CancellationToken,
    /// Those that run are ended.
    ending: CancellationToken,
}

/// The right to one reply. It is paid for when it ends, or is dropped.
pub(super) struct Ticket {
    house: Arc<House>,
    key: Option<Arc<str>>,
    _turn: Turn,
    began: Instant,
    tokens: u64,
}

impl House {
    /// Of a device that is about to start.
    pub(super) fn new(config: &Config, phase: Phase) -> Arc<Self> {
        let settings = config.serve.clone();
        let door = Admission::new(settings.streams_max, settings.queue_max);
        Arc::new(Self {
            name: config.name.clone(),
            power: config.profile.power,
            settings,
            network: config.network.clone(),
            began: clock::now(),
            phase: watch::Sender::new(phase),
            door,
            allowances: Mutex::default(),
            chronicle: Arc::default(),
            listeners: Arc::new(Semaphore::new(LISTENERS_MAX)),
            metrics: Metrics::new(),
            draining: CancellationToken::new(),
            ending: CancellationToken::new(),
        })
    }

    /// Those who answer, where a request would be taken now.
    pub(super) fn staff(&self) -> Result<Arc<Staff>, ApiError> {
        if self.draining.is_cancelled() {
            return Err(ApiError::draining(DRAINING_RETRY_S));
        }
        self.phase.borrow().staff()
    }

    /// Who sends `secret`; nobody in particular, where no keys are wanted.
    pub(super) fn caller(&self, secret: Option<&str>) -> Result<Key, ApiError> {
        let Some(keys) = &self.settings.keys else {
            return Ok(Key { name: NOBODY.into(), limits: KeyLimits::default() });
        };
        let secret = secret.ok_or_else(ApiError::no_key)?;
        keys.find(secret).cloned().ok_or_else(ApiError::wrong_key)
    }

    /// Waits for a turn of `key`, but no longer than until `deadline`: `None` then.
    pub(super) async fn admit_by(
        self: &Arc<Self>,
        key: &Key,
        deadline: Option<Instant>,
    ) -> Result<Option<Ticket>, ApiError> {
        tokio::select! {
            biased;
            ticket = self.admit(key) => ticket.map(Some),
            () = clock::reached(deadline.map(|at| (at, ()))) => Ok(None),
        }
    }

    /// Waits for a turn of `key`.
    pub(super) async fn admit(self: &Arc<Self>, key: &Key) -> Result<Ticket, ApiError> {
        let limited = key.limits != KeyLimits::default();
        let name = limited.then(|| Arc::clone(&key.name));
        if let Some(name) = &name {
            let begun = self.allowances().begin(name, key.limits, clock::now());
            begun.map_err(|Exceeded { limit, retry_after_s }| {
                ApiError::rate_limited(limit, retry_after_s)
            })?;
        }
        // Paid back where the turn is waited for in vain.
        let owed = Owed { house: self, key: name };
        let turn = tokio::select! {
            biased;
            turn = self.door.turn() => turn,
            () = self.ending.cancelled() => return Err(ApiError::draining(DRAINING_RETRY_S)),
        };
        let turn = turn.map_err(|Full { waiting, retry_after_s }| {
            ApiError::queue_full(waiting, retry_after_s)
        })?;
        let (house, key) = (Arc::clone(self), owed.settled());
        Ok(Ticket { house, key, _turn: turn, began: clock::now(), tokens: 0 })
    }

    /// Watches what is told of a choice, for the record.
    pub(super) fn watch(&self, telling: Telling) -> Watched {
        Watched::new(telling, Arc::clone(&self.chronicle))
    }

    /// Cancelled once what runs is to end.
    pub(super) const fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Takes no requests any more, and ends those that run after a while.
    pub(super) async fn drain(&self) {
        /// How often it is looked whether all are over.
        const PERIOD: Duration = Duration::from_millis(20);
        self.draining.cancel();
        let until = clock::now() + self.settings.drain;
        while self.door.load() != (0, 0) && clock::now() < until {
            tokio::time::sleep(PERIOD).await;
        }
        self.ending.cancel();
    }

    fn allowances(&self) -> std::sync::MutexGuard<'_, Allowances> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a key has begun, and nobody ends yet.
struct Owed<'a> {
    house: &'a House,
    key: Option<Arc<str>>,
}

impl Owed<'_> {
    fn settled(mut self) -> Option<Arc<str>> {
        self.key.take()
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.house.allowances().end(key, 0, clock::now());
        }
    }
}

impl Ticket {
    /// It is over, without a reply, and took so many tokens.
    pub(super) fn end_with(mut self, tokens: u64) {
        self.tokens = tokens;
    }

    /// The reply is over.
    pub(super) fn end(mut self, finished: &Result<Finished, ApiError>) {
        let metrics = &self.house.metrics;
        match finished {
            Ok(Finished { choices, usage }) => {
                self.tokens = usage.prompt_tokens + usage.completion_tokens;
                answerer::count(choices, metrics);
            }
            // What is the request's own fault is a refusal, and counted as such.
            Err(error) if error.status < 500 => {}
            Err(_) => metrics.ended(routing::Route::Hybrid, Outcome::Failed),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let now = clock::now();
        self.house.door.note(now - self.began);
        if let Some(key) = &self.key {
            self.house.allowances().end(key, self.tokens, now);
        }
    }
}
