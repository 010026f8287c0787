//! Stands before a node that may have hidden states and not the text: it gets other token ids.
//!
//! A stage without embedding and head never looks at what a token id means. It compares texts by them, and
//! names KV by them, and that is all. So every id is replaced by another, by a permutation of the vocabulary
//! that a secret and the text before it choose:
//!
//! ```text
//!   below                         Veil                           above
//!   tokens ───────▶ the same text before ⇒ the same ids ───────▶ other ids
//!   tokens ◀──────────────── as they went up ◀────────────────── other ids
//! ```
//!
//! Equal beginnings stay equal, different tokens different, and nothing else is to be seen: neither a word nor
//! how often it comes.
//!
//! What it does not hide: how long a text is, how many drafts were right, and what the hidden states themselves
//! tell one who has the same weights.
//!
//! # Invariants
//!
//! - **Below and above speak of the same positions**; ids and hashes of prefixes are all that is replaced.
//! - **What above says of a text that the veil does not know, is said of no text at all.**

mod shuffle;

#[cfg(test)]
mod tests;

use crate::{
    Fault, FaultKind, Message, Open, Opened, Pass, PrefixCheck, PrefixHash, Transcript, Verdict,
    limits,
};
use base::{Position, Sampling, TokenId};
use shuffle::Shuffle;
use std::collections::VecDeque;

/// The veil of one session.
#[derive(Debug)]
pub struct Veil {
    shuffle: Shuffle,
    /// The text as below says it, as far as it went up.
    plain: Transcript,
    /// As above knows it.
    veiled: Transcript,
    /// Passes that may come back, in their order.
    sent: VecDeque<Sent>,
}

/// A pass that went up.
#[derive(Debug)]
struct Sent {
    plain: Pass,
    /// Its prefix and its tokens, as above knows them.
    prefix: PrefixCheck,
    tokens: Vec<TokenId>,
}

impl Veil {
    /// By a `secret` that nobody above has, for a vocabulary of so many tokens. `text` is what went up by the
    /// same secret before.
    ///
    /// # Panics
    ///
    /// Where the vocabulary is empty.
    pub fn new(secret: [u8; 32], vocab: u32, text: &[TokenId]) -> Self {
        let (plain, veiled, sent) = Default::default();
        let mut veil = Self { shuffle: Shuffle::new(secret, vocab), plain, veiled, sent };
        veil.put(0, text);
        veil
    }

