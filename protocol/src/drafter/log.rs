//! The committed token log: what the user has seen, and who vouches for it.

use crate::{PrefixHash, Transcript};
use base::{Position, TokenId};

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// An end token, which is the last of the log.
    End,
    /// `tokens_max` or `positions_max`.
    Length,
    /// The shell asked: a stop string, or the user.
    Stopped,
    /// The target refused the request itself.
    Rejected,
}

/// Prompt and generated tokens, each generated one verified (the target's word) or not.
///
/// # Invariants
///
/// - **Nothing verified is taken back.** Unverified tokens at the log's end are, by a target that revises
///   them ([`super::AfterOutage::Revise`]); with [`super::AfterOutage::Keep`] nothing ever is.
/// - **A mark only ever turns from unverified to verified.**
#[derive(Debug, Clone)]
pub struct TokenLog {
    text: Transcript,
    prompt_len: usize,
    /// One a generated token.
    verified: Vec<bool>,
}

impl TokenLog {
    pub(super) fn new(prompt: &[TokenId]) -> Self {
        let mut text = Transcript::default();
        text.extend(prompt);
        Self { text, prompt_len: prompt.len(), verified: Vec::new() }
    }

    /// Prompt and generated tokens.
    pub fn tokens(&self) -> &[TokenId] {
        self.text.tokens()
    }

    /// The generated tokens.
    pub fn generated(&self) -> &[TokenId] {
        &self.text.tokens()[self.prompt_len..]
    }

    /// For each generated token, whether the target vouches for it.
    pub fn verified(&self) -> &[bool] {
        &self.verified
    }

    /// Length with the prompt.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is neither prompt nor text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The position after the last token.
    pub fn end(&self) -> Position {
        self.text.end()
    }

    pub(super) fn hash(&self, length: usize) -> Option<PrefixHash> {
        self.text.hash(length)
    }

    pub(super) fn push(&mut self, tokens: &[TokenId], verified: bool) {
        self.text.extend(tokens);
        self.verified.resize(self.text.len() - self.prompt_len, verified);
    }

    pub(super) fn verify(&mut self, position: usize) {
        self.verified[position - self.prompt_len] = true;
    }

    /// Takes back what stands at `length` and after. How many tokens that were.
    pub(super) fn cut(&mut self, length: usize) -> usize {
        let cut = self.verified.split_off(length - self.prompt_len);
        assert!(!cut.contains(&true), "a verified token is taken back");
        self.text.truncate(length);
        cut.len()
    }
}
