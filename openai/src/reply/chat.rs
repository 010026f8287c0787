//! A whole reply to a conversation.

use super::logprobs::ChatLogprobs;
use super::whole::{About, Verified, Whole};
use super::{Ending, Event, FinishReason, Head, TokenLogprobs, Usage};
use crate::json;
use crate::request::ToolCall;
use serde::Serialize;

/// The body of an answer of `/v1/chat/completions`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatReply {
    /// Which reply this is.
    pub head: Head,
    /// As many as were asked for, in their order.
    pub choices: Vec<ChatChoice>,
    /// What all of them took.
    pub usage: Usage,
    /// Which way they went.
    pub ending: Ending,
    /// What happened to them, in order.
    pub events: Vec<Event>,
}

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatChoice {
    /// What is said; `None` where tools are called and nothing is said.
    pub content: Option<String>,
    /// What is called.
    pub tool_calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// One entry a token, where they were asked for.
    pub logprobs: Option<Vec<TokenLogprobs>>,
    /// One entry a token: whether the target vouches for it.
    pub verified: Vec<bool>,
}

impl ChatReply {
    /// Its JSON text.
    pub fn json(&self) -> String {
        let Self { head, choices, usage, ending, events } = self;
        let verified = choices.iter().flat_map(|choice| &choice.verified).copied().collect();
        let about = About { head, usage, ending, events, verified };
        let written = choices.iter().enumerate();
        let written = written.map(|(index, choice)| Choice::of(index, choice, choices.len()));
        json::text(&Whole::new("chat.completion", about, written.collect()))
    }
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: Message<'a>,
    finish_reason: FinishReason,
    logprobs: Option<ChatLogprobs<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causeway: Option<Verified<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tool_calls: &'a [ToolCall],
}

impl<'a> Choice<'a> {
    fn of(index: usize, choice: &'a ChatChoice, choices: usize) -> Self {
        Self {
            index,
            message: Message {
                role: "assistant",
                content: choice.content.as_deref(),
                tool_calls: &choice.tool_calls,
            },
            finish_reason: choice.finish_reason,
            logprobs: choice.logprobs.as_deref().map(ChatLogprobs::of),
            causeway: Verified::beside(&choice.verified, choices),
        }
    }
}
