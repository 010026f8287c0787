//! What is allowed, against languages with all their words written down.

use super::{ENDS, bytes_of, grammars, guide, ids, permitted, spelled};
use base::{Allowed, Grammar, Position, TokenId};
use std::collections::BTreeSet;

/// Goal: a mask is right to the token. Method: from every beginning that is reached by allowed tokens, however it
/// is spelled, each token is allowed where its bytes lead to the beginning of a word, and an end token where
/// the text is a word.
fn check(grammar: &Grammar, words: &[&str]) {
    let grammars = grammars();
    let mut guide = guide(&grammars, grammar);
    let (mut open, mut seen) = (vec![Vec::<TokenId>::new()], BTreeSet::new());
    while let Some(reply) = open.pop() {
        let text: Vec<u8> = reply.iter().flat_map(|token| bytes_of(*token).unwrap()).collect();
        let is_right = |token: &TokenId| match bytes_of(*token) {
            Some(bytes) => {
                let longer = [&text[..], &bytes].concat();
                words.iter().any(|word| word.as_bytes().starts_with(&longer))
            }
            None => ENDS.contains(token) && words.iter().any(|word| word.as_bytes() == text),
        };
        let expected: Vec<TokenId> = ids().filter(is_right).collect();
        let allowed = guide.allowed_after(&reply).unwrap();
        assert_ne!(allowed, Allowed::Any, "{reply:?}");
        assert_eq!(permitted(&allowed), expected, "after {:?}", String::from_utf8_lossy(&text));
        assert!(!allowed.permits(TokenId(u32::MAX)) && !allowed.permits(TokenId(272)));
        for token in expected.into_iter().filter(|token| !ENDS.contains(token)) {
            let longer = [&reply[..], &[token]].concat();
            if seen.insert(longer.clone()) {
                open.push(longer);
            }
        }
    }
    assert!(seen.len() > words.len(), "words are longer than a token");
}

#[test]
fn the_mask_of_a_regular_expression_is_that_of_its_words() {
    check(
        &Grammar::Regex("abc?|b(c|\"){2}|é".to_owned()),
        &["ab", "abc", "bcc", "bc\"", "b\"c", "b\"\"", "é"],
    );
}

#[test]
fn the_mask_of_a_schema_is_that_of_its_words() {
    let schema = r#"{"x-guidance":{"whitespace_flexible":false},"type":"object","properties":{"b":{"enum":[1,true]},
        "c":{"const":"ab"}},"required":["b"],"additionalProperties":false}"#;
    check(
        &Grammar::JsonSchema(schema.to_owned()),
        &[r#"{"b":1}"#, r#"{"b":true}"#, r#"{"b":1,"c":"ab"}"#, r#"{"b":true,"c":"ab"}"#],
    );
}

#[test]
fn the_mask_of_a_lark_grammar_is_that_of_its_words() {
    let grammar = "start: \"ab\" tail | \"1\"\ntail: \"c\" | \"c\" \"1,\" | \"{\"\n";
    check(&Grammar::Lark(grammar.to_owned()), &["abc", "abc1,", "ab{", "1"]);
}

/// White space between JSON's tokens is allowed, and does not go on for ever.
#[test]
fn white_space_in_json_comes_to_an_end() {
    let (grammars, schema) =
        (grammars(), r#"{"type":"array","items":{"type":"integer"}}"#.to_owned());
    let mut guide = guide(&grammars, &Grammar::JsonSchema(schema));
    let space = spelled(" ")[0];
    let after = |n: usize| [spelled("["), vec![space; n]].concat();
    let mut allowed = |n| guide.allowed_after(&after(n)).unwrap();
    assert!(allowed(0).permits(space) && allowed(31).permits(space) && !allowed(32).permits(space));
    assert!(allowed(32).permits(spelled("1")[0]) && allowed(33) == Allowed::Any);
}

#[test]
fn past_the_grammar_or_an_end_anything_is_allowed() {
    let grammars = grammars();
    let mut guide = guide(&grammars, &Grammar::Regex("a(b|c)".to_owned()));
    let special = TokenId(2);
    for reply in [
        spelled("b"),
        spelled("abc"),
        [spelled("ab"), vec![ENDS[0]]].concat(),
        vec![special],
        vec![ENDS[1]],
        vec![TokenId(272)],
        vec![TokenId(u32::MAX)],
    ] {
        assert_eq!(guide.allowed_after(&reply), Ok(Allowed::Any), "{reply:?}");
    }
    assert_eq!(permitted(&guide.allowed_after(&spelled("ab")).unwrap()), ENDS);
}

/// Only what stands in the reply counts.
#[test]
fn before_the_reply_anything_is_allowed_and_nothing_before_it_is_read() {
    let compiled = grammars().compile(&Grammar::Regex("ab?".to_owned())).unwrap();
    let mut guide = crate::Guide::new(compiled, Position(3), ENDS.to_vec());
    for length in [0, 2] {
        assert_eq!(guide.allowed_after(&spelled(&"x"[..1].repeat(length))), Ok(Allowed::Any));
    }
    for prompt in ["xyz", "abz"] {
        let after = |reply: &str| spelled(&[prompt, reply].concat());
        assert_eq!(permitted(&guide.allowed_after(&after("")).unwrap()), spelled("a"));
        assert_eq!(permitted(&guide.allowed_after(&after("ab")).unwrap()), ENDS);
    }
}

#[test]
fn a_reply_without_an_end_token_goes_on_past_its_grammar() {
    let compiled = grammars().compile(&Grammar::Regex("ab?".to_owned())).unwrap();
    let mut guide = crate::Guide::new(compiled, Position(0), Vec::new());
    assert_eq!(permitted(&guide.allowed_after(&spelled("a")).unwrap()), spelled("b"));
    assert_eq!(guide.allowed_after(&spelled("ab")), Ok(Allowed::Any));
}
