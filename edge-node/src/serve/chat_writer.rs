//! How a reply to a chat is written: words, and calls of tools in them.

use crate::serve::gathered::Gathered;
use crate::serve::job::Finished;
use crate::serve::telling::News;
use crate::serve::writer::Writer;
use openai::{
    Called, ChatChoice, ChatReply, ChatStream, Event, EventKind, FinishReason, Head, Progress,
    Said, ToolCall, ToolCallReader, ToolStyle,
};
use std::collections::BTreeMap;

/// Writes a message.
pub(super) struct ChatWriter {
    head: Head,
    stream: ChatStream,
    /// How calls are spelled, where there may be some.
    tools: Option<ToolStyle>,
    /// Choices of which something was said.
    open: BTreeMap<u32, Choice>,
}

/// A choice that grows.
struct Choice {
    /// `None` where nothing may be called.
    reader: Option<ToolCallReader>,
    calls: u32,
}

impl ChatWriter {
    /// Of the reply with this head, which may call what is spelled so.
    pub(super) fn new(head: Head, include_usage: bool, tools: Option<ToolStyle>) -> Self {
        let stream = ChatStream::new(head.clone(), include_usage);
        Self { head, stream, tools, open: BTreeMap::new() }
    }

    fn opening(&mut self, index: u32) -> Option<String> {
        if self.open.contains_key(&index) {
            return None;
        }
        self.open.insert(index, Choice { reader: self.tools.map(ToolCallReader::new), calls: 0 });
        Some(self.stream.opening(index))
    }

    /// More text of a choice that is open.
    fn words(&mut self, index: u32, text: &str, progress: Progress<'_>) -> Vec<String> {
        let choice = self.open.get_mut(&index).expect("it was opened");
        let said = match &mut choice.reader {
            Some(reader) => reader.push(text),
            None => return vec![self.stream.content(index, text, progress)],
        };
        if said.is_empty() {
            return vec![self.stream.content(index, "", progress)];
        }
        self.say(index, said, progress)
    }

    /// What turned out to be said; the marks of the tokens go with the first of it.
    fn say(&mut self, index: u32, said: Vec<Said>, mut progress: Progress<'_>) -> Vec<String> {
        let mut events = Vec::new();
        for said in said {
            let progress = std::mem::take(&mut progress);
            events.push(match said {
                Said::Content(text) => self.stream.content(index, &text, progress),
                Said::Call(called) => {
                    let choice = self.open.get_mut(&index).expect("it was opened");
                    let at = choice.calls;
                    choice.calls += 1;
                    let call = call(&self.head, (index, at), called);
                    self.stream.tool_call(index, at, &call, progress)
                }
            });
        }
        events
    }
}

/// With an id that no other call of any reply has.
fn call(head: &Head, (index, at): (u32, u32), Called { name, arguments }: Called) -> ToolCall {
    let request = head.id.rsplit('-').next().unwrap_or_default();
    ToolCall { id: format!("call_{request}_{index}_{at}"), name, arguments }
}

impl Writer for ChatWriter {
    fn told(&mut self, index: u32, news: News) -> Vec<String> {
        let mut events: Vec<_> = self.opening(index).into_iter().collect();
        match news {
            News::Tokens { text, verified, logprobs } => {
                let progress = Progress { verified: &verified, logprobs: logprobs.as_deref() };
                events.extend(self.words(index, &text, progress));
            }
            News::Event(kind) => {
                if let (EventKind::Revised { text, .. }, Some(choice)) =
                    (&kind, self.open.get_mut(&index))
                    && let Some(reader) = &mut choice.reader
                {
                    // What of it is words was written before, and stands.
                    drop(reader.rewind(text));
                }
                events.push(self.stream.event(&Event { index, kind }));
            }
        }
        events
    }

    fn ends(&mut self, finished: &Finished) -> Vec<String> {
        let mut events = Vec::new();
        for (index, choice) in (0..).zip(&finished.choices) {
            events.extend(self.opening(index));
            let rest = self.open.get_mut(&index).and_then(|choice| choice.reader.take());
            if let Some(reader) = rest {
                events.extend(self.say(index, reader.finish(), Progress::default()));
            }
            let calls = self.open.get(&index).map_or(0, |choice| choice.calls);
            let reason = reason(choice.finish_reason(), calls > 0);
            events.push(self.stream.finish(index, reason, &choice.ending));
        }
        events.extend(self.stream.usage(&finished.usage));
        events
    }

    fn whole(&mut self, told: Vec<Gathered>, finished: &Finished) -> String {
        let (mut choices, mut events) = (Vec::new(), Vec::new());
        for ((index, choice), told) in (0..).zip(&finished.choices).zip(told) {
            events.extend(told.events);
            let (content, tool_calls) = self.read(index, told.text);
            let ended = choice.finish_reason();
            choices.push(ChatChoice {
                content,
                finish_reason: reason(ended, !tool_calls.is_empty()),
                tool_calls,
                logprobs: told.logprobs,
                verified: told.verified,
            });
        }
        let (head, usage) = (self.head.clone(), finished.usage.clone());
        ChatReply { head, choices, usage, ending: finished.ending().clone(), events }.json()
    }
}

impl ChatWriter {
    /// What a whole text says, and what it calls.
    fn read(&self, index: u32, text: String) -> (Option<String>, Vec<ToolCall>) {
        let Some(style) = self.tools else { return (Some(text), Vec::new()) };
        let mut reader = ToolCallReader::new(style);
        let said = reader.push(&text).into_iter().chain(reader.finish());
        let (mut words, mut calls) = (String::new(), Vec::new());
        for said in said {
            match said {
                Said::Content(text) => words.push_str(&text),
                Said::Call(called) => {
                    let at = u32::try_from(calls.len()).unwrap_or(u32::MAX);
                    calls.push(call(&self.head, (index, at), called));
                }
            }
        }
        let content = (calls.is_empty() || !words.is_empty()).then_some(words);
        (content, calls)
    }
}

/// Whoever calls has stopped to hear what comes of it, unless a limit cut the text.
const fn reason(ended: FinishReason, calls: bool) -> FinishReason {
    match ended {
        FinishReason::Stop if calls => FinishReason::ToolCalls,
        FinishReason::Stop | FinishReason::Length | FinishReason::ToolCalls => ended,
    }
}
