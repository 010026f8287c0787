//! Bodies that nobody means well with: an error of status 400 each, and never a panic.

use super::{chat, chat_body, with};
use crate::{ApiError, ChatRequest, CompletionRequest, EmbeddingsRequest};
use serde_json::{Value, json};

/// A request that says something everywhere.
fn sample() -> Value {
    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let schema = json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}});
    let function =
        json!({"name": "f", "description": "Does.", "parameters": schema, "strict": true});
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "S\u{e9}\n"},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Hi."}]},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "7"},
        ],
        "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 9, "temperature": 0.5, "top_p": 0.5,
        "seed": -1, "stop": ["a", "b"], "n": 2, "logprobs": true, "top_logprobs": 2,
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema, "strict": true}},
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": true,
        "user": "u", "metadata": {"a": "b"}, "store": false, "service_tier": "auto", "logit_bias": {},
        "causeway": {"privacy": "site", "policy": "keep", "deadline_ms": 9, "route": "local", "budget": {"bytes": 9},
            "callback": "http://here/", "key": "k"},
    })
}

/// Reads a body as each kind of request; what is refused is the request's fault.
fn read_all(body: &[u8]) -> [bool; 3] {
    let fault = |error: ApiError| {
        assert_eq!(error.status, 400, "{error}");
        assert!(error.message.len() < 1024, "{error}");
        assert!(serde_json::from_str::<Value>(&error.body()).is_ok());
        false
    };
    [
        ChatRequest::read(body).map_or_else(fault, |_| true),
        CompletionRequest::read(body).map_or_else(fault, |_| true),
        EmbeddingsRequest::read(body).map_or_else(fault, |_| true),
    ]
}

/// Numbers of a fixed sequence (xorshift, Marsaglia 2003).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

#[test]
fn bytes_that_were_changed_anywhere_are_read_or_refused() {
    const PIECES: [&[u8]; 16] = [
        b"\"", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"-", b"9", b"1e400", b"\xff",
        b"\\ud800", b"\0", b"true",
    ];
    let sample = sample().to_string().into_bytes();
    assert_eq!(read_all(&sample), [true, false, false]);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut taken, rounds) = (0, 1_500);
    for _ in 0..rounds {
        let mut body = sample.clone();
        for _ in 0..=dice.below(3) {
            let (at, piece) = (dice.below(body.len()), PIECES[dice.below(PIECES.len())]);
            let end = (at + dice.below(9)).min(body.len());
            body.splice(at..end, piece.iter().copied());
        }
        taken += u32::from(read_all(&body)[0]);
    }
    assert!((20..rounds / 2).contains(&taken), "{taken} of {rounds} were read");
}

#[test]
fn every_beginning_of_a_request_is_refused() {
    let sample = sample().to_string().into_bytes();
    for end in 0..sample.len() {
        assert_eq!(read_all(&sample[..end]), [false; 3], "{end}");
    }
}

#[test]
fn values_of_another_type_are_refused_or_read_wherever_they_stand() {
    let others = [
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("x\u{0}y"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"": {}}),
        json!(["a", 1, null]),
    ];
    let sample = sample();
    let mut paths = Vec::new();
    collect_paths(&sample, "", &mut paths);
    assert!(paths.len() > 70, "{}", paths.len());
    for path in &paths {
        for other in &others {
            let mut body = sample.clone();
            *body.pointer_mut(path).unwrap() = other.clone();
            if let Err(error) = ChatRequest::read(body.to_string().as_bytes()) {
                let param = error.param.expect("the body is an object");
                let blamed = param.split(['.', '[']).next().unwrap();
                let changed = path.split('/').nth(1).unwrap();
                let wants_it = dependents(changed).contains(&blamed);
                assert!(blamed == changed || wants_it, "{path} was changed, {param} is blamed");
            }
        }
    }
}

/// Parameters that are wrong without another one.
fn dependents(name: &str) -> &'static [&'static str] {
    match name {
        "stream" => &["stream_options"],
        "logprobs" => &["top_logprobs"],
        "tools" => &["tool_choice", "parallel_tool_calls"],
        _ => &[],
    }
}

fn collect_paths(value: &Value, path: &str, paths: &mut Vec<String>) {
    if !path.is_empty() {
        paths.push(path.to_owned());
    }
    if let Some(members) = value.as_object() {
        members
            .iter()
            .for_each(|(key, value)| collect_paths(value, &format!("{path}/{key}"), paths));
    }
    if let Some(items) = value.as_array() {
        let items = items.iter().enumerate();
        items.for_each(|(at, value)| collect_paths(value, &format!("{path}/{at}"), paths));
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_at_every_depth() {
    for body in [
        r#"{"model": "m", "model": "m"}"#,
        r#"{"model": "m", "messages": [{"role": "user", "role": "system", "content": "Hi."}]}"#,
        r#"{"model": "m", "prompt": "a", "causeway": {"privacy": "site", "privacy": "device"}}"#,
        r#"{"model": "m", "prompt": "a", "response_format": {"type": "json_schema", "json_schema":
            {"name": "s", "schema": {"type": "object", "type": "string"}}}}"#,
    ] {
        assert_eq!(read_all(body.as_bytes()), [false; 3], "{body}");
        let error = ChatRequest::read(body.as_bytes()).unwrap_err();
        assert!(error.message.contains("stands twice"), "{error}");
    }
}

#[test]
fn depth_size_and_numbers_have_bounds() {
    for deep in ["[", "{\"a\":", "{\"model\":["] {
        assert_eq!(read_all(deep.repeat(100_000).as_bytes()), [false; 3]);
    }
    let wide = format!("{{\"messages\": [{}0]}}", "0,".repeat(1 << 17));
    let error = ChatRequest::read(wide.as_bytes()).unwrap_err();
    assert!(error.message.contains("more than 131072 values"), "{error}");
    let below = format!("{{\"messages\": [{}0]}}", "0,".repeat((1 << 17) - 3));
    let error = ChatRequest::read(below.as_bytes()).unwrap_err();
    assert!(!error.message.contains("values"), "{error}");
    for number in
        ["1e400", "-1e400", "99999999999999999999999999", "1e-400", "-0", "00", "0x1", "NaN"]
    {
        let body = format!("{{\"model\": \"m\", \"prompt\": \"a\", \"max_tokens\": {number}}}");
        assert_eq!(read_all(body.as_bytes()), [false; 3], "{number}");
    }
}

#[test]
fn text_is_unicode_and_stays_as_it_is() {
    let body = br#"{"model": "m", "prompt": "\ud83d\ude00\u0000\u00e9"}"#;
    assert_eq!(CompletionRequest::read(body).unwrap().prompt, "\u{1f600}\0\u{e9}");
    for broken in [r"\ud83d", r"\ude00\ud83d", r"\ud83dx", r"\u12", r"\x41"] {
        let body = format!("{{\"model\": \"m\", \"prompt\": \"{broken}\"}}");
        assert_eq!(read_all(body.as_bytes()), [false; 3], "{broken}");
    }
    assert_eq!(read_all(b"{\"model\": \"m\", \"prompt\": \"\xc3\x28\"}"), [false; 3]);
}

#[test]
fn names_that_look_like_ours_are_not_ours() {
    for name in ["Model", "model ", "modèl", "messages[0]", "causeway.privacy", "__proto__", ""] {
        let error = chat(&json!({name: "x"})).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(name));
    }
    let long = "x".repeat(1 << 16);
    let body = with(chat_body(&json!({})), &json!({long: 1}));
    assert_eq!(read_all(body.to_string().as_bytes()), [false; 3]);
}
