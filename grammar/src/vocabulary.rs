//! A tokenizer's vocabulary, as far as grammars know one: which bytes each token writes.

use crate::error::GrammarError;
use crate::limits;
use base::TokenId;
use llguidance::ParserFactory;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a token adds to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes: part of a character where it must be.
    Text(Vec<u8>),
    /// Nothing: it steers the model, and is never part of a guided text.
    Special,
}

/// `None` for what is no text.
impl From<Option<&[u8]>> for Piece {
    fn from(bytes: Option<&[u8]>) -> Self {
        bytes.map_or(Self::Special, |bytes| Self::Text(bytes.to_vec()))
    }
}

/// The tokens of a model, by the bytes they write, with what all grammars share. Made once for a tokenizer.
pub struct Vocabulary {
    factory: ParserFactory,
    tokens: u32,
}

impl Vocabulary {
    /// Of these pieces, in the order of their ids. Takes tenths of a second for 100,000.
    ///
    /// # Errors
    ///
    /// [`GrammarError::Vocabulary`] where there are more than any model has.
    pub fn new(pieces: impl IntoIterator<Item = Piece>) -> Result<Self, GrammarError> {
        let mut words: Vec<Vec<u8>> = pieces.into_iter().map(word).collect();
        let too_large = GrammarError::Vocabulary("it is too large");
        let Ok(tokens) = u32::try_from(words.len()) else { return Err(too_large) };
        // The token that stands for the end of a text, whichever of its ends a model says: one of our own,
        // so that it is no other.
        words.push(Vec::new());
        let make = || {
            let trie = TokTrie::from(&TokRxInfo::new(tokens + 1, tokens), &words);
            // No bytes are forced: which tokens spell a text is the model's to say.
            let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
            let slices = llguidance::earley::SlicedBiasComputer::json_slices();
            ParserFactory::new(&environment, InferenceCapabilities::default(), &slices)
        };
        let mut factory = catch_unwind(AssertUnwindSafe(make))
            .map_err(|_| too_large)?
            .map_err(|_| GrammarError::Vocabulary("its slices do not compile"))?;
        *factory.quiet().limits_mut() = limits::parser();
        Ok(Self { factory, tokens })
    }

    /// How many tokens it has.
    pub const fn len(&self) -> usize {
        self.tokens as usize
    }

    /// Whether it has no tokens.
    pub const fn is_empty(&self) -> bool {
        self.tokens == 0
    }

    /// Whether `token` can be part of a guided text.
    pub(crate) fn is_text(&self, token: TokenId) -> bool {
        !self.factory.tok_env().tok_trie().token(token.0).is_empty()
    }

    /// The token that stands for the end of a text in masks.
    pub(crate) const fn end(&self) -> u32 {
        self.tokens
    }

    pub(crate) const fn factory(&self) -> &ParserFactory {
        &self.factory
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// A piece as the trie wants it; nothing for what no guided text holds.
fn word(piece: Piece) -> Vec<u8> {
    match piece {
        // No UTF-8 has the byte 0xff, and behind it the trie would look for names of special tokens.
        Piece::Text(bytes) if bytes.len() <= limits::PIECE_BYTES_MAX && !bytes.contains(&0xff) => {
            bytes
        }
        Piece::Text(_) | Piece::Special => Vec::new(),
    }
}
