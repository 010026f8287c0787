//! Grammars that cannot be used, and hostile ones.

use super::{ENDS, grammars, spelled};
use crate::{GrammarError, Grammars, Guide, Piece, Vocabulary, limits};
use base::{Allowed, Grammar, Position, TokenId};

fn refusal(grammar: &Grammar) -> String {
    grammars().compile(grammar).unwrap_err().to_string()
}

fn schema(text: &str) -> Grammar {
    Grammar::JsonSchema(text.to_owned())
}

#[test]
fn a_refusal_says_what_of_the_grammar_is_wrong() {
    for (grammar, part) in [
        (schema("{"), "no JSON: EOF"),
        (schema("[]"), "not an array"),
        (schema("3"), "not a number"),
        (schema("false"), "accepts no text"),
        (schema(r#"{"type":"int"}"#), "int"),
        (schema(r#"{"type":"integer","minimum":3,"maximum":2}"#), "minimum"),
        (schema(r#"{"type":"object","unevaluatedProperties":false}"#), "unevaluatedProperties"),
        (schema(r##"{"$ref":"#/$defs/none"}"##), "none"),
        (schema(r#"{"$ref":"http://example.org/schema"}"#), "example.org"),
        (Grammar::Regex("a(b".to_owned()), "unclosed group"),
        (Grammar::Regex("a(?=b)".to_owned()), "look"),
        (Grammar::Lark("start: nothing\n".to_owned()), "nothing"),
        (Grammar::Lark(String::new()), "start"),
    ] {
        let refusal = refusal(&grammar);
        assert!(refusal.contains(part), "{grammar:?}: {refusal}");
        assert!(!refusal.contains('\n') && refusal.len() <= 256, "{refusal}");
    }
}

/// Goal: whatever is sent, there is an answer in time. Method: what is deep, what multiplies, what counts.
#[test]
fn hostile_grammars_are_refused_or_followed() {
    let most = 24 << 10;
    let nested = |open: &str, inner: &str, close: &str| {
        let n = (most - inner.len()) / (open.len() + close.len());
        [open.repeat(n), inner.to_owned(), close.repeat(n)].concat()
    };
    let any_of = r#"{"anyOf":[{"properties":{"a":{"const":1}}},{"properties":{"b":{"const":2}}}]}"#;
    let all_of = format!(r#"{{"allOf":[{}]}}"#, vec![any_of; 40].join(","));
    let numbers: Vec<String> = (0..2000).map(|n| format!("\"{n}x\"")).collect();
    let grammars = grammars();
    for grammar in [
        schema(&nested(r#"{"items":"#, "{}", "}")),
        schema(&nested("[", "1", "]")),
        schema(&all_of),
        schema(&format!(r#"{{"enum":[{}]}}"#, numbers.join(","))),
        schema(r#"{"type":"string","maxLength":1000000000}"#),
        schema(r#"{"type":"array","items":{"type":"string"},"minItems":4000000000}"#),
        schema(r#"{"type":"string","pattern":"^(a{1,1000}){1,1000}$"}"#),
        schema(r#"{"multipleOf":0.000000001,"type":"number","minimum":1e-300}"#),
        Grammar::Regex(nested("(", "a", ")")),
        Grammar::Regex(nested("(a|", "b", ")*")),
        Grammar::Regex("(((a{100}){100}){100}){100}".to_owned()),
        Grammar::Regex(format!("[ab]*a{}", "[ab]".repeat(40))),
        Grammar::Lark(format!("start: {}\n", nested("(", "\"a\"", ")"))),
        Grammar::Lark(nested("start: %lark {\n", "start: \"a\"", "\n}")),
        Grammar::Lark("start: start start | \"a\" |\n".to_owned()),
        Grammar::Lark("start: \"a\" start\n".to_owned()),
    ] {
        let Ok(compiled) = grammars.compile(&grammar) else { continue };
        let mut guide = Guide::new(compiled, Position(0), ENDS.to_vec());
        for text in ["", "a", "[", "\"a", "[\"a\",", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            let _ = guide.allowed_after(&spelled(text));
        }
        let _ = guide.allowed_after(&spelled(&"a".repeat(300)));
    }
    // And the next one is served as ever.
    grammars.compile(&schema("true")).unwrap();
}

/// What cannot be spelled ends in an error, and the guide goes on from it.
#[test]
fn where_no_token_goes_on_the_guide_says_so_and_can_be_asked_again() {
    let letters = || ["a", "b"].map(|letter| Piece::Text(letter.into())).to_vec();
    let grammar = Grammar::Regex("ab(é|a)|aé".to_owned());
    let mut guide =
        Guide::new(Grammars::new(letters).compile(&grammar).unwrap(), Position(0), vec![]);
    let (a, b) = (TokenId(0), TokenId(1));
    let only = |token| Ok(Allowed::Only([token].into_iter().collect()));
    assert_eq!(guide.allowed_after(&[a]), only(b));
    let stuck = Grammar::Regex("aé".to_owned());
    let mut stuck =
        Guide::new(Grammars::new(letters).compile(&stuck).unwrap(), Position(0), vec![]);
    for _ in 0..2 {
        assert_eq!(stuck.allowed_after(&[]), only(a));
        let error = stuck.allowed_after(&[a]).unwrap_err().to_string();
        assert!(error.contains("NoExtension"), "{error}");
    }
}

#[test]
fn what_was_compiled_lately_is_kept_and_what_is_old_is_not() {
    let grammars = grammars();
    let numbered = |n: usize| Grammar::Regex(format!("a{{{}}}", n + 1));
    let first = grammars.compile(&numbered(0)).unwrap();
    for n in 1..limits::KEPT_MAX {
        grammars.compile(&numbered(n)).unwrap();
    }
    assert!(std::sync::Arc::ptr_eq(&first, &grammars.compile(&numbered(0)).unwrap()));
    let second = grammars.compile(&numbered(1)).unwrap();
    for n in 0..limits::KEPT_MAX {
        grammars.compile(&numbered(1000 + n)).unwrap();
    }
    assert!(!std::sync::Arc::ptr_eq(&second, &grammars.compile(&numbered(1)).unwrap()));
}

#[test]
fn a_vocabulary_of_hostile_pieces_is_made_or_refused() {
    assert!(Vocabulary::new([]).unwrap().is_empty());
    let long = Vocabulary::new([Piece::Text(vec![b'a'; 4096]), Piece::Text(vec![0xff])]).unwrap();
    assert!(long.len() == 2 && !long.is_text(TokenId(0)) && !long.is_text(TokenId(1)));
    let broken = Grammars::new(|| panic!("no pieces"));
    let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        broken.compile(&schema("true")).map(|_| ())
    }));
    assert!(
        asked.is_err() || asked.is_ok_and(|answer| matches!(answer, Err(GrammarError::Broken(_))))
    );
}
