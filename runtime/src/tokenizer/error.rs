//! Why a tokenizer cannot be had from what a model file or folder says.

use std::path::PathBuf;

/// A tokenizer that is missing, broken, or of a kind that is not known here.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A metadata key that every tokenizer needs is absent.
    #[error("metadata key {key:?} is missing")]
    MissingKey {
        /// The GGUF key.
        key: &'static str,
    },
    /// Two lists that describe the same pieces differ in length.
    #[error("{list} has {actual} entries for {expected} pieces")]
    ListLength {
        /// Which list.
        list: &'static str,
        /// Its length.
        actual: usize,
        /// The number of pieces.
        expected: usize,
    },
    /// More than any known tokenizer has.
    #[error("{what} is {actual}, above the limit of {limit}")]
    TooLarge {
        /// What was counted, and its unit.
        what: &'static str,
        /// How many there are.
        actual: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A special token's id lies outside the vocabulary.
    #[error("{what} is token {id}, but the vocabulary has {pieces} pieces")]
    IdOutOfRange {
        /// Which special token.
        what: &'static str,
        /// Its id.
        id: u32,
        /// The number of pieces.
        pieces: usize,
    },
    /// A piece's kind or score has no meaning.
    #[error("piece {id} has {what}")]
    BadPiece {
        /// The piece's id.
        id: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A merge is not two pieces whose concatenation is a piece.
    #[error("merge {index} ({merge:?}) does not join two pieces into a third")]
    BadMerge {
        /// Its rank.
        index: usize,
        /// As it was written.
        merge: String,
    },
    /// A name that is not among the known ones.
    #[error("{what} {name:?} is unknown; known are {known}")]
    Unknown {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// All known names.
        known: String,
    },
    /// A file of a model folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file of a model folder is not the JSON it should be.
    #[error("{} does not parse", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// `tokenizer.json` asks for something that is not supported.
    #[error("tokenizer.json: {what}")]
    Unsupported {
        /// What it asks for.
        what: String,
    },
}
