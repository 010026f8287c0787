//! OpenAI's HTTP API as types: requests read and checked, replies, chunks and errors written. No sockets, no clock.
//!
//! `docs/API.md` is normative; this crate is that page.
//!
//! ```text
//!   body ────▶ ChatRequest::read ──┐                    ┌─▶ ChatReply ──▶ JSON
//!   headers ─▶ with_headers ───────┴─▶ whoever answers ─┼─▶ ChatStream ─▶ JSON of each event
//!                     └──────────▶ ApiError ────────────┘
//! ```
//!
//! # Invariants
//!
//! - **Nothing is silently ignored.** What a request says is in the value that was read from it, is one of the few
//!   parameters that are taken and have no effect, or is refused with an error whose `param` names it.
//! - **No body makes this crate panic**, or hold much more than the body's own length.
//! - **No clock, no randomness, no I/O.** Ids and times are handed in.

#![forbid(unsafe_code)]

mod error;
mod extension;
mod json;
mod reply;
mod request;
mod tool_call;

#[cfg(test)]
mod tests;

pub use error::{ApiError, ErrorKind};
pub use extension::{Conversation, Extension, Policy, Route};
pub use reply::{
    ChatChoice, ChatReply, ChatStream, CompletionChoice, CompletionReply, CompletionStream, Cost,
    DONE, EmbeddingsReply, Ending, Event, EventKind, FinishReason, Head, Likelihood, Model,
    ModelList, Outcome, Progress, TimeMs, TokenLogprobs, Usage,
};
pub use request::{
    BODY_LEN_MAX, ChatRequest, ChatRole, CompletionRequest, EmbeddingsRequest, Encoding,
    GRAMMAR_LEN_MAX, INPUTS_MAX, MESSAGES_MAX, Message, Options, TOOLS_MAX, Tool, ToolCall,
    ToolChoice,
};
pub use tool_call::{Called, Said, ToolCallReader, ToolStyle};
