//! What a verifier was asked, and the work that is under way for it.

use crate::Pass;
use crate::branch::Tip;
use base::TokenId;
use std::ops::Range;

/// A work in the hands of the shell.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) start: usize,
    pub(super) rows: usize,
    /// Not run: the shell looks for what is known of the rows.
    pub(super) told: bool,
    pub(super) choose: Range<usize>,
    /// `None` where it became void.
    pub(super) purpose: Option<Purpose>,
    /// Chosen by other sampling parameters than the session has now.
    pub(super) outdated: bool,
}

/// What a running work is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// It answers this.
    Answer(Question),
    /// The target goes on alone.
    GoOn,
}

/// Positions that are asked about.
#[derive(Debug)]
pub(super) struct Question {
    /// The position of the first token.
    pub(super) base: usize,
    pub(super) tokens: Vec<TokenId>,
    /// The first position that the verdict speaks of.
    pub(super) from: usize,
    /// How many tokens from there on were said; the rest are drafts.
    pub(super) said: usize,
    /// Whether a verdict is wanted, or only an acknowledgement.
    pub(super) ask: bool,
    /// Whether nothing is to be run for it.
    pub(super) told: bool,
    /// Where the tokens end.
    pub(super) tip: Tip,
}

impl Question {
    /// Whether `pass`, of the same epoch, asks just this.
    pub(super) fn is_of(&self, pass: &Pass) -> bool {
        let asked = (pass.base.index(), pass.ask, pass.said as usize, pass.told);
        (self.base, self.ask, self.said, self.told) == asked && self.tokens == pass.tokens
    }

    /// The position after the last token.
    pub(super) const fn end(&self) -> usize {
        self.base + self.tokens.len()
    }
}