    /// What goes up in the place of `message`.
    ///
    /// # Panics
    ///
    /// Where it is a draft without rows: these are for a node that has all layers.
    pub fn up(&mut self, message: Message) -> Message {
        match message {
            Message::Open(open) => Message::Open(veiled_open(open)),
            Message::Pass(pass) => Message::Pass(self.pass_up(pass)),
            Message::Verdict(verdict) => Message::Verdict(self.verdict_up(verdict)),
            Message::Rollback(rollback) => {
                self.cut(rollback.to.index());
                message
            }
            Message::Draft(_) => panic!("drafts go to a node that has all layers, and no veil"),
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Opened(_)
            | Message::Close(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Fault(_)
            | Message::SegmentRequest(_)
            | Message::SegmentPart(_)
            | Message::Receipt(_) => message,
        }
    }

    /// What `message` from above says below.
    pub fn down(&mut self, message: Message) -> Message {
        match message {
            Message::Opened(opened) => {
                let (held, prefix) = self.known(opened.held, opened.prefix);
                Message::Opened(Opened { held, prefix, ..opened })
            }
            Message::Fault(Fault { kind: FaultKind::Gap { held, prefix }, .. }) => {
                let (held, prefix) = self.known(held, prefix);
                let Message::Fault(fault) = message else { unreachable!("it was one just now") };
                Message::Fault(Fault { kind: FaultKind::Gap { held, prefix }, ..fault })
            }
            Message::Pass(pass) => Message::Pass(self.pass_down(pass)),
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Open(_)
            | Message::Draft(_)
            | Message::Verdict(_)
            | Message::Rollback(_)
            | Message::Close(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Fault(_)
            | Message::SegmentRequest(_)
            | Message::SegmentPart(_)
            | Message::Receipt(_) => message,
        }
    }

    fn pass_up(&mut self, pass: Pass) -> Pass {
        let base = pass.base.index();
        // One that builds on what never went up is for above to refuse.
        let Some(prefix) = self.veiled.hash(base) else { return veiled_gap(pass) };
        if self.plain.hash(base).is_none_or(|plain| plain.check() != pass.prefix) {
            return veiled_gap(pass);
        }
        self.put(base, &pass.tokens);
        let (prefix, tokens) = (prefix.check(), self.veiled.tokens()[base..].to_vec());
        if self.sent.len() >= limits::PASSES_IN_FLIGHT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { plain: pass.clone(), prefix, tokens: tokens.clone() });
        Pass { prefix, tokens, ..pass }
    }

    /// A pass that comes back went up, as it was, on this branch or on one that was left meanwhile. Those before it
    /// do not come any more.
    fn pass_down(&mut self, pass: Pass) -> Pass {
        let at = self.sent.iter().position(|sent| sent.is(&pass));
        match at.and_then(|at| self.sent.drain(..=at).next_back()) {
            Some(Sent { plain: Pass { prefix, tokens, .. }, .. }) => {
                Pass { prefix, tokens, ..pass }
            }
            None => pass,
        }
    }

    /// The target's words, as ids that follow the text before them.
    fn verdict_up(&self, verdict: Verdict) -> Verdict {
        let mut hash = self.plain.hash(verdict.at().index());
        let veil = |token: &TokenId| {
            // Of a text that never went up nothing is to be said; an id without a meaning will do.
            let before = hash.unwrap_or(PrefixHash::EMPTY);
            hash = hash.map(|hash| hash.extend(&[*token]));
            self.shuffle.veiled(before, *token)
        };
        let tokens = verdict.tokens.iter().map(veil).collect();
        Verdict { tokens, ..verdict }
    }

    /// How much of what above holds is known here, and its hash as below computes it.
    fn known(&self, held: Position, prefix: PrefixHash) -> (Position, PrefixHash) {
        let known = self.veiled.hash(held.index()) == Some(prefix);
        match self.plain.hash(held.index()).filter(|_| known) {
            Some(plain) => (held, plain),
            None => (Position::default(), PrefixHash::EMPTY),
        }
    }

    /// The text from `base` on is `tokens`.
    fn put(&mut self, base: usize, tokens: &[TokenId]) {
        let same = self.plain.agreement(base, tokens);
        self.cut(base + same);
        for token in &tokens[same..] {
            let before = self.plain.hash(self.plain.len()).expect("every prefix has its hash");
            self.veiled.extend(&[self.shuffle.veiled(before, *token)]);
            self.plain.extend(&[*token]);
        }
    }

    fn cut(&mut self, length: usize) {
        self.plain.truncate(length);
        self.veiled.truncate(length);
    }
}

impl Sent {
    fn is(&self, pass: &Pass) -> bool {
        let (epoch, base) = (self.plain.epoch, self.plain.base);
        (epoch, base, self.prefix) == (pass.epoch, pass.base, pass.prefix)
            && self.tokens == pass.tokens
    }
}

/// How the target chooses, of what words, and whose KV it may share, is nothing to a node that does not choose.
fn veiled_open(open: Open) -> Open {
    let (sampling, end_tokens) = (Sampling::GREEDY, Vec::new());
    Open { sampling, end_tokens, tenant: None, constraint: None, likelihoods: None, ..open }
}

/// A pass that above cannot place either, and that says nothing.
fn veiled_gap(pass: Pass) -> Pass {
    let tokens = vec![TokenId(0); pass.tokens.len()];
    let [a, b, c, d] = pass.prefix.0;
    Pass { tokens, prefix: PrefixCheck([!a, !b, !c, !d]), ..pass }
}
