//! Grammars that demand calls, by llguidance itself: what they let through, and that it is read as calls.

use super::{chat, check_refused};
use crate::{ChatRequest, Said, ToolCallReader, ToolStyle};
use base::Grammar;
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use toktrie::{ApproximateTokEnv, TokEnv};

/// A request with two tools, of which one takes a few arguments.
fn request(more: &Value, strict: bool) -> ChatRequest {
    let schema = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 4},
            "days": {"type": "array", "items": {"enum": [1, 2.5, null, true]}, "maxItems": 2}
        },
        "required": ["city"],
        "additionalProperties": false
    });
    let tools = json!([
        {"type": "function", "function": {"name": "weather", "parameters": schema, "strict": strict}},
        {"type": "function", "function": {"name": "clock-2", "strict": strict, "parameters":
            {"additionalProperties": false}}},
    ]);
    let mut body = json!({"tools": tools});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    chat(&body).unwrap()
}

fn grammar(style: ToolStyle, request: &ChatRequest) -> Option<String> {
    let parallel = request.parallel_tool_calls;
    let grammar = style.grammar(&request.tools, &request.tool_choice, parallel).unwrap();
    grammar.map(|grammar| match grammar {
        Grammar::Lark(text) => text,
        Grammar::JsonSchema(_) | Grammar::Regex(_) => panic!("{grammar:?}"),
    })
}

fn demanded(style: ToolStyle, more: &Value) -> String {
    grammar(style, &request(more, false)).unwrap()
}

/// Tokens are bytes.
fn bytes() -> TokEnv {
    ApproximateTokEnv::single_byte_env()
}

fn matcher(grammar: &str) -> Matcher {
    let factory = ParserFactory::new_simple(&bytes()).unwrap();
    Matcher::new(factory.create_parser(TopLevelGrammar::from_lark(grammar.to_owned())))
}

fn accepts(grammar: &str, text: &str) -> bool {
    let mut matcher = matcher(grammar);
    assert_eq!(matcher.get_error(), None, "{grammar}");
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    matcher.try_consume_tokens(&tokens).unwrap() == tokens.len() && matcher.is_accepting().unwrap()
}

const ULM: &str = r#"<tool_call>
{"name": "weather", "arguments": {"city": "Ulm"}}
</tool_call>"#;
const CLOCK: &str = r#"<tool_call>
{"name": "clock-2", "arguments": {}}
</tool_call>"#;

