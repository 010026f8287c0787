//! How two vocabularies differ, for whoever wanted their models to be a pair.

use super::Tokenizer;
use super::encoder::SpacePrefix;
use super::vocabulary::{Kind, Piece};
use base::TokenId;
use std::fmt;

/// A token id that does not mean the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The id.
    pub token: TokenId,
    /// What it is in the first one; `None` where that has no such token.
    pub ours: Option<String>,
    /// What it is in the other one.
    pub theirs: Option<String>,
}

/// The two families of tokenizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenizerKind {
    /// Pieces of characters, `▁` for a space.
    SentencePiece,
    /// Pieces of bytes.
    ByteLevel,
}

impl Tokenizer {
    /// The first tokens that differ, `most` at most; none of two with equal fingerprints.
    pub fn differences(&self, other: &Self, most: usize) -> Vec<Difference> {
        let (ours, theirs) = (&self.parts.vocabulary, &other.parts.vocabulary);
        let length = ours.pieces.len().max(theirs.pieces.len());
        let tokens = (0..).map(TokenId).take(length);
        let pairs = tokens.map(|token| (token, ours.get(token), theirs.get(token)));
        pairs
            .filter(|(_, ours, theirs)| ours.map(meaning) != theirs.map(meaning))
            .map(|(token, ours, theirs)| Difference {
                token,
                ours: ours.map(|piece| piece.name.clone()),
                theirs: theirs.map(|piece| piece.name.clone()),
            })
            .take(most)
            .collect()
    }

    /// Of which family it is.
    pub fn kind(&self) -> TokenizerKind {
        let encoder = &self.parts.encoder;
        let spelt = self.parts.vocabulary.pieces.iter().any(|piece| piece.kind == Kind::Byte);
        if spelt || encoder.escapes_spaces || encoder.prefix != SpacePrefix::Never {
            TokenizerKind::SentencePiece
        } else {
            TokenizerKind::ByteLevel
        }
    }
}

/// What the fingerprint is of: what a token writes, or which marker it is.
fn meaning(piece: &Piece) -> (bool, &[u8]) {
    let hidden = piece.kind.is_hidden();
    (hidden, if hidden { piece.name.as_bytes() } else { &piece.bytes })
}

impl fmt::Display for TokenizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SentencePiece => "SentencePiece",
            Self::ByteLevel => "byte-level BPE",
        })
    }
}
