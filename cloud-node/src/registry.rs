//! Who is admitted: sessions counted by peer and by the KV they reserve, before anything is held
//! for them.
//!
//! ```text
//!            admit                     leave                 expired, or room is needed
//!   (none) ────────▶ Served(turn) ────────────▶ Orphan(since) ────────────▶ (none)
//!                        ▲  │ admit, same peer      │ admit, same peer
//!                        └──┴───────────────────────┘ next turn: the one before is void
//! ```
//!
//! # Invariants
//!
//! - **A session belongs to the peer that opened it.** The key holds the peer's certified name, so
//!   no peer can reach, end or even notice another's session by naming its id.
//! - **Reserved bytes never exceed the pool**, so a session that was admitted finds room for
//!   every position that it asked for.
//! - **Nobody who is served is put out for someone new**: only orphans are, the oldest first.
//! - No clock and no I/O: time is an argument.

use crate::config::Limits;
use base::ByteCount;
use protocol::{Epoch, SessionId};
use std::collections::BTreeMap;
use std::time::Instant;
use transport::Peer;

/// A session, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionKey {
    /// By its certificate.
    pub(crate) peer: Peer,
    /// As the peer named it.
    pub(crate) session: SessionId,
}

/// One turn at a session: from one Open to the end of its channel. A later turn voids it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// All sessions that are served or wait for their device. `State` is what is kept of each.
#[derive(Debug)]
pub(crate) struct Registry<State> {
    limits: Limits,
    /// Of the pool.
    kv_max: ByteCount,
    draining: bool,
    turns: u64,
    kv: ByteCount,
    sessions: BTreeMap<SessionKey, Entry<State>>,
}

#[derive(Debug)]
struct Entry<State> {
    state: State,
    epoch: Epoch,
    kv: ByteCount,
    turn: Turn,
    orphan_since: Option<Instant>,
}

/// Why a session is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// This node is about to stop.
    #[error("this node is being stopped and takes no more sessions")]
    Draining,
    /// No session is free.
    #[error("all {sessions_max} sessions of this node are taken")]
    Sessions { sessions_max: usize },
    /// No session is free for this peer.
    #[error("this peer has all {sessions_max} sessions that one peer may have")]
    PeerSessions { sessions_max: usize },
    /// An Open that was overtaken by a later one of the same session.
    #[error("the session was opened in epoch {newest} since")]
    Outdated { newest: Epoch },
    /// The KV pool is promised to others.
    #[error("the session's KV may take {kv}, of which {free} are free")]
    Memory { kv: ByteCount, free: ByteCount },
    /// The KV pool is smaller than that.
    #[error("the session's KV may take {kv}; this node has {kv_max} for all sessions")]
    TooMuch { kv: ByteCount, kv_max: ByteCount },
}

impl Refusal {
    /// In a word, for who counts.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Sessions { .. } => "sessions",
            Self::PeerSessions { .. } => "peer_sessions",
            Self::Outdated { .. } => "outdated",
            Self::Memory { .. } => "memory",
            Self::TooMuch { .. } => "too_much",
        }
    }
}

impl<State: Clone> Registry<State> {
    /// For a pool of `kv_max`.
    pub(crate) const fn new(limits: Limits, kv_max: ByteCount) -> Self {
        let kv = ByteCount(0);
        Self { limits, kv_max, draining: false, turns: 0, kv, sessions: BTreeMap::new() }
    }

