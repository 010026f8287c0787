//! A reply to a conversation, as it grows.
//!
//! ```text
//!   opening(i) ─▶ ( content(i) | tool_call(i) | event )* ─▶ finish(i)   for each choice, in any order
//!   usage ─▶ DONE                                                      when all of them have finished
//! ```

use super::chunk::{Chunks, News};
use super::logprobs::ChatLogprobs;
use super::{Ending, Event, FinishReason, Head, Progress, Usage};
use crate::request::ToolCall;
use serde::Serialize;

/// Writes the data of each event of a stream; it holds what all of them repeat, and no state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatStream(Chunks);

impl ChatStream {
    /// Of the reply with this head.
    pub const fn new(head: Head, include_usage: bool) -> Self {
        Self(Chunks { object: "chat.completion.chunk", head, include_usage })
    }

    /// The first chunk of choice `index`: who speaks.
    pub fn opening(&self, index: u32) -> String {
        let delta = Delta { role: Some("assistant"), content: Some(""), ..Delta::default() };
        self.delta(index, delta, Progress::default())
    }

    /// More text; it may be empty, where tokens have come that spell nothing yet.
    pub fn content(&self, index: u32, text: &str, progress: Progress<'_>) -> String {
        let content = (!text.is_empty()).then_some(text);
        self.delta(index, Delta { content, ..Delta::default() }, progress)
    }

    /// A call, the `at`-th of its choice, counted from 0.
    pub fn tool_call(
        &self,
        index: u32,
        at: u32,
        call: &ToolCall,
        progress: Progress<'_>,
    ) -> String {
        let calls = Some([CallDelta { index: at, call }]);
        self.delta(index, Delta { tool_calls: calls, ..Delta::default() }, progress)
    }

    fn delta(&self, index: u32, delta: Delta<'_>, progress: Progress<'_>) -> String {
        let logprobs = progress.logprobs.map(ChatLogprobs::of);
        let choice = Choice { index, delta, finish_reason: None, logprobs };
        self.0.choice(choice, News::of_tokens(progress.verified))
    }

    /// Something that happened to a choice.
    pub fn event(&self, event: &Event) -> String {
        self.0.choice(Choice::bare(event.index, None), Some(News::Event { event }))
    }

    /// The last chunk of choice `index`.
    pub fn finish(&self, index: u32, reason: FinishReason, ending: &Ending) -> String {
        self.0.choice(Choice::bare(index, Some(reason)), Some(News::Ending(ending)))
    }

    /// What all choices took; `None` where it was not asked for.
    pub fn usage(&self, usage: &Usage) -> Option<String> {
        self.0.usage(usage)
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<FinishReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<ChatLogprobs<'a>>,
}

impl Choice<'_> {
    fn bare(index: u32, finish_reason: Option<FinishReason>) -> Self {
        Self { index, delta: Delta::default(), finish_reason, logprobs: None }
    }
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: u32,
    #[serde(flatten)]
    call: &'a ToolCall,
}
