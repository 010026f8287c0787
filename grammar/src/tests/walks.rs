//! A guide that goes back and forth against one that has no memory.

use super::{ENDS, Random, grammars, guide, ids, permitted};
use crate::Guide;
use base::{Allowed, Grammar, Position, TokenId};

fn a_dozen() -> Vec<Grammar> {
    let schemas = [
        r#"{"type":"object","properties":{"ab":{"type":"string","maxLength":4},"b":{"type":"number"}}}"#,
        r#"{"type":"array","items":{"enum":["ab",true,1,null]},"minItems":1,"maxItems":4}"#,
        r#"{"type":"string","pattern":"^a(b|c){1,3}é?$"}"#,
        r#"{"anyOf":[{"type":"integer","minimum":3,"maximum":211},{"type":"object"},{"const":"abc"}]}"#,
        r##"{"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"b":{"$ref":"#/$defs/t"}}}}}"##,
        "true",
    ];
    let expressions = ["(ab|bc)*1?", "[a-cé]{2,5}(\"|é)+", "(a|b|c|ab)*"];
    let larks = ["start: \"[\" (item \",\")* item \"]\"\nitem: /[ab]+/ | start\n%ignore / +/\n"];
    let schemas = schemas.map(|text| Grammar::JsonSchema(text.to_owned()));
    let expressions = expressions.map(|text| Grammar::Regex(text.to_owned()));
    let larks = larks.map(|text| Grammar::Lark(text.to_owned()));
    schemas.into_iter().chain(expressions).chain(larks).collect()
}

/// Goal: what is allowed is a function of the reply. Method: replies that grow by what is allowed, now and then by
/// what is not, and are cut anywhere; each answer is that of a guide that was never asked before.
#[test]
fn a_guide_that_was_rolled_back_says_what_a_fresh_one_says() {
    let grammars = grammars();
    let (mut random, mut strayed, mut ended) = (Random(3), 0, 0);
    for grammar in a_dozen() {
        let mut walking = guide(&grammars, &grammar);
        let mut reply: Vec<TokenId> = Vec::new();
        for _ in 0..120 {
            let allowed = walking.allowed_after(&reply).unwrap();
            let fresh = guide(&grammars, &grammar).allowed_after(&reply).unwrap();
            assert_eq!(allowed, fresh, "{grammar:?} after {reply:?}");
            strayed += usize::from(allowed == Allowed::Any);
            let choices = permitted(&allowed);
            assert!(!choices.is_empty(), "{grammar:?} after {reply:?}");
            ended += usize::from(choices.iter().all(|token| ENDS.contains(token)));
            match random.below(8) {
                0 => reply.truncate(random.below(reply.len() + 1)),
                1 => reply.push(ids().nth(random.below(ids().count())).unwrap()),
                2 => reply.truncate(reply.len().saturating_sub(1)),
                _ => reply.push(choices[random.below(choices.len())]),
            }
        }
    }
    assert!(strayed > 100 && ended > 5, "{strayed} {ended}");
}

/// Guides of one grammar have nothing in common.
#[test]
fn guides_of_one_grammar_do_not_disturb_each_other() {
    let grammars = grammars();
    let grammar = Grammar::JsonSchema(r#"{"type":"array","items":{"type":"boolean"}}"#.to_owned());
    let compiled = grammars.compile(&grammar).unwrap();
    let mut guides: Vec<Guide> =
        (0..3).map(|_| Guide::new(compiled.clone(), Position(0), ENDS.to_vec())).collect();
    let texts = ["[true,", "[false", "["].map(super::spelled);
    for length in 0..=6 {
        for (guide, text) in guides.iter_mut().zip(&texts) {
            let beginning = &text[..length.min(text.len())];
            let alone = super::guide(&grammars, &grammar).allowed_after(beginning);
            assert_eq!(guide.allowed_after(beginning), alone);
        }
    }
}
