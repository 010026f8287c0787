//! The model half of a node: weights, tokenizer, decoder, KV pool, sampler.
//!
//! The model does not know that there is a network: nothing here names a socket or a peer, and no
//! clock is read but for the last use of files on disk. Weights are mapped from disk by layer range; one
//! operation, [`Stage::forward`], runs a ragged batch of positions through them and serves prefill,
//! decode and verify alike. KV that was computed elsewhere, or before a restart, comes as [`Segment`]s.

mod chat_template;
mod config;
mod decoder;
mod facts;
mod fingerprint;
pub mod free_memory;
mod gguf;
mod hop_coder;
mod hugging_face;
mod kv;
mod load_error;
mod mapped_file;
mod model_file;
pub mod sampler;
mod segment_store;
mod stop;
mod tokenizer;
mod weights;

pub use chat_template::{Chat, ChatError, ToolCall, Turn};
pub use config::{LayerParts, ModelConfig, Rope, RopeScaling};
pub use decoder::{ForwardError, Input, InputError, Span, SpanOutput, Stage, StageSpec};
pub use facts::{ModelFacts, TensorKind};
pub use hop_coder::{HopCoder, ScalesError};
/// What is wrong with a coded segment.
pub use kernels::CodedKvError;
/// The threads that passes run on.
pub use kernels::Pool;
pub use kv::{
    Arrival, BLOCK_SLOTS, KvOptions, KvPool, Lineage, PoolCounts, PoolError, PrefixScope,
    ROLLBACK_MAX, RollbackError, SEGMENT_BYTES_MAX, Segment, SegmentError, SegmentFormat,
    SegmentKey, Segments, SequenceId, TextKey,
};
pub use load_error::LoadError;
pub use model_file::ModelFile;
pub use segment_store::{SegmentStore, StoreCounts, StoreError};
pub use stop::{Emitted, StopStrings};
pub use tokenizer::{
    Difference, GgufVocabulary, Markers, TextStream, Tokenizer, TokenizerError, TokenizerKind,
};
