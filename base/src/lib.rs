//! The few words that all crates share: ids, positions, ranges, fingerprints, roles, sampling,
//! grammars and what they allow, KV formats, wire codecs, names of files.
//!
//! Each word has one file and a checked constructor; there is no I/O and no logic beyond them.

mod allowed;
mod byte_count;
mod draft_length;
mod fingerprint;
mod gguf_part;
mod grammar;
mod kv;
mod layer_range;
mod likelihoods;
mod node;
mod privacy;
mod sampling;
mod token;
mod wire_codec;

pub use allowed::{Allowed, TokenSet};
pub use byte_count::ByteCount;
pub use draft_length::DraftLength;
pub use fingerprint::{ModelFingerprint, TokenizerFingerprint};
pub use gguf_part::GgufPart;
pub use grammar::Grammar;
pub use kv::{KvFormat, StreamWindow, StreamWindowError};
pub use layer_range::{LayerRange, LayerRangeError};
pub use likelihoods::Likelihoods;
pub use node::{NodeName, NodeNameError, Role};
pub use privacy::Privacy;
pub use sampling::{Sampling, SamplingError};
pub use token::{Position, TokenId};
pub use wire_codec::{ChannelScale, UnknownCodec, WireCodec};
