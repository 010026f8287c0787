//! A continuation of a text, as it grows.

use super::chunk::{Chunks, News};
use super::completion::OBJECT;
use super::logprobs::TextLogprobs;
use super::{Ending, Event, FinishReason, Head, Progress, Usage};
use serde::Serialize;

/// Writes the data of each event of a stream; it holds what all of them repeat, and no state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionStream(Chunks);

impl CompletionStream {
    /// Of the reply with this head.
    pub const fn new(head: Head, include_usage: bool) -> Self {
        Self(Chunks { object: OBJECT, head, include_usage })
    }

    /// More text of choice `index`, whose tokens so far have `offset` letters; it may be empty, where tokens have
    /// come that spell nothing yet.
    pub fn text(&self, index: u32, text: &str, offset: u64, progress: Progress<'_>) -> String {
        let logprobs = progress.logprobs.map(|tokens| TextLogprobs::of(tokens, offset));
        let choice = Choice { text, index, logprobs, finish_reason: None };
        self.0.choice(choice, News::of_tokens(progress.verified))
    }

    /// Something that happened to a choice.
    pub fn event(&self, event: &Event) -> String {
        self.0.choice(Choice::bare(event.index, None), Some(News::Event { event }))
    }

    /// The last chunk of choice `index`.
    pub fn finish(&self, index: u32, reason: FinishReason, ending: &Ending) -> String {
        let choice = Choice::bare(index, Some(reason.of_text()));
        self.0.choice(choice, Some(News::Ending(ending)))
    }

    /// What all choices took; `None` where it was not asked for.
    pub fn usage(&self, usage: &Usage) -> Option<String> {
        self.0.usage(usage)
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    text: &'a str,
    index: u32,
    logprobs: Option<TextLogprobs<'a>>,
    finish_reason: Option<&'static str>,
}

impl Choice<'_> {
    const fn bare(index: u32, finish_reason: Option<&'static str>) -> Self {
        Self { text: "", index, logprobs: None, finish_reason }
    }
}
