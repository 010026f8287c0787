//! The head of a chain that comes back: at the device, or at the gateway before the node where it turns.
//!
//! ```text
//!            handle_going_up                                    handle_opened, handle_pass
//!   below ──────────────────────────────▶ above ──── turns ───▶ Verifier of the head alone
//!   below ◀──────────────── Opened, Verdict, Fault ────────────────┘ │
//!                                           above ◀───── Verdict ────┘
//! ```
//!
//! # Invariants
//!
//! - **Below hears what it hears of any chain.** Whether the head is here, it cannot tell.
//! - **Every verdict goes up before it goes down**, so that above hears it before it gets what is built on it.

#[cfg(test)]
mod tests;

use crate::error::PeerMisbehaved;
use crate::{
    Chosen, FaultKind, Message, Open, Opened, Pass, PrefixHash, Rollback, Side, Verdict, Verifier,
    VerifierConfig, Work,
};
use base::{Position, TokenId, WireCodec};
use bytes::Bytes;
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Instant;

/// The head of one session's chain, where it is behind the session above.
#[derive(Debug)]
pub struct Homecoming {
    verifier: Verifier,
    /// On its way up, or through the stages there.
    opening: Option<Open>,
    outbox: VecDeque<(Side, Message)>,
}

impl Homecoming {
    /// Of a session that is not opened yet, whose hidden states return in `codec` and of this `width`.
    pub fn new(codec: WireCodec, width: u32) -> Self {
        let config = VerifierConfig { hidden: Some((codec, width)), head_alone: true };
        Self { verifier: Verifier::new(config), opening: None, outbox: VecDeque::new() }
    }

    /// Goes up: the session is opened or resumed.
    pub(crate) fn handle_open(&mut self, open: Open) {
        self.opening = Some(open);
    }

    /// Goes up: the text is cut.
    pub(crate) fn handle_rollback(&mut self, rollback: &Rollback) {
        self.verifier.handle_rollback(rollback);
    }

    /// From below: it sees what goes up.
    pub fn handle_going_up(&mut self, message: &Message) {
        if let Message::Open(open) = message {
            self.handle_open(open.clone());
        }
        if let Message::Rollback(rollback) = message {
            self.handle_rollback(rollback);
        }
    }

    /// From above: what the stages there hold. Of as much of it as `text` is, what is known of the text here,
    /// the head knows, too. Ignored where it answers another `Open`.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::HeldTooMuch`] where it is more than was asked for.
    pub fn handle_opened(
        &mut self,
        opened: &Opened,
        text: &[TokenId],
    ) -> Result<(), PeerMisbehaved> {
        let Some(open) = self.opening.take_if(|open| open.epoch == opened.epoch) else {
            return Ok(());
        };
        if opened.held > open.have {
            return Err(PeerMisbehaved::HeldTooMuch { held: opened.held, asked: open.have });
        }
        let held = text.get(..opened.held.index());
        let held = held.filter(|held| PrefixHash::EMPTY.extend(held) == opened.prefix);
        if let Some(held) = held {
            self.verifier.know(held);
        }
        let have = held.map_or(Position(0), |held| Position::after(held.len()));
        self.verifier.handle_open(&Open { have, ..open });
        Ok(())
    }

    /// From above: a pass that every layer has run. One of an older epoch is dropped.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`] where it breaks the session's rules.
    pub fn handle_pass(
        &mut self,
        now: Instant,
        pass: Pass,
        payload: Bytes,
    ) -> Result<(), PeerMisbehaved> {
        match self.opening.as_ref().map(|open| pass.epoch.cmp(&open.epoch)) {
            None => {}
            // Above answers first, and then goes on.
            Some(Ordering::Less | Ordering::Equal) => return Ok(()),
            // Nobody waits for the answer any more.
            Some(Ordering::Greater) => {
                if let Some(open) = self.opening.take() {
                    self.verifier.handle_open(&Open { have: Position(0), ..open });
                    let _unwanted = self.verifier.poll_transmit();
                }
            }
        }
        self.verifier.handle_pass(now, pass, payload)
    }

    /// As [`Verifier::poll_work`]; a work is one of the head alone.
    pub fn poll_work(&mut self, now: Instant) -> Option<Work> {
        self.verifier.poll_work(now)
    }

    /// As [`Verifier::handle_chosen`].
    ///
    /// # Panics
    ///
    /// As there.
    pub fn handle_chosen(&mut self, now: Instant, chosen: Chosen, us: u32) {
        self.verifier.handle_chosen(now, chosen, us);
    }

    /// As [`Verifier::handle_refused`].
    ///
    /// # Panics
    ///
    /// As there.
    pub fn handle_refused(&mut self, kind: FaultKind, detail: &str, retry_after_ms: Option<u32>) {
        self.verifier.handle_refused(kind, detail, retry_after_ms);
    }

    /// As [`Verifier::handle_abandoned`].
    ///
    /// # Panics
    ///
    /// As there.
    pub fn handle_abandoned(&mut self) {
        self.verifier.handle_abandoned();
    }

    /// As [`Verifier::is_obsolete`].
    pub fn is_obsolete(&self) -> bool {
        self.verifier.is_obsolete()
    }

    /// The next message for a neighbour.
    pub fn poll_transmit(&mut self) -> Option<(Side, Message)> {
        while let Some(message) = self.verifier.poll_transmit() {
            if let Message::Verdict(verdict) = &message {
                // Layers need the words alone.
                let words = Verdict { likelihoods: Vec::new(), ..verdict.clone() };
                self.outbox.push_back((Side::Up, Message::Verdict(words)));
            }
            self.outbox.push_back((Side::Down, message));
        }
        self.outbox.pop_front()
    }

    /// The verifier, for what is to be known of it.
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }
}