    /// Admits a session from `epoch` on that reserves `kv`, and gives what is kept of it: from
    /// before, where this peer had it open or left it, else what `fresh` makes. What it reserved
    /// before stays reserved, since it may hold KV there.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: nothing changed, but for orphans that had to go.
    pub(crate) fn admit(
        &mut self,
        key: &SessionKey,
        epoch: Epoch,
        kv: ByteCount,
        fresh: impl FnOnce() -> State,
    ) -> Result<(Turn, State), Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        let newest = self.sessions.get(key).map_or(epoch, |entry| entry.epoch);
        if epoch < newest {
            return Err(Refusal::Outdated { newest });
        }
        if kv > self.kv_max {
            return Err(Refusal::TooMuch { kv, kv_max: self.kv_max });
        }
        let kv = self.sessions.get(key).map_or(kv, |entry| entry.kv.max(kv));
        self.make_room(key, kv)?;
        self.turns += 1;
        let turn = Turn(self.turns);
        let entry = self.sessions.entry(key.clone()).or_insert_with(|| Entry {
            state: fresh(),
            epoch,
            kv: ByteCount(0),
            turn,
            orphan_since: None,
        });
        self.kv = self.kv - entry.kv + kv;
        (entry.epoch, entry.kv) = (epoch, kv);
        (entry.turn, entry.orphan_since) = (turn, None);
        Ok((turn, entry.state.clone()))
    }

    /// The channel of a turn has ended without a word: the session waits for its device.
    pub(crate) fn leave(&mut self, key: &SessionKey, turn: Turn, now: Instant) {
        if let Some(entry) = self.sessions.get_mut(key).filter(|entry| entry.turn == turn) {
            entry.orphan_since = Some(now);
        }
    }

    /// The session of a turn is over.
    pub(crate) fn remove(&mut self, key: &SessionKey, turn: Turn) {
        if self.sessions.get(key).is_some_and(|entry| entry.turn == turn) {
            self.forget(key);
        }
    }

    /// Ends the orphans whose time is over.
    pub(crate) fn expire(&mut self, now: Instant) {
        let grace = self.limits.orphan;
        let expired = self.sessions.iter().filter(|(_, entry)| {
            entry.orphan_since.is_some_and(|since| now.duration_since(since) >= grace)
        });
        for key in expired.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.forget(&key);
        }
    }

    /// Admits nobody from now on.
    pub(crate) const fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether nobody is admitted any more.
    pub(crate) const fn is_draining(&self) -> bool {
        self.draining
    }

    /// How many sessions are being served.
    pub(crate) fn served(&self) -> usize {
        self.sessions.values().filter(|entry| entry.orphan_since.is_none()).count()
    }

    /// How many wait for their device.
    pub(crate) fn orphans(&self) -> usize {
        self.sessions.len() - self.served()
    }

    /// What all of them may take.
    pub(crate) const fn reserved(&self) -> ByteCount {
        self.kv
    }

    /// Ends orphans until `key` fits, the oldest first, and never its own.
    fn make_room(&mut self, key: &SessionKey, kv: ByteCount) -> Result<(), Refusal> {
        let limits = self.limits;
        while self.count(key, |other| other.peer == key.peer) >= limits.sessions_per_peer_max {
            let refusal = Refusal::PeerSessions { sessions_max: limits.sessions_per_peer_max };
            self.end_orphan(|other| other.peer == key.peer && other != key, refusal)?;
        }
        while self.count(key, |_| true) >= limits.sessions_max {
            let refusal = Refusal::Sessions { sessions_max: limits.sessions_max };
            self.end_orphan(|other| other != key, refusal)?;
        }
        let own = self.sessions.get(key).map_or(ByteCount(0), |entry| entry.kv);
        while self.kv - own + kv > self.kv_max {
            let free = self.kv_max - (self.kv - own);
            self.end_orphan(|other| other != key, Refusal::Memory { kv, free })?;
        }
        Ok(())
    }

    /// How many sessions other than `key` there are among `these`.
    fn count(&self, key: &SessionKey, these: impl Fn(&SessionKey) -> bool) -> usize {
        self.sessions.keys().filter(|other| *other != key && these(other)).count()
    }

    fn end_orphan(
        &mut self,
        may: impl Fn(&SessionKey) -> bool,
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        let orphans = self.sessions.iter().filter(|(key, _)| may(key));
        let orphans = orphans.filter_map(|(key, entry)| Some((entry.orphan_since?, key)));
        let oldest = orphans.min().map(|(_, key)| key.clone()).ok_or(refusal)?;
        self.forget(&oldest);
        Ok(())
    }

    fn forget(&mut self, key: &SessionKey) {
        if let Some(entry) = self.sessions.remove(key) {
            self.kv = self.kv - entry.kv;
        }
    }
}

#[cfg(test)]
mod tests;
