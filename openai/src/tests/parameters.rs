//! Every parameter that OpenAI's chat API has is read, refused by name, or known to have no effect.

use super::{chat, chat_body};
use crate::ChatRequest;
use async_openai::types::chat::{
    ChatCompletionAudio, ChatCompletionAudioFormat, ChatCompletionAudioVoice,
    ChatCompletionFunctionCall, ChatCompletionFunctionsArgs, ChatCompletionRequestUserMessageArgs,
    ChatCompletionStreamOptions, ChatCompletionTool, ChatCompletionToolChoiceOption,
    ChatCompletionTools, CreateChatCompletionRequest, FunctionObjectArgs, ModerationParam,
    PredictionContent, PredictionContentContent, PromptCacheOptionsParam, ReasoningEffort,
    ResponseFormat, ResponseModalities, ServiceTier, StopConfiguration, ToolChoiceOptions,
    Verbosity, WebSearchOptions,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What `docs/API.md` takes although it changes nothing.
const NO_EFFECT: [&str; 4] = ["user", "metadata", "store", "service_tier"];
/// What it takes where it says what is so anyway.
const DEFAULTS_ALONE: [&str; 3] = ["presence_penalty", "frequency_penalty", "logit_bias"];
/// What it does not have.
const REFUSED: [&str; 13] = [
    "audio",
    "function_call",
    "functions",
    "modalities",
    "moderation",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_options",
    "reasoning_effort",
    "safety_identifier",
    "verbosity",
    "web_search_options",
    "stream_options.include_obfuscation",
];

/// Says everything that can be said. There is no `..`: a parameter that their API gets later does not compile here.
#[expect(deprecated, reason = "they are parameters all the same")]
fn full() -> CreateChatCompletionRequest {
    let text = || "x".to_owned();
    let message = ChatCompletionRequestUserMessageArgs::default().content("Hi.").build().unwrap();
    let function = FunctionObjectArgs::default().name("f").build().unwrap();
    let old =
        ChatCompletionFunctionsArgs::default().name("f").parameters(json!({})).build().unwrap();
    CreateChatCompletionRequest {
        messages: vec![message.into()],
        model: text(),
        modalities: Some(vec![ResponseModalities::Text]),
        verbosity: Some(Verbosity::Low),
        reasoning_effort: Some(ReasoningEffort::Low),
        max_completion_tokens: Some(9),
        frequency_penalty: Some(0.0),
        presence_penalty: Some(0.0),
        web_search_options: Some(WebSearchOptions::default()),
        top_logprobs: Some(1),
        response_format: Some(ResponseFormat::JsonObject),
        audio: Some(ChatCompletionAudio {
            voice: ChatCompletionAudioVoice::Ash,
            format: ChatCompletionAudioFormat::Mp3,
        }),
        store: Some(false),
        stream: Some(true),
        stop: Some(StopConfiguration::String(text())),
        logit_bias: Some(std::collections::HashMap::new()),
        logprobs: Some(true),
        max_tokens: Some(9),
        n: Some(2),
        prediction: Some(PredictionContent::Content(PredictionContentContent::Text(text()))),
        seed: Some(9),
        stream_options: Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        }),
        service_tier: Some(ServiceTier::Auto),
        temperature: Some(0.5),
        top_p: Some(0.5),
        tools: Some(vec![ChatCompletionTools::Function(ChatCompletionTool { function })]),
        tool_choice: Some(ChatCompletionToolChoiceOption::Mode(ToolChoiceOptions::Required)),
        parallel_tool_calls: Some(false),
        user: Some(text()),
        safety_identifier: Some(text()),
        prompt_cache_key: Some(text()),
        function_call: Some(ChatCompletionFunctionCall::Auto),
        functions: Some(vec![old]),
        metadata: Some(json!({"a": "b"}).into()),
        prompt_cache_options: Some(PromptCacheOptionsParam::default()),
        moderation: Some(ModerationParam::default()),
    }
}

fn full_members() -> Map<String, Value> {
    serde_json::to_value(full()).unwrap().as_object().unwrap().clone()
}

/// What a parameter needs beside it.
fn needed_by(name: &str) -> Value {
    match name {
        "top_logprobs" => json!({"logprobs": true}),
        "stream_options" => json!({"stream": true}),
        "tool_choice" | "parallel_tool_calls" => {
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]})
        }
        _ => json!({}),
    }
}

#[test]
fn no_parameter_of_theirs_is_silently_ignored() {
    let mut ignored = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for (name, value) in full_members() {
        if name == "messages" || name == "model" {
            continue;
        }
        let without = needed_by(&name);
        let mut with = without.clone();
        with.as_object_mut().unwrap().insert(name.clone(), value);
        match chat(&with) {
            Ok(read) if read == chat(&without).unwrap() => assert!(ignored.insert(name)),
            Ok(_) => {}
            Err(error) => {
                assert_eq!((error.status, error.param.as_deref()), (400, Some(name.as_str())));
                refused.insert(name);
            }
        }
    }
    let expected = NO_EFFECT.into_iter().chain(DEFAULTS_ALONE).map(str::to_owned).collect();
    assert_eq!(ignored, expected);
    let expected = REFUSED.into_iter().filter(|name| !name.contains('.')).map(str::to_owned);
    assert_eq!(refused, expected.collect());
    let obfuscated = json!({"stream": true, "stream_options": {"include_obfuscation": true}});
    let error = chat(&obfuscated).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("stream_options.include_obfuscation"));
}

#[test]
fn all_that_is_supported_is_read_in_one_request() {
    let mut members = full_members();
    members.retain(|name, _| !REFUSED.contains(&name.as_str()));
    assert_eq!(members.len(), 24);
    ChatRequest::read(Value::Object(members).to_string().as_bytes()).unwrap();
}

#[test]
fn of_any_two_parameters_one_that_is_not_supported_is_named() {
    let members = full_members();
    for (one, value) in &members {
        for (other, another) in &members {
            let mut body = chat_body(&json!({}));
            let said = body.as_object_mut().unwrap();
            said.extend(needed_by(one).as_object().unwrap().clone());
            said.extend(needed_by(other).as_object().unwrap().clone());
            said.extend([(one.clone(), value.clone()), (other.clone(), another.clone())]);
            let refused = |name: &String| REFUSED.contains(&name.as_str());
            match ChatRequest::read(body.to_string().as_bytes()) {
                Ok(_) => assert!(!refused(one) && !refused(other), "{one}, {other}"),
                Err(error) => {
                    let param = error.param.clone().unwrap();
                    assert!(refused(&param) && (param == *one || param == *other), "{error}");
                }
            }
        }
    }
}
