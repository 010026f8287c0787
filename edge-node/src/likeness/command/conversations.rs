//! Conversations from a text file.

use anyhow::{Context as _, ensure};
use runtime::Turn;
use serde::Deserialize;

/// What was read.
#[derive(Debug)]
pub(super) struct Conversations {
    /// Of each, in order.
    pub(super) turns: Vec<Vec<Turn>>,
}

/// A line of JSON. What else may be in it is not looked at: collections say where they are from.
#[derive(Deserialize)]
struct Line {
    turns: Vec<(String, String)>,
}

impl Conversations {
    /// The first `most` of `text`: a JSON object a line, or a user's prompt a line. Empty lines are none.
    ///
    /// # Errors
    ///
    /// Where a line is not what it should be, or there is none.
    pub(super) fn read(text: &str, is_jsonl: bool, most: usize) -> anyhow::Result<Self> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| match is_jsonl {
            true => parse(line).with_context(|| format!("line {}", at + 1)),
            false => Ok(vec![Turn::said("user", line)]),
        };
        let turns = lines.take(most).map(read).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!turns.is_empty(), "it has no conversation");
        Ok(Self { turns })
    }
}

fn parse(line: &str) -> anyhow::Result<Vec<Turn>> {
    let form = r#"is no object with "turns": [["user", "..."], ["assistant", "..."], ...]"#;
    let Line { turns } = serde_json::from_str(line).context(form)?;
    Ok(turns.into_iter().map(|(role, content)| Turn::said(role, content)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, is_jsonl: bool) -> anyhow::Result<Vec<Vec<Turn>>> {
        Ok(Conversations::read(text, is_jsonl, 2)?.turns)
    }

    #[test]
    fn a_line_is_a_conversation() {
        let plain = read("A table?\n\nA flight?\nA coffee?", false).unwrap();
        let prompts: Vec<_> = plain.iter().map(|turns| turns[0].content.as_str()).collect();
        assert_eq!(prompts, ["A table?", "A flight?"]);
        let line = r#"{"id": 7, "turns": [["user", "Hi"], ["assistant", "Hello"]]}"#;
        let turns = read(line, true).unwrap().remove(0);
        assert_eq!((turns[1].role.as_str(), turns[1].content.as_str()), ("assistant", "Hello"));
    }

    #[test]
    fn what_is_no_conversation_is_refused_with_its_line() {
        let refusal = |text, is_jsonl| format!("{:#}", read(text, is_jsonl).unwrap_err());
        let wrong = refusal("{\"turns\": []}\n{\"turn\": []}", true);
        assert!(wrong.starts_with("line 2: is no object with \"turns\""), "{wrong}");
        assert_eq!(refusal("\n \n", false), "it has no conversation");
    }
}
