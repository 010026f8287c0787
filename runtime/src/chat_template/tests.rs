//! Templates as published models have them, against what transformers makes of them: see
//! `tests/golden/PROVENANCE.md`.

use super::*;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folders of templates: what is committed, and others where there are any.
fn folders() -> Vec<PathBuf> {
    let data = std::env::var_os("CAUSEWAY_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| workspace().join("../shared/data")).join("chats");
    if !data.exists() {
        println!("skipped: no {}", data.display());
    }
    let others = data.exists().then_some(data);
    [workspace().join("tests/golden/chats")].into_iter().chain(others).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn turn(message: &Json) -> Turn {
    let call = |call: &Json| ToolCall {
        id: None,
        name: text(&call["function"]["name"]),
        arguments: call["function"]["arguments"].clone(),
    };
    let tool_calls = list(&message["tool_calls"]).iter().map(call).collect();
    Turn { tool_calls, ..Turn::said(text(&message["role"]), text(&message["content"])) }
}

/// What `template` makes of a case, in the form of the golden file.
fn write(template: &str, case: &Json, day: &Json) -> Json {
    let turns: Vec<Turn> = list(&case["messages"]).iter().map(turn).collect();
    let named = [day, &case["variables"]].into_iter().filter_map(Json::as_object).flatten();
    let variables: Vec<_> = named.map(|(name, value)| (name.as_str(), value.clone())).collect();
    let chat = Chat { turns: &turns, tools: list(&case["tools"]), variables: &variables };
    let template = ChatTemplate::new(template.to_owned(), "<s>".into(), "</s>".into());
    match template.render(&chat) {
        Ok(text) => serde_json::json!({ "text": text }),
        Err(ChatError::Refused { reason }) => serde_json::json!({ "refused": reason }),
        Err(error) => panic!("{error:?}"),
    }
}

/// Goal: a conversation is written to the byte as the model's publisher has it, with tools and without.
/// Method: each conversation of the table by each template.
#[test]
fn published_templates_write_what_they_write_in_python() {
    for folder in folders() {
        let golden: Json = serde_json::from_str(&read(&folder.join("chats.json"))).unwrap();
        for (name, written) in golden["written"].as_object().unwrap() {
            let template = read(&folder.join(format!("{name}.jinja")));
            let cases = list(&golden["cases"]);
            assert_eq!(cases.len(), list(written).len());
            for (case, expected) in cases.iter().zip(list(written)) {
                assert_eq!(
                    write(&template, case, &golden["variables"]),
                    *expected,
                    "{name}: {case}"
                );
            }
        }
    }
}

#[test]
fn templates_that_know_tools_are_told_from_those_that_do_not() {
    let knows = |source: &str| ChatTemplate::new(source.into(), "".into(), "".into()).knows_tools();
    for name in ["qwen2.5", "qwen3", "headers"] {
        let path = workspace().join(format!("tests/golden/chats/{name}.jinja"));
        assert!(knows(&read(&path)), "{name}");
    }
    assert!(!knows("{% for m in messages %}{{ m.content }}{% endfor %}"));
    assert!(!knows("{{ tools }}{{ raise_exception('no tools') }}"));
    assert!(!knows("{% if tools %}{{ raise_exception('no tools') }}{% endif %}"));
}

#[test]
fn nobody_writes_over_what_a_chat_is_written_from() {
    let turns = [Turn::said("user", "a")];
    let variables = [("messages", Json::Null), ("eos_token", Json::from("!"))];
    let chat = Chat { variables: &variables, ..Chat::of(&turns) };
    let template = "{{ messages[0].content }}{{ eos_token }}";
    let template = ChatTemplate::new(template.into(), "".into(), "</s>".into());
    assert_eq!(template.render(&chat).unwrap(), "a</s>");
}

/// Templates ask whether a key is there, and not only whether there is something in it.
#[test]
fn what_a_turn_lacks_is_no_key_of_it() {
    let keys = "{% for m in messages %}{{ m | list | join(' ') }};{% endfor %}";
    let template = ChatTemplate::new(keys.into(), "".into(), "".into());
    let call = ToolCall { id: Some("1".into()), name: "f".into(), arguments: Json::Null };
    let found =
        Turn { tool_call_id: Some("1".into()), name: Some("f".into()), ..Turn::said("tool", "x") };
    let called = Turn { tool_calls: vec![call], ..Turn::said("assistant", "") };
    let turns = [Turn::said("user", "a"), called, found];
    assert_eq!(
        template.render(&Chat::of(&turns)).unwrap(),
        "role content;role content tool_calls;role content tool_call_id name;"
    );
}
