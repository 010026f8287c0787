//! What clients get: replies, chunks of streams, models, vectors; each as JSON text in the order of `docs/API.md`.
//!
//! The two endpoints that reply write one kind of head, usage and `causeway`, and differ in their choices.

mod chat;
mod chat_stream;
mod chunk;
mod completion;
mod completion_stream;
mod embeddings;
mod ending;
mod event;
mod head;
mod logprobs;
mod models;
mod usage;
mod whole;

pub use chat::{ChatChoice, ChatReply};
pub use chat_stream::ChatStream;
pub use chunk::{DONE, Progress};
pub use completion::{CompletionChoice, CompletionReply};
pub use completion_stream::CompletionStream;
pub use embeddings::EmbeddingsReply;
pub use ending::{Ending, FinishReason, Outcome};
pub use event::{Event, EventKind};
pub use head::Head;
pub use logprobs::{Likelihood, TokenLogprobs};
pub use models::{Model, ModelList};
pub use usage::{Cost, TimeMs, Usage};
