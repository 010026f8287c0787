//! Chunks of streams: to the letter as in `docs/API.md`, and as their clients read them.

use super::replies::{USAGE, ending, logprobs, usage};
use crate::{
    ChatStream, CompletionStream, DONE, Event, EventKind, FinishReason, Head, Progress, ToolCall,
};
use async_openai::types::chat::{
    CreateChatCompletionStreamResponse, FinishReason as TheirFinish, Role,
};
use async_openai::types::completions::CreateCompletionResponse;
use serde_json::{Value, json};

fn chat_stream(include_usage: bool) -> ChatStream {
    ChatStream::new(Head::chat(1, 1_764_259_200, "m"), include_usage)
}

fn read(chunk: &str) -> CreateChatCompletionStreamResponse {
    let read: CreateChatCompletionStreamResponse = serde_json::from_str(chunk).unwrap();
    assert_eq!(read.object, "chat.completion.chunk");
    assert_eq!(read.id, "chatcmpl-00000000000000000000000000000001");
    read
}

/// What a chunk says behind the head that all have.
fn news(chunk: &str) -> &str {
    let head = r#"{"id":"chatcmpl-00000000000000000000000000000001","object":"chat.completion.chunk","created":1764259200,"model":"m","#;
    chunk.strip_prefix(head).unwrap()
}

#[test]
fn a_chat_s_chunks_are_those_of_the_page() {
    let stream = chat_stream(false);
    let progress = Progress { verified: &[true, false], logprobs: None };
    for (chunk, expected) in [
        (
            stream.opening(0),
            r#""choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
        ),
        (
            stream.content(0, "…", progress),
            r#""choices":[{"index":0,"delta":{"content":"…"},"finish_reason":null}],"causeway":{"verified":[true,false]}}"#,
        ),
        (
            stream.content(1, "", progress),
            r#""choices":[{"index":1,"delta":{},"finish_reason":null}],"causeway":{"verified":[true,false]}}"#,
        ),
        (
            stream.content(0, "…", Progress::default()),
            r#""choices":[{"index":0,"delta":{"content":"…"},"finish_reason":null}]}"#,
        ),
        (
            stream.finish(0, FinishReason::Stop, &ending()),
            r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"causeway":{"route":"hybrid","plan":"speculative with cloud","conversation":null,"deferred":null,"intent":null,"outcome":null}}"#,
        ),
    ] {
        assert_eq!(news(&chunk), expected);
        read(&chunk);
    }
    assert_eq!(stream.usage(&usage()), None);
    assert_eq!(DONE, "[DONE]");
}

