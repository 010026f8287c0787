//! What chunks of both endpoints' streams have in common.

use super::{Ending, Event, Head, TokenLogprobs, Usage};
use crate::json;
use serde::Serialize;

/// The data of the event that ends a stream.
pub const DONE: &str = "[DONE]";

/// The tokens that a chunk is of. There may be none: letters of an earlier one, whose rest has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress<'a> {
    /// One entry a token: whether the target vouches for it.
    pub verified: &'a [bool],
    /// One entry a token, where they were asked for.
    pub logprobs: Option<&'a [TokenLogprobs]>,
}

/// Writes chunks around their choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunks {
    pub(super) object: &'static str,
    pub(super) head: Head,
    /// Whether the last chunk says what the reply took; the others then say that they do not.
    pub(super) include_usage: bool,
}

/// What a chunk has beyond OpenAI's.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum News<'a> {
    Verified { verified: &'a [bool] },
    Event { event: &'a Event },
    Ending(&'a Ending),
}

impl<'a> News<'a> {
    /// Of tokens, if there are any.
    pub(super) fn of_tokens(verified: &'a [bool]) -> Option<Self> {
        (!verified.is_empty()).then_some(Self::Verified { verified })
    }
}

impl Chunks {
    pub(super) fn choice(&self, choice: impl Serialize, news: Option<News<'_>>) -> String {
        json::text(&self.chunk([choice], self.include_usage.then_some(None), news))
    }

    /// The chunk behind all choices, where it was asked for.
    pub(super) fn usage(&self, usage: &Usage) -> Option<String> {
        let none: [(); 0] = [];
        self.include_usage.then(|| json::text(&self.chunk(none, Some(Some(usage)), None)))
    }

    fn chunk<'a, C>(
        &'a self,
        choices: C,
        usage: Option<Option<&'a Usage>>,
        causeway: Option<News<'a>>,
    ) -> Chunk<'a, C> {
        let Head { id, created, model } = &self.head;
        Chunk { id, object: self.object, created: *created, model, choices, usage, causeway }
    }
}

#[derive(Serialize)]
struct Chunk<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: C,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causeway: Option<News<'a>>,
}
