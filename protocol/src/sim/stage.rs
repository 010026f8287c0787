//! A stage's engine with a KV that is checked: it holds exactly the tokens that were run.

use super::model;
use crate::{HiddenRows, HopWork, WireCodec, Work};
use base::{Position, TokenId};
use bytes::Bytes;

/// Width of a simulated row of hidden states: one value, the token's id.
pub(super) const WIDTH: u32 = 1;

#[derive(Debug, Default)]
pub(super) struct Engine {
    kv: Vec<TokenId>,
    /// Rows run so far.
    pub(super) rows: usize,
}

impl Engine {
    /// Runs a verifier's work: the tokens chosen.
    pub(super) fn verify(&mut self, work: &Work) -> Vec<TokenId> {
        self.run(work.truncate_to, &work.tokens, work.hidden.as_ref());
        assert!(work.choose.end <= work.tokens.len(), "chosen rows were run");
        let start = work.truncate_to.index();
        work.choose.clone().map(|row| model::target(&self.kv[..start + row + 1])).collect()
    }

    /// Runs a middle stage's work: its output rows.
    pub(super) fn pass_on(&mut self, work: &HopWork) -> Bytes {
        self.run(work.truncate_to, &work.tokens, work.hidden.as_ref());
        rows_of(&work.tokens)
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

/// Hidden states of the simulated world.
pub(super) fn rows_of(tokens: &[TokenId]) -> Bytes {
    tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect()
}
