//! What is wrong with bytes that are no coded KV.

use crate::rans::Corrupt;
use std::fmt;

/// Why bytes are no coded layers. The sender is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodedKvError {
    /// They end within the layer.
    Short,
    /// There are some behind the last layer.
    Long,
    /// They begin as no form of a layer does.
    Form(u8),
    /// A step is negative, no number, or beyond what there is.
    Step,
    /// More or fewer escapes than codes that stand for one.
    Escapes,
    /// The entropy code does not end where it should.
    Entropy,
}

impl From<Corrupt> for CodedKvError {
    fn from(corrupt: Corrupt) -> Self {
        match corrupt {
            Corrupt::Short => Self::Short,
            Corrupt::End => Self::Entropy,
        }
    }
}

impl fmt::Display for CodedKvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the bytes end within a layer of coded KV"),
            Self::Long => f.write_str("there are bytes behind the last layer of coded KV"),
            Self::Form(form) => {
                write!(f, "a layer of coded KV begins with {form}; 0 and 1 are known")
            }
            Self::Step => f.write_str("a step of coded KV is out of range"),
            Self::Escapes => f.write_str("coded KV has another number of escapes than it uses"),
            Self::Entropy => f.write_str("the entropy code of KV does not end where it should"),
        }
    }
}

impl std::error::Error for CodedKvError {}
