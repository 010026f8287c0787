//! Whole replies, models, vectors and errors: to the letter as in `docs/API.md`, and as their clients read them.

use crate::{
    ApiError, ChatChoice, ChatReply, CompletionChoice, CompletionReply, Cost, EmbeddingsReply,
    Encoding, Ending, Event, EventKind, FinishReason, Head, Likelihood, Model, ModelList, Outcome,
    Route, TimeMs, TokenLogprobs, ToolCall, Usage,
};
use async_openai::error::WrappedError;
use async_openai::types::chat::{
    ChatCompletionMessageToolCalls, CreateChatCompletionResponse, FinishReason as TheirFinish, Role,
};
use async_openai::types::completions::CreateCompletionResponse;
use async_openai::types::embeddings::{CreateBase64EmbeddingResponse, CreateEmbeddingResponse};
use async_openai::types::models::{ListModelResponse, Model as TheirModel};
use serde_json::{Value, json};

pub(super) fn ending() -> Ending {
    Ending {
        route: Route::Hybrid,
        plan: Some("speculative with cloud".to_owned()),
        conversation: None,
        deferred: None,
        intent: None,
        outcome: None,
    }
}

pub(super) fn usage() -> Usage {
    Usage {
        prompt_tokens: 21,
        completion_tokens: 40,
        cost: Cost {
            drafted: 48,
            accepted: 33,
            passes: 9,
            verified: 40,
            bytes_sent: 1210,
            bytes_received: 933,
            time_ms: TimeMs { compute: 80.1, queue: 0.2, network: 95.0, waiting: 41.7 },
            ttft_ms: Some(35.2),
            ..Cost::default()
        },
    }
}

/// What [`usage`] is on the page.
pub(super) const USAGE: &str = r#"{"prompt_tokens":21,"completion_tokens":40,"total_tokens":61,"causeway":{"drafted":48,"accepted":33,"passes":9,"failovers":0,"judged":0,"agreed":0,"revised":0,"verified":40,"unverified":0,"bytes_sent":1210,"bytes_received":933,"money":0.0,"energy_j":null,"time_ms":{"compute":80.1,"queue":0.2,"network":95.0,"waiting":41.7},"ttft_ms":35.2}}"#;

/// "Çé" in two tokens, cut in the middle of the second letter.
pub(super) fn logprobs() -> Vec<TokenLogprobs> {
    let likelihood = |bytes: &[u8], logprob| Likelihood { bytes: bytes.to_vec(), logprob };
    let first = likelihood("\u{c7}\u{e9}".as_bytes().get(..3).unwrap(), -0.5);
    let second = likelihood(&[0xa9], f32::NEG_INFINITY);
    let tops = [vec![first.clone(), likelihood(b" tea", -1.5)], vec![second.clone()]];
    [first, second].into_iter().zip(tops).map(|(token, top)| TokenLogprobs { token, top }).collect()
}

fn chat_choice(content: &str) -> ChatChoice {
    ChatChoice {
        content: Some(content.to_owned()),
        tool_calls: Vec::new(),
        finish_reason: FinishReason::Stop,
        logprobs: None,
        verified: vec![true, true],
    }
}

fn chat_reply(choices: Vec<ChatChoice>) -> ChatReply {
    let head = Head::chat(0xabc, 1_764_259_200, "causeway-demo-target-q8_0");
    ChatReply { head, choices, usage: usage(), ending: ending(), events: Vec::new() }
}

#[test]
fn a_chat_reply_is_the_one_of_the_page() {
    let written = chat_reply(vec![chat_choice("…")]).json();
    let page = format!(
        "{}{USAGE}{}",
        r#"{"id":"chatcmpl-00000000000000000000000000000abc","object":"chat.completion","created":1764259200,"model":"causeway-demo-target-q8_0","choices":[{"index":0,"message":{"role":"assistant","content":"…"},"finish_reason":"stop","logprobs":null}],"usage":"#,
        r#","causeway":{"route":"hybrid","plan":"speculative with cloud","verified":[true,true],"events":[],"conversation":null,"deferred":null,"intent":null,"outcome":null}}"#,
    );
    assert_eq!(written, page);
    let read: CreateChatCompletionResponse = serde_json::from_str(&written).unwrap();
    assert_eq!(read.choices[0].message.content.as_deref(), Some("…"));
    assert_eq!(read.choices[0].message.role, Role::Assistant);
    assert_eq!(read.usage.unwrap().total_tokens, 61);
}

