//! What clients ask for, read from bodies and checked.

mod chat;
mod completion;
mod embeddings;
mod format;
mod message;
mod options;
mod tools;

pub use chat::ChatRequest;
pub use completion::CompletionRequest;
pub use embeddings::{EmbeddingsRequest, Encoding, INPUTS_MAX};
pub use format::GRAMMAR_LEN_MAX;
pub use message::{ChatRole, MESSAGES_MAX, Message, ToolCall};
pub use options::Options;
pub use tools::{TOOLS_MAX, Tool, ToolChoice};

/// Bytes of a body that whoever reads it takes at most: a context of a million tokens as text.
pub const BODY_LEN_MAX: usize = 4 << 20;
