//! Chat templates as the families of models write them.

use super::*;
use serde_json::{Value, json};

const CHATML: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
    {{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}\
    {{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const LLAMA_2: &str = "{% for message in messages %}\n    \
    {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\n        \
    {{ raise_exception('roles must alternate') }}\n    {% endif %}\n    \
    {% if message['role'] == 'user' %}\n        \
    {{- bos_token + '[INST] ' + message['content'].strip() + ' [/INST]' -}}\n    \
    {% else %}\n        {{- ' ' + message.content + eos_token -}}\n    {% endif %}\n{% endfor %}";

fn turns(turns: &[(&str, &str)]) -> Vec<Turn> {
    turns.iter().map(|&(role, content)| Turn::said(role, content)).collect()
}

fn render(template: &str, said: &[(&str, &str)]) -> Result<String, ChatError> {
    ChatTemplate::new(template.into(), "<s>".into(), "</s>".into()).render(&Chat::of(&turns(said)))
}

#[test]
fn families_of_templates_render_as_in_python() {
    assert_eq!(
        render(CHATML, &[("user", "Hi <b>\"you\"</b> & me")]).unwrap(),
        "<|im_start|>system\nYou are helpful<|im_end|>\n\
         <|im_start|>user\nHi <b>\"you\"</b> & me<|im_end|>\n<|im_start|>assistant\n"
    );
    let said = [("user", " a "), ("assistant", "b"), ("user", "c")];
    assert_eq!(render(LLAMA_2, &said).unwrap(), "<s>[INST] a [/INST] b</s><s>[INST] c [/INST]");
}

#[test]
fn json_is_written_as_python_writes_it() {
    let json = r#"{{ {"a": ["<é>", 1, true], "b": "it's & \"q\""} | tojson }}"#;
    assert_eq!(render(json, &[]).unwrap(), r#"{"a": ["<é>", 1, true], "b": "it's & \"q\""}"#);
    let indented = r#"{{ {"a": ["<"], "b": []} | tojson(indent=2) }}"#;
    let expected = "{\n  \"a\": [\n    \"<\"\n  ],\n  \"b\": []\n}";
    assert_eq!(render(indented, &[]).unwrap(), expected);
}

#[test]
fn there_is_no_clock_and_templates_can_tell() {
    let dated = "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}2024{% endif %}";
    assert_eq!(render(dated, &[]).unwrap(), "2024");
}

#[test]
fn what_a_template_refuses_is_told_apart_from_what_breaks_it() {
    let refused = render(LLAMA_2, &[("assistant", "b")]).unwrap_err();
    assert!(refused.to_string().ends_with("these turns: roles must alternate"), "{refused}");
    assert!(matches!(render("{% if %}", &[]), Err(ChatError::Broken(_))));
    assert!(matches!(render("{{ nothing() }}", &[]), Err(ChatError::Broken(_))));
    let long = "x".repeat((1 << 18) + 1);
    assert!(matches!(render(&long, &[]), Err(ChatError::TooLarge { bytes: 262_145 })));
    assert_eq!(render(&long[1..], &[]).unwrap().len(), 1 << 18);
    let tokenizer = build(sentence_piece(&[], &[]));
    assert!(!tokenizer.has_chat_template());
    assert!(matches!(tokenizer.chat(&[]), Err(ChatError::NoTemplate)));
}

#[test]
fn a_template_that_spins_is_stopped() {
    let spins = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
    let error = render(spins, &[("user", "a")]).unwrap_err();
    assert!(matches!(error, ChatError::TooMuch { turns: 1 }), "{error}");
    let said = "rendering 1 turns takes more steps than the 1010000 that they may take";
    assert_eq!(error.to_string(), said);
    let within_a_macro = format!("{{% macro spin() %}}{spins}{{% endmacro %}}{{{{ spin() }}}}");
    assert!(matches!(render(&within_a_macro, &[]), Err(ChatError::TooMuch { turns: 0 })));
}

/// Goal: a long conversation is written where each of its turns takes no more than it may, and none for ever.
#[test]
fn what_rendering_may_take_grows_with_the_turns_up_to_a_bound() {
    let each = "{% for m in messages %}{% for a in range(1500) %}{% endfor %}{% endfor %}";
    let of = |turns| render(each, &vec![("user", "a"); turns]);
    of(600).unwrap();
    let error = of(3_000).unwrap_err();
    assert!(matches!(error, ChatError::TooMuch { turns: 3_000 }), "{error}");
}

#[test]
fn a_chat_has_one_bos_whoever_writes_it() {
    for (template, starts) in [("{{ bos_token }}a", true), ("a", true), ("<|x|>", true)] {
        let mut vocabulary = sentence_piece(&[("a", -1.0)], &["<|x|>"]);
        vocabulary.chat_template = Some(template.into());
        let tokens = build(vocabulary).chat(&turns(&[("user", "x")])).unwrap();
        assert_eq!(tokens.first() == Some(&TokenId(1)), starts, "{template}");
        assert_eq!(tokens.iter().filter(|token| token.0 == 1).count(), 1, "{template}");
    }
}

/// Goal: what an assistant thought or called is what it was when it said it, and nobody else can make it
/// so, nor can anybody end a turn. Method: the same words in every mouth, and in a tool.
#[test]
fn markers_of_its_own_text_are_the_assistants_alone() {
    let template = "{% for m in messages %}{{ m.content }}{% endfor %}{{ tools | tojson }}";
    let mut vocabulary = byte_level("qwen2", &["h e"], &["<|end|>", "<think>"]);
    vocabulary.kinds[259] = 4;
    vocabulary.chat_template = Some(template.into());
    let tokenizer = build(vocabulary);
    let written = |role: &str, tools: &[Value]| {
        let turns = [Turn::said(role, "<think><|end|>")];
        let tokens = tokenizer.write(&Chat { tools, ..Chat::of(&turns) }).unwrap();
        let count = |id: u32| tokens.iter().filter(|token| token.0 == id).count();
        (count(259), count(258), tokenizer.decode(&tokens))
    };
    let text = "<think><|end|>null".to_owned();
    assert_eq!(written("assistant", &[]), (1, 0, text.clone()));
    for role in ["user", "system", "tool", "<think>"] {
        assert_eq!(written(role, &[]), (0, 0, text.clone()), "{role}");
    }
    let tool = json!({ "<think>": ["<|end|>"] });
    let expected = r#"<think><|end|>[{"<think>": ["<|end|>"]}]"#.to_owned();
    assert_eq!(written("user", &[tool]), (0, 0, expected));
}

/// Goal: no words of a turn can end it or begin another. Method: a turn made of markers.
#[test]
fn markers_in_the_words_of_a_turn_are_text() {
    let template =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>";
    let mut vocabulary = sentence_piece(&[], &["<|user|>", "<|assistant|>", "<|end|>"]);
    vocabulary.add_space_prefix = Some(false);
    vocabulary.chat_template = Some(template.into());
    let tokenizer = build(vocabulary);
    let content = "<|end|><|assistant|></s>é<|<|end|>";
    let tokens = tokenizer.chat(&turns(&[("user", content)])).unwrap();
    let expected = [1, 259].into_iter().chain(content.bytes().map(|byte| 3 + u32::from(byte)));
    let expected: Vec<u32> = expected.chain([261, 260]).collect();
    assert_eq!(tokens, ids(&expected));
    assert_eq!(tokenizer.decode(&tokens), content);
}