#[test]
fn a_reply_that_calls_tools_is_read_by_clients() {
    let call = ToolCall {
        id: "call_1".to_owned(),
        name: "weather".to_owned(),
        arguments: r#"{"city": "Ulm"}"#.to_owned(),
    };
    let calling = ChatChoice {
        content: None,
        tool_calls: vec![call],
        finish_reason: FinishReason::ToolCalls,
        ..chat_choice("")
    };
    let read: CreateChatCompletionResponse =
        serde_json::from_str(&chat_reply(vec![calling]).json()).unwrap();
    let choice = &read.choices[0];
    assert_eq!(
        (choice.finish_reason, &choice.message.content),
        (Some(TheirFinish::ToolCalls), &None)
    );
    let Some([ChatCompletionMessageToolCalls::Function(call)]) =
        choice.message.tool_calls.as_deref()
    else {
        panic!("{choice:?}");
    };
    assert_eq!((call.id.as_str(), call.function.name.as_str()), ("call_1", "weather"));
    assert_eq!(call.function.arguments, r#"{"city": "Ulm"}"#);
}

#[test]
fn of_several_choices_each_has_its_own_marks() {
    let unsure = ChatChoice {
        verified: vec![false],
        logprobs: Some(logprobs()),
        finish_reason: FinishReason::Length,
        ..chat_choice("\u{c7}\u{e9}")
    };
    let reply = ChatReply {
        events: vec![Event { index: 1, kind: EventKind::Vouched { token: 0 } }],
        ending: Ending {
            intent: Some("lights".to_owned()),
            outcome: Some(Outcome::Failed("no lamp".to_owned())),
            ..ending()
        },
        ..chat_reply(vec![chat_choice("Tea"), unsure])
    };
    let written: Value = serde_json::from_str(&reply.json()).unwrap();
    assert_eq!(written["causeway"]["verified"], json!([true, true, false]));
    assert_eq!(written["choices"][0]["causeway"], json!({"verified": [true, true]}));
    assert_eq!(written["choices"][1]["causeway"], json!({"verified": [false]}));
    assert_eq!(written["causeway"]["events"], json!([{"kind": "vouched", "index": 1, "token": 0}]));
    assert_eq!(written["causeway"]["outcome"], json!({"failed": "no lamp"}));
    let read: CreateChatCompletionResponse = serde_json::from_value(written).unwrap();
    assert_eq!(read.choices[1].index, 1);
    assert_eq!(read.choices[1].finish_reason, Some(TheirFinish::Length));
    let tokens = read.choices[1].logprobs.as_ref().unwrap().content.as_ref().unwrap();
    assert_eq!((tokens[0].token.as_str(), tokens[0].logprob), ("\u{c7}\\xc3", -0.5));
    assert_eq!(tokens[0].bytes.as_deref(), Some(b"\xc3\x87\xc3".as_slice()));
    assert_eq!((tokens[0].top_logprobs.len(), tokens[0].top_logprobs[1].logprob), (2, -1.5));
    assert_eq!(tokens[1].logprob, -9999.0);
}

#[test]
fn a_continuation_is_read_by_clients() {
    let choice = CompletionChoice {
        text: "\u{c7}\u{e9}".to_owned(),
        finish_reason: FinishReason::Length,
        logprobs: Some(logprobs()),
        verified: vec![true, false],
    };
    let head = Head::completion(7, 1_764_259_200, "m");
    let reply = CompletionReply {
        head,
        choices: vec![choice],
        usage: usage(),
        ending: ending(),
        events: Vec::new(),
    };
    let written = reply.json();
    let begins = r#"{"id":"cmpl-00000000000000000000000000000007","object":"text_completion","created":1764259200,"model":"m","choices":[{"text":"Çé","index":0,"logprobs":{"tokens":["#;
    assert!(written.starts_with(begins), "{written}");
    let read: CreateCompletionResponse = serde_json::from_str(&written).unwrap();
    let tokens = read.choices[0].logprobs.as_ref().unwrap();
    assert_eq!(tokens.tokens, ["bytes:\u{c7}\\xc3", "bytes:\\xa9"]);
    assert_eq!(tokens.token_logprobs, [Some(-0.5), Some(-9999.0)]);
    assert_eq!(tokens.text_offset, [0, 2]);
    assert_eq!(tokens.top_logprobs[0], json!({"bytes:\u{c7}\\xc3": -0.5, " tea": -1.5}));
    assert_eq!(read.usage.unwrap().total_tokens, 61);
}

#[test]
fn models_are_listed_as_clients_read_them() {
    let model = Model { id: "m".to_owned(), created: 7 };
    let read: TheirModel = serde_json::from_str(&model.json()).unwrap();
    assert_eq!((read.id.as_str(), read.object.as_str(), read.created), ("m", "model", 7));
    let list = ModelList { models: vec![model] };
    let listed: ListModelResponse = serde_json::from_str(&list.json()).unwrap();
    assert_eq!((listed.object.as_str(), listed.data), ("list", vec![read]));
}

#[test]
fn vectors_are_the_same_as_numbers_and_as_base64() {
    let reply = |encoding| EmbeddingsReply {
        model: "m".to_owned(),
        encoding,
        vectors: vec![vec![1.0, -0.25], vec![0.1], Vec::new(), vec![3e38, 0.0, -0.0]],
        prompt_tokens: 9,
    };
    let floats = reply(Encoding::Float);
    let read: CreateEmbeddingResponse = serde_json::from_str(&floats.json()).unwrap();
    let vectors: Vec<Vec<f32>> = read.data.iter().map(|item| item.embedding.clone()).collect();
    assert_eq!(vectors, floats.vectors);
    assert_eq!((read.data[1].index, read.usage.prompt_tokens), (1, 9));
    let read: CreateBase64EmbeddingResponse =
        serde_json::from_str(&reply(Encoding::Base64).json()).unwrap();
    let texts: Vec<&str> = read.data.iter().map(|item| item.embedding.0.as_str()).collect();
    // Python: base64.b64encode(struct.pack("<2f", 1, -0.25)), and so on.
    assert_eq!(texts, ["AACAPwAAgL4=", "zczMPQ==", "", "5rFhfwAAAAAAAACA"]);
}

#[test]
fn errors_have_the_status_kind_and_code_of_the_page() {
    for (error, status, kind, code, retry_after_s) in [
        (ApiError::invalid("n", "no"), 400, "invalid_request_error", None, None),
        (ApiError::malformed("no"), 400, "invalid_request_error", None, None),
        (ApiError::no_key(), 401, "invalid_request_error", Some("invalid_api_key"), None),
        (ApiError::wrong_key(), 401, "invalid_request_error", Some("invalid_api_key"), None),
        (
            ApiError::model_not_found("a", "b"),
            404,
            "invalid_request_error",
            Some("model_not_found"),
            None,
        ),
        (ApiError::too_large(), 413, "invalid_request_error", None, None),
        (ApiError::no_route("no"), 422, "invalid_request_error", Some("no_route"), None),
        (ApiError::rate_limited("no", 9), 429, "rate_limit_error", None, Some(9)),
        (ApiError::server("no"), 500, "server_error", None, None),
        (ApiError::queue_full(8, 2), 503, "overloaded_error", Some("queue_full"), Some(2)),
        (ApiError::loading("half", 3), 503, "overloaded_error", Some("loading"), Some(3)),
        (ApiError::draining(4), 503, "overloaded_error", Some("draining"), Some(4)),
        (ApiError::busy("no", 5), 503, "overloaded_error", Some("busy"), Some(5)),
        (ApiError::journal_full("no", 6), 503, "overloaded_error", Some("journal_full"), Some(6)),
        (ApiError::unreachable("no"), 504, "server_error", Some("unreachable"), None),
    ] {
        assert_eq!((error.status, error.retry_after_s), (status, retry_after_s), "{error}");
        let read: WrappedError = serde_json::from_str(&error.body()).unwrap();
        assert_eq!(read.error.message, error.message);
        assert_eq!(read.error.r#type.as_deref(), Some(kind), "{error}");
        assert_eq!(read.error.code.as_deref(), code, "{error}");
        assert_eq!(read.error.param, error.param);
    }
    let body = ApiError::invalid("n", "no").body();
    assert_eq!(
        body,
        r#"{"error":{"message":"no","type":"invalid_request_error","param":"n","code":null}}"#
    );
    assert_eq!(ApiError::model_not_found("a", "b").param.as_deref(), Some("model"));
}