#[test]
fn every_event_has_the_fields_of_the_page() {
    let (peer, why, plan) = ("cloud".to_owned(), "…".to_owned(), "local".to_owned());
    let text = "Once".to_owned();
    for (kind, fields) in [
        (EventKind::Alone { peer: peer.clone(), why: why.clone() }, r#""peer":"cloud","why":"…""#),
        (EventKind::Rejoined { peer }, r#""peer":"cloud""#),
        (EventKind::Judged { said: 3, agreed: 2 }, r#""said":3,"agreed":2"#),
        (EventKind::Vouched { token: 5 }, r#""token":5"#),
        (EventKind::Revised { tokens: 4, text }, r#""tokens":4,"text":"Once""#),
        (EventKind::Switched { plan }, r#""plan":"local""#),
        (EventKind::Stayed { why }, r#""why":"…""#),
    ] {
        let name = kind.name();
        let chunk = chat_stream(false).event(&Event { index: 0, kind });
        let expected = format!(
            r#""choices":[{{"index":0,"delta":{{}},"finish_reason":null}}],"causeway":{{"event":{{"kind":"{name}","index":0,{fields}}}}}}}"#
        );
        assert_eq!(news(&chunk), expected);
        assert_eq!(read(&chunk).choices[0].delta.content, None);
    }
}

#[test]
fn a_whole_chat_stream_is_put_together_by_clients() {
    let stream = chat_stream(true);
    let call = |at: u32| ToolCall {
        id: format!("call_{at}"),
        name: "weather".to_owned(),
        arguments: r#"{"city": "Ulm"}"#.to_owned(),
    };
    let tokens = logprobs();
    let progress = Progress { verified: &[true, true], logprobs: Some(&tokens) };
    let chunks = [
        stream.opening(0),
        stream.content(0, "Let ", Progress::default()),
        stream.content(0, "me look.", progress),
        stream.tool_call(0, 0, &call(0), progress),
        stream.tool_call(0, 1, &call(1), Progress::default()),
        stream.finish(0, FinishReason::ToolCalls, &ending()),
        stream.usage(&usage()).unwrap(),
    ];
    let mut text = String::new();
    let mut calls = Vec::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let raw: Value = serde_json::from_str(chunk).unwrap();
        assert_eq!(raw["usage"].is_null(), at + 1 < chunks.len(), "{chunk}");
        assert!(raw.as_object().unwrap().contains_key("usage"), "{chunk}");
        for choice in read(chunk).choices {
            text.push_str(choice.delta.content.as_deref().unwrap_or_default());
            calls.extend(choice.delta.tool_calls.into_iter().flatten());
            assert_eq!(choice.delta.role, (at == 0).then_some(Role::Assistant));
            assert_eq!(choice.finish_reason, (at == 5).then_some(TheirFinish::ToolCalls));
            let said = choice.logprobs.and_then(|logprobs| logprobs.content);
            assert_eq!(said.map(|tokens| tokens.len()), [2, 3].contains(&at).then_some(2));
        }
    }
    assert_eq!(text, "Let me look.");
    assert_eq!(calls.len(), 2);
    for (at, read) in (0..).zip(calls) {
        let function = read.function.unwrap();
        assert_eq!((read.index, read.id), (at, Some(call(at).id)));
        assert_eq!(function.name, Some(call(at).name));
        assert_eq!(function.arguments, Some(call(at).arguments));
    }
    let last = read(&chunks[6]);
    assert!(last.choices.is_empty());
    assert_eq!(last.usage.unwrap().total_tokens, 61);
    assert!(chunks[6].ends_with(&format!(r#""choices":[],"usage":{USAGE}}}"#)), "{}", chunks[6]);
}

#[test]
fn a_whole_stream_of_a_continuation_is_put_together_by_clients() {
    let stream = CompletionStream::new(Head::completion(1, 1_764_259_200, "m"), true);
    let tokens = logprobs();
    let progress = Progress { verified: &[true, false], logprobs: Some(&tokens) };
    let alone = EventKind::Alone { peer: "cloud".to_owned(), why: "…".to_owned() };
    let chunks = [
        stream.text(0, "One ", 0, Progress { verified: &[true], logprobs: None }),
        stream.text(0, "\u{c7}\u{e9}", 4, progress),
        stream.event(&Event { index: 0, kind: alone }),
        stream.finish(0, FinishReason::ToolCalls, &ending()),
        stream.usage(&usage()).unwrap(),
    ];
    let mut text = String::new();
    for chunk in &chunks {
        let read: CreateCompletionResponse = serde_json::from_str(chunk).unwrap();
        assert_eq!(read.object, "text_completion");
        for choice in read.choices {
            text.push_str(&choice.text);
            if let Some(tokens) = choice.logprobs {
                assert_eq!(tokens.text_offset, [4, 6]);
            }
        }
    }
    assert_eq!(text, "One \u{c7}\u{e9}");
    let raw: Vec<Value> = chunks.iter().map(|chunk| serde_json::from_str(chunk).unwrap()).collect();
    assert_eq!(raw[1]["causeway"], json!({"verified": [true, false]}));
    assert_eq!(raw[2]["causeway"]["event"]["kind"], json!("alone"));
    assert_eq!(raw[3]["choices"][0]["finish_reason"], json!("stop"));
    assert_eq!(raw[3]["causeway"]["route"], json!("hybrid"));
    assert_eq!(raw[4]["usage"]["total_tokens"], json!(61));
}
