//! Branches of drafts: a device drafts on while verdicts are under way, so that what it sends may
//! build on a draft that the target has contradicted meanwhile. Such drafts are stale, and no gap.
//!
//! Positions and prefix checks tell branches apart: a chunk belongs to a contradicted branch exactly
//! where it continues that branch's last chunk. Chunks of a session come in order, so that the last
//! contradicted branch is the only one of which more can come.

use crate::{PrefixCheck, PrefixHash};
use base::TokenId;

/// Where a text ends, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tip {
    length: usize,
    hash: PrefixHash,
}

impl Tip {
    /// The end of a text of `length` tokens with this hash.
    pub(crate) const fn new(length: usize, hash: PrefixHash) -> Self {
        Self { length, hash }
    }

    /// How many tokens it follows.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Whether a chunk that stands at `base` after `prefix` continues the text.
    pub(crate) fn continues(&self, base: usize, prefix: PrefixCheck) -> bool {
        self.length == base && self.hash.check() == prefix
    }

    /// The end after `tokens` more.
    #[must_use]
    pub(crate) fn after(self, tokens: &[TokenId]) -> Self {
        Self { length: self.length + tokens.len(), hash: self.hash.extend(tokens) }
    }
}