#[test]
fn a_demanded_call_is_one_of_the_tools_with_arguments_that_fit() {
    let both = format!("{ULM}\n{CLOCK}");
    let required = demanded(ToolStyle::Hermes, &json!({"tool_choice": "required"}));
    for text in [ULM, CLOCK, &both] {
        assert!(accepts(&required, text), "{text}");
    }
    let wrong = [
        String::new(),
        "Hi.".to_owned(),
        format!("Hi.\n{ULM}"),
        format!("{ULM}\nHi."),
        ULM.replace("weather", "wether"),
        ULM.replace("city", "town"),
        ULM.replace("\"Ulm\"", "7"),
        ULM.replace("Ulm", "London"),
        CLOCK.replace("{}", "[]"),
        CLOCK.replace("{}", r#"{"a": 1}"#),
    ];
    for text in &wrong {
        assert!(!accepts(&required, text), "{text}");
    }
    let one = json!({"tool_choice": "required", "parallel_tool_calls": false});
    let one = demanded(ToolStyle::Hermes, &one);
    assert!(accepts(&one, ULM) && accepts(&one, CLOCK) && !accepts(&one, &both));
    let named = json!({"tool_choice": {"type": "function", "function": {"name": "clock-2"}}});
    let named = demanded(ToolStyle::Hermes, &named);
    assert!(accepts(&named, CLOCK) && !accepts(&named, ULM) && !accepts(&named, &both));
}

/// A model of which nothing else is likely would say white space until its tokens are over.
#[test]
fn arguments_have_little_white_space_strict_or_not() {
    for (strict, style) in [(true, ToolStyle::Hermes), (false, ToolStyle::Llama3)] {
        let required = request(&json!({"tool_choice": "required"}), strict);
        let required = grammar(style, &required).unwrap();
        let object = |space: &str| {
            let object =
                format!(r#"{{"city":{space}"Ulm",{space}"days":{space}[2.5,{space}null]}}"#);
            match style {
                ToolStyle::Hermes => ULM.replace(r#"{"city": "Ulm"}"#, &object),
                ToolStyle::Llama3 => format!(r#"{{"name": "weather", "parameters": {object}}}"#),
            }
        };
        assert!(accepts(&required, &object("")) && accepts(&required, &object(" ")), "{style:?}");
        for more in ["  ", "\n", "\t"] {
            assert!(!accepts(&required, &object(more)), "{style:?} with {more:?}");
        }
    }
}

#[test]
fn a_reply_of_llama_is_one_object() {
    let required = demanded(ToolStyle::Llama3, &json!({"tool_choice": "required"}));
    let ulm = r#"{"name": "weather", "parameters": {"city": "Ulm", "days": [2.5, null]}}"#;
    assert!(accepts(&required, ulm));
    for text in ["", "Hi.", ULM, &ulm.replace("parameters", "arguments"), &format!("{ulm}{ulm}")] {
        assert!(!accepts(&required, text), "{text}");
    }
}

#[test]
fn where_the_model_decides_strict_calls_fit_and_words_are_free() {
    let free = request(&json!({}), false);
    let none = request(&json!({"tool_choice": "none"}), true);
    for style in [ToolStyle::Hermes, ToolStyle::Llama3] {
        assert_eq!((grammar(style, &free), grammar(style, &none)), (None, None));
    }
    let strict = grammar(ToolStyle::Hermes, &request(&json!({}), true)).unwrap();
    let london = ULM.replace("Ulm", "London");
    for text in ["", "Hi.\n2 < 3", ULM, &format!("Hi.\n{ULM}\n{CLOCK}\nDone.")] {
        assert!(accepts(&strict, text), "{text}");
    }
    for text in [&london, &format!("Hi.\n{london}"), &format!("{ULM}\n{london}"), "<tool_call>7"] {
        assert!(!accepts(&strict, text), "{text}");
    }
    let one = request(&json!({"parallel_tool_calls": false}), true);
    let one = grammar(ToolStyle::Hermes, &one).unwrap();
    assert!(accepts(&one, "Hi.") && accepts(&one, &format!("Hi.\n{ULM}")));
    assert!(!accepts(&one, &format!("{ULM}\n{CLOCK}")));
    let llama = grammar(ToolStyle::Llama3, &request(&json!({}), true)).unwrap();
    let ulm = r#"{"name": "weather", "parameters": {"city": "Ulm"}}"#;
    for text in ["", "Hi.\n", "2 {", ulm] {
        assert!(accepts(&llama, text), "{text}");
    }
    for text in [&ulm.replace("Ulm", "London"), "{\"a\": 1}", " {"] {
        assert!(!accepts(&llama, text), "{text}");
    }
}

/// Goal: whatever a demanding grammar derives, the reader reads as calls of the tools, and as nothing else.
/// Method: walks through the masks, by dice; the schema ends them soon.
#[test]
fn whatever_is_derived_is_read_as_calls() {
    let env = bytes();
    let mut dice = super::hostile::Dice(0x1234_5678_9abc_def1);
    let choice = json!({"tool_choice": "required", "parallel_tool_calls": false});
    for style in [ToolStyle::Hermes, ToolStyle::Llama3] {
        let matcher = matcher(&demanded(style, &choice));
        for _ in 0..16 {
            let mut walk = matcher.deep_clone();
            let mut text = Vec::new();
            while !walk.is_stopped() {
                let mask = walk.compute_mask().unwrap();
                let eos = env.tok_trie().eos_token();
                // White space between the tokens of JSON has no end.
                let letter = |byte: &u32| (0x21..0x7f).contains(byte);
                let mut next: Vec<u32> = (0..256).filter(|byte| mask.is_allowed(*byte)).collect();
                if next.iter().any(letter) {
                    next.retain(letter);
                }
                let token = if next.is_empty() { eos } else { next[dice.below(next.len())] };
                walk.consume_token(token).unwrap();
                text.extend(u8::try_from(token));
            }
            let text = String::from_utf8(text).unwrap();
            let mut reader = ToolCallReader::new(style);
            let mut said = reader.push(&text);
            said.extend(reader.finish());
            let [Said::Call(call)] = said.as_slice() else { panic!("{text}: {said:?}") };
            assert!(["weather", "clock-2"].contains(&call.name.as_str()), "{text}");
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
            assert_eq!(arguments.get("city").is_some(), call.name == "weather", "{text}");
        }
    }
}

#[test]
fn words_of_a_schema_that_are_not_known_count_where_it_is_strict() {
    let tool = |strict: bool| {
        let schema = json!({"type": "object", "if": {}, "then": {}});
        let function = json!({"name": "f", "parameters": schema, "strict": strict});
        chat(
            &json!({"tools": [{"type": "function", "function": function}], "tool_choice": "required"}),
        )
    };
    let error = |strict| {
        let grammar = grammar(ToolStyle::Hermes, &tool(strict).unwrap()).unwrap();
        matcher(&grammar).get_error()
    };
    assert_eq!(error(false), None);
    assert!(error(true).unwrap().contains("if"));
}

#[test]
fn schemas_that_are_too_long_together_are_refused() {
    let function = |i: usize| {
        let schema = json!({"type": "object", "title": "x".repeat(3000)});
        json!({"type": "function", "function": {"name": format!("f{i}"), "parameters": schema}})
    };
    let tools: Vec<Value> = (0..8).map(function).collect();
    let request = chat(&json!({"tools": tools, "tool_choice": "required"})).unwrap();
    let grammar = ToolStyle::Hermes.grammar(&request.tools, &request.tool_choice, true);
    let error = check_refused(grammar, "tools");
    assert!(error.message.contains("24576 are the most"), "{error}");
}
