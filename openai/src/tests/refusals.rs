//! Requests that are refused, each with the path of what is wrong.

use super::{chat, check_refused, completion, embeddings};
use crate::{ChatRequest, GRAMMAR_LEN_MAX, INPUTS_MAX, MESSAGES_MAX, TOOLS_MAX};
use serde_json::{Value, json};

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

fn messages(messages: &Value) -> Value {
    json!({"messages": messages})
}

#[test]
fn what_a_chat_request_may_not_say_is_refused_by_its_path() {
    for (more, param) in [
        (json!({"model": 7}), "model"),
        (json!({"model": null}), "model"),
        (json!({"model": ""}), "model"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (
            json!({"stream": true, "stream_options": {"include_usage": 1}}),
            "stream_options.include_usage",
        ),
        (
            json!({"stream": true, "stream_options": {"obfuscate": true}}),
            "stream_options.obfuscate",
        ),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"max_tokens": 1.5}), "max_tokens"),
        (json!({"max_tokens": u64::from(u32::MAX) + 1}), "max_tokens"),
        (json!({"max_completion_tokens": "7"}), "max_completion_tokens"),
        (json!({"max_tokens": 7, "max_completion_tokens": 8}), "max_completion_tokens"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"temperature": 1e300}), "temperature"),
        (json!({"top_p": 0}), "top_p"),
        (json!({"top_p": 1e-300}), "top_p"),
        (json!({"top_p": 1.01}), "top_p"),
        (json!({"seed": 1.0}), "seed"),
        (json!({"seed": u64::MAX}), "seed"),
        (json!({"stop": ""}), "stop"),
        (json!({"stop": []}), "stop"),
        (json!({"stop": ["a", ""]}), "stop[1]"),
        (json!({"stop": ["a", null]}), "stop[1]"),
        (json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
        (json!({"n": 0}), "n"),
        (json!({"n": 9}), "n"),
        (json!({"logprobs": 3}), "logprobs"),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"logprobs": false, "top_logprobs": 3}), "top_logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"presence_penalty": 0.1}), "presence_penalty"),
        (json!({"frequency_penalty": -0.1}), "frequency_penalty"),
        (json!({"logit_bias": {"50256": -100}}), "logit_bias"),
        (json!({"store": true}), "store"),
        (json!({"user": 7}), "user"),
        (json!({"metadata": "mine"}), "metadata"),
        (json!({"service_tier": 1}), "service_tier"),
        (json!({"temprature": 1}), "temprature"),
        (json!({"prompt": "Hi."}), "prompt"),
    ] {
        check_refused(chat(&more), param);
    }
}

#[test]
fn what_a_format_may_not_be_is_refused_by_its_path() {
    let long = "x".repeat(GRAMMAR_LEN_MAX + 1);
    for (more, param) in [
        (json!({"response_format": "json"}), "response_format"),
        (json!({"response_format": {}}), "response_format.type"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "text", "regex": "a"}}), "response_format.regex"),
        (json!({"response_format": {"type": "regex"}}), "response_format.regex"),
        (json!({"response_format": {"type": "regex", "regex": ""}}), "response_format.regex"),
        (json!({"response_format": {"type": "regex", "regex": long}}), "response_format.regex"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}),
            "response_format.json_schema.name",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}}),
            "response_format.json_schema.name",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": true}}}),
            "response_format.json_schema.schema",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema":
                {"name": "a", "schema": {"title": long}}}}),
            "response_format.json_schema.schema",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema":
                {"name": "a", "schema": {}, "strict": "yes"}}}),
            "response_format.json_schema.strict",
        ),
    ] {
        check_refused(chat(&more), param);
    }
}

