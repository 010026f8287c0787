//! Nothing of what was said is logged, however closely somebody looks.

use super::{ASKED, told, told_of};
use crate::demo::models;
use crate::models::Models;
use base::Grammar;
use partitioner::Mode;

/// Words that nothing else says.
const PROMPT: &str = "Zanzibar quokkas juggle marmalade in Reykjavik";

/// Token ids in a row that are no chance.
const RUN: usize = 3;

/// What of a text a line says: its words in a row, or its tokens in a row in whatever form.
fn leak(line: &str, text: &str, tokens: &[u32]) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let said = words.windows(RUN).map(|run| run.join(" ")).find(|run| line.contains(run));
    let numbers =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let counted = || {
        let run = tokens.windows(RUN).find(|run| numbers.windows(RUN).any(|found| found == *run));
        run.map(|run| format!("{run:?}"))
    };
    said.or_else(counted)
}

/// Goal: at the finest level, no line of any of the three tiers, or of the libraries below them, holds a word or a token
/// of a conversation. Method: words that nothing else says, and runs of words and token ids that are no chance.
#[test]
fn no_line_says_a_word_or_a_token_of_a_conversation() {
    let paths = models::find(None).unwrap();
    let prompt: Vec<u32> = {
        let tokens = Models::open(&paths).unwrap().tokenizer.prompt(PROMPT);
        tokens.iter().map(|token| token.0).collect()
    };
    for mode in [Mode::Split, Mode::Speculative, Mode::Remote, Mode::Local] {
        let (reply, lines) = told(mode, PROMPT, ("trace", None), Some(ASKED));
        assert!(reply.text.split_whitespace().count() > RUN, "{reply:?}");
        assert!(lines.len() > 3, "{lines:?}");
        for line in &lines {
            let word = PROMPT.split_whitespace().filter(|word| word.len() > 5);
            let word = word.into_iter().find(|word| line.contains(word));
            assert_eq!(word, None, "{mode:?}: {line}");
            assert_eq!(leak(line, &reply.text, &reply.tokens), None, "{mode:?}: {line}");
            assert_eq!(leak(line, PROMPT, &prompt), None, "{mode:?}: {line}");
            assert!(!line.contains("TokenId("), "{mode:?}: {line}");
        }
    }
}

/// Goal: a grammar that cannot be read is its author's to hear of, and nobody else's.
#[test]
fn no_line_says_a_word_of_a_grammar() {
    let schema = format!(r#"{{"type":"{PROMPT}"}}"#);
    let asked = Some(Grammar::JsonSchema(schema));
    let (reply, lines) = told_of((Mode::Remote, "so"), asked, ("trace", None), Some(ASKED));
    let why = settings::chain(&reply.unwrap_err());
    assert!(why.contains("Zanzibar"), "{why}");
    assert!(lines.iter().any(|line| line.contains("not answered")), "{lines:?}");
    let quoted = lines.iter().find(|line| line.contains("Zanzibar"));
    assert_eq!(quoted, None);
}

#[test]
fn a_line_that_says_something_is_found() {
    let tokens = [401, 17, 3_000, 2];
    let found = |line: &str| leak(line, "the quick brown fox", &tokens);
    assert_eq!(found("said: the quick brown thing").as_deref(), Some("the quick brown"));
    assert_eq!(
        found("[TokenId(401), TokenId(17), TokenId(3000)]").as_deref(),
        Some("[401, 17, 3000]")
    );
    assert_eq!(found("tokens=17,3000,2").as_deref(), Some("[17, 3000, 2]"));
    assert_eq!(found("the quick fox, 401 and 17"), None);
}
