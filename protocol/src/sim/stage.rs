//! A stage's engine with a KV that is checked: it holds exactly the tokens that were run.

use super::model;
use crate::{Chosen, HiddenRows, HopWork, Work};
use base::{Position, TokenId, WireCodec};
use bytes::Bytes;

/// Width of a simulated row of hidden states: one value, the token's id.
pub(super) const WIDTH: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct Engine {
    kv: Vec<TokenId>,
    /// How far its KV may be cut back, but for all of it; `None` is any length.
    reach: Option<usize>,
    /// Times that it forgot.
    pub(super) forgotten: usize,
    /// Rows run so far.
    pub(super) rows: usize,
}

impl Engine {
    pub(super) fn new(reach: Option<usize>) -> Self {
        Self { reach, ..Self::default() }
    }

    /// Runs a verifier's work: the tokens chosen; `None` where the KV does not reach back so far and
    /// is gone.
    pub(super) fn verify(&mut self, work: &Work) -> Option<Chosen> {
        if self.forgets(work.truncate_to) {
            return None;
        }
        self.run(work.truncate_to, &work.tokens, work.hidden.as_ref());
        assert!(work.choose.end <= work.tokens.len(), "chosen rows were run");
        let start = work.truncate_to.index();
        Some(chosen(work.choose.clone().map(|row| &self.kv[..start + row + 1])))
    }

    /// Runs a middle stage's work: its output rows; `None` as in [`Self::verify`].
    pub(super) fn pass_on(&mut self, work: &HopWork) -> Option<Bytes> {
        if self.forgets(work.truncate_to) {
            return None;
        }
        self.run(work.truncate_to, &work.tokens, work.hidden.as_ref());
        Some(rows_of(&work.tokens[work.tokens.len() - work.leaving..]))
    }

    /// Makes the KV that of `text`.
    pub(super) fn catch_up(&mut self, text: &[TokenId]) {
        if !self.kv.starts_with(text) {
            self.kv = text.to_vec();
        }
    }

    fn forgets(&mut self, truncate_to: Position) -> bool {
        let back = self.kv.len().saturating_sub(truncate_to.index());
        let forgets = truncate_to.0 > 0 && self.reach.is_some_and(|reach| back > reach);
        if forgets {
            self.kv.clear();
            self.forgotten += 1;
        }
        forgets
    }

    fn run(&mut self, truncate_to: Position, tokens: &[TokenId], hidden: Option<&HiddenRows>) {
        assert!(truncate_to.index() <= self.kv.len(), "work starts within the KV");
        assert!(!tokens.is_empty(), "work has rows");
        if let Some(hidden) = hidden {
            assert_eq!((hidden.codec, hidden.width), (WireCodec::F32, WIDTH));
            assert_eq!(hidden.payload.len(), hidden.rows * 4);
            assert_eq!(hidden.payload[hidden.skip * 4..], rows_of(tokens)[..], "rows and tokens");
        }
        self.kv.truncate(truncate_to.index());
        self.kv.extend(tokens);
        self.rows += tokens.len();
    }
}

/// The tokens that a head alone chooses in `work`, which ends `text`.
pub(super) fn choose(work: &Work, text: &[TokenId]) -> Chosen {
    let hidden = work.hidden.as_ref().expect("a head reads rows");
    assert_eq!(hidden.payload.len(), hidden.rows * 4);
    assert_eq!(hidden.payload[hidden.skip * 4..], rows_of(&work.tokens)[..], "rows and tokens");
    assert_eq!(work.choose, 0..work.tokens.len(), "no row came for nothing");
    let start = work.truncate_to.index();
    chosen(work.choose.clone().map(|row| &text[..start + row + 1]))
}

/// What the target says after each of these texts, and how likely it is.
fn chosen<'a>(texts: impl Iterator<Item = &'a [TokenId]>) -> Chosen {
    let (tokens, likelihoods) =
        texts.map(|text| (model::target(text), model::likelihoods(text))).unzip();
    Chosen { tokens, likelihoods }
}

/// Hidden states of the simulated world.
pub(super) fn rows_of(tokens: &[TokenId]) -> Bytes {
    tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect()
}