#[test]
fn what_a_message_may_not_be_is_refused_by_its_path() {
    let user = json!({"role": "user", "content": "Hi."});
    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calling = |call: Value| json!([{"role": "assistant", "tool_calls": [call]}]);
    for (said, param) in [
        (json!(null), "messages"),
        (json!("Hi."), "messages"),
        (json!([]), "messages"),
        (Value::Array(vec![user.clone(); MESSAGES_MAX + 1]), "messages"),
        (json!([user, "Hi."]), "messages[1]"),
        (json!([user, null]), "messages[1]"),
        (json!([user, {"content": "Hi."}]), "messages[1].role"),
        (json!([{"role": "function", "name": "f", "content": "7"}]), "messages[0].role"),
        (json!([{"role": "user"}]), "messages[0].content"),
        (json!([{"role": "user", "content": null}]), "messages[0].content"),
        (json!([{"role": "user", "content": {"text": "Hi."}}]), "messages[0].content"),
        (json!([{"role": "user", "content": []}]), "messages[0].content"),
        (json!([{"role": "user", "content": ["Hi."]}]), "messages[0].content[0]"),
        (
            json!([{"role": "user", "content": [{"type": "text", "text": "Hi."}, {"type": "image_url",
                "image_url": {"url": "data:,"}}]}]),
            "messages[0].content[1].type",
        ),
        (json!([{"role": "user", "content": [{"type": "text"}]}]), "messages[0].content[0].text"),
        (json!([{"role": "user", "content": "Hi.", "name": "a b"}]), "messages[0].name"),
        (
            json!([{"role": "user", "content": "Hi.", "tool_calls": [call]}]),
            "messages[0].tool_calls",
        ),
        (json!([{"role": "assistant"}]), "messages[0].content"),
        (json!([{"role": "assistant", "content": null, "tool_calls": []}]), "messages[0].content"),
        (json!([{"role": "assistant", "content": "No.", "refusal": "No."}]), "messages[0].refusal"),
        (json!([{"role": "tool", "content": "7"}]), "messages[0].tool_call_id"),
        (json!([{"role": "tool", "tool_call_id": "call_1"}]), "messages[0].content"),
        (calling(json!({"type": "function"})), "messages[0].tool_calls[0].id"),
        (calling(json!({"id": "1", "type": "custom"})), "messages[0].tool_calls[0].type"),
        (
            calling(
                json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": {}}}),
            ),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (
            calling(
                json!({"id": "1", "type": "function", "function": {"name": "", "arguments": ""}}),
            ),
            "messages[0].tool_calls[0].function.name",
        ),
    ] {
        check_refused(chat(&messages(&said)), param);
    }
}

#[test]
fn what_tools_may_not_be_is_refused_by_its_path() {
    let f = tool("f");
    let many: Vec<Value> = (0..=TOOLS_MAX).map(|i| tool(&format!("f{i}"))).collect();
    let long = "x".repeat(GRAMMAR_LEN_MAX);
    let named = |name: &str| json!({"type": "function", "function": {"name": name}});
    for (more, param) in [
        (json!({"tools": {}}), "tools"),
        (json!({"tools": many}), "tools"),
        (json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]}), "tools[0].type"),
        (json!({"tools": [f, {"type": "function"}]}), "tools[1].function"),
        (json!({"tools": [tool("")]}), "tools[0].function.name"),
        (json!({"tools": [tool(&"f".repeat(65))]}), "tools[0].function.name"),
        (json!({"tools": [tool("f.g")]}), "tools[0].function.name"),
        (json!({"tools": [f, f]}), "tools[1].function.name"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]}),
            "tools[0].function.parameters",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": "none"}}]}),
            "tools[0].function.parameters",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"title": long}}}]}),
            "tools[0].function.parameters",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f", "returns": {}}}]}),
            "tools[0].function.returns",
        ),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (json!({"tool_choice": named("f")}), "tool_choice"),
        (json!({"tools": [f], "tool_choice": "any"}), "tool_choice"),
        (json!({"tools": [f], "tool_choice": 7}), "tool_choice"),
        (json!({"tools": [f], "tool_choice": named("g")}), "tool_choice.function.name"),
        (json!({"tools": [f], "tool_choice": {"type": "allowed_tools"}}), "tool_choice.type"),
        (json!({"tools": [f], "parallel_tool_calls": "no"}), "parallel_tool_calls"),
        (json!({"parallel_tool_calls": false}), "parallel_tool_calls"),
    ] {
        check_refused(chat(&more), param);
    }
}

#[test]
fn what_a_completion_or_embeddings_may_not_say_is_refused_by_its_path() {
    for (more, param) in [
        (json!({"prompt": null}), "prompt"),
        (json!({"prompt": ""}), "prompt"),
        (json!({"prompt": ["a", "b"]}), "prompt"),
        (json!({"prompt": []}), "prompt"),
        (json!({"prompt": [1, 2]}), "prompt"),
        (json!({"prompt": [[1, 2]]}), "prompt"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"logprobs": 6}), "logprobs"),
        (json!({"echo": true}), "echo"),
        (json!({"best_of": 2}), "best_of"),
        (json!({"suffix": "."}), "suffix"),
        (json!({"max_completion_tokens": 7}), "max_completion_tokens"),
        (json!({"messages": []}), "messages"),
        (json!({"tools": []}), "tools"),
        (json!({"causeway": {"conversation": "new"}}), "causeway.conversation"),
    ] {
        check_refused(completion(&more), param);
    }
    let many = vec!["a"; INPUTS_MAX + 1];
    for (more, param) in [
        (json!({"input": null}), "input"),
        (json!({"input": ""}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": many}), "input"),
        (json!({"input": ["a", ""]}), "input[1]"),
        (json!({"input": [1, 2]}), "input"),
        (json!({"input": [[1, 2]]}), "input"),
        (json!({"input": {"text": "a"}}), "input"),
        (json!({"encoding_format": "hex"}), "encoding_format"),
        (json!({"dimensions": 256}), "dimensions"),
        (json!({"temperature": 1}), "temperature"),
    ] {
        check_refused(embeddings(&more), param);
    }
}

#[test]
fn an_error_says_what_would_be_right() {
    let said = |more: &Value| chat(more).unwrap_err().message;
    assert_eq!(said(&json!({"n": 9})), "`n` is 9; it must be a whole number from 1 to 8");
    assert_eq!(
        said(&json!({"messages": [{"role": "bot"}]})),
        r#"`messages[0].role` is "bot"; it must be "system" or "developer" or "user" or "assistant" or "tool""#
    );
    let unknown = said(&json!({"causeway": {"privat": true}}));
    assert!(unknown.contains("privacy, policy, deadline_ms"), "{unknown}");
    let long = said(&json!({"n": "9".repeat(1 << 20)}));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn a_body_that_is_no_object_has_nobody_to_blame_but_itself() {
    for body in ["", "{", "[]", "null", "7", "\"{}\"", "{} {}", "{\"model\": \"\\ud800\"}"] {
        let error = ChatRequest::read(body.as_bytes()).unwrap_err();
        assert_eq!((error.status, error.param), (400, None), "{body}");
    }
    let twice = br#"{"model": "a", "model": "b"}"#;
    let error = ChatRequest::read(twice).unwrap_err();
    assert!(error.message.contains("\"model\" stands twice"), "{error}");
}
