//! A whole continuation of a text.

use super::logprobs::TextLogprobs;
use super::whole::{About, Verified, Whole};
use super::{Ending, Event, FinishReason, Head, TokenLogprobs, Usage};
use crate::json;
use serde::Serialize;

/// The body of an answer of `/v1/completions`.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionReply {
    /// Which reply this is.
    pub head: Head,
    /// As many as were asked for, in their order.
    pub choices: Vec<CompletionChoice>,
    /// What all of them took.
    pub usage: Usage,
    /// Which way they went.
    pub ending: Ending,
    /// What happened to them, in order.
    pub events: Vec<Event>,
}

/// One continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionChoice {
    /// What comes after the prompt.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// One entry a token, where they were asked for.
    pub logprobs: Option<Vec<TokenLogprobs>>,
    /// One entry a token: whether the target vouches for it.
    pub verified: Vec<bool>,
}

impl CompletionReply {
    /// Its JSON text.
    pub fn json(&self) -> String {
        let Self { head, choices, usage, ending, events } = self;
        let verified = choices.iter().flat_map(|choice| &choice.verified).copied().collect();
        let about = About { head, usage, ending, events, verified };
        let written = choices.iter().enumerate();
        let written = written.map(|(index, choice)| Choice::of(index, choice, choices.len()));
        json::text(&Whole::new(OBJECT, about, written.collect()))
    }
}

/// What OpenAI calls replies of this endpoint, and chunks of them.
pub(super) const OBJECT: &str = "text_completion";

#[derive(Serialize)]
struct Choice<'a> {
    text: &'a str,
    index: usize,
    logprobs: Option<TextLogprobs<'a>>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    causeway: Option<Verified<'a>>,
}

impl<'a> Choice<'a> {
    fn of(index: usize, choice: &'a CompletionChoice, choices: usize) -> Self {
        Self {
            text: &choice.text,
            index,
            logprobs: choice.logprobs.as_deref().map(|tokens| TextLogprobs::of(tokens, 0)),
            finish_reason: choice.finish_reason.of_text(),
            causeway: Verified::beside(&choice.verified, choices),
        }
    }
}
