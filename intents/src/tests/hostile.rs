//! Phrases that nobody means well: no panic, no long time, no intent by accident.

use super::*;
use crate::Context;
use std::time::{Duration, Instant};

/// Templates that explode where alternatives are expanded or tried one after the other: 2^20 phrases
/// each, all slots at every word, and free text beside free text.
fn explosive() -> Recognizer {
    let optional = "[a] [a|a a] ".repeat(10);
    let nested = format!("{}a{}", "(a|[a] ".repeat(15), ")".repeat(15));
    let mut text = format!(
        r#"
about = "Traps."
fillers = ["a", "a a", "please"]
[slots.one]
type = "text"
[slots.two]
type = "text"
[slots.number]
type = "number"
min = 0
max = 100
units = [{{ words = ["a", "a a"] }}]
[slots.time]
type = "time"
[slots.choice]
type = "choice"
values = {{ a = ["a a", "a a a"], b = ["a b"] }}
[[intent]]
name = "trap"
templates = ["{optional} end", "{nested} end", "{{one}} a {{two}} end", "[{{number}}] [{{choice}}] [{{time}}] end"]
examples = ["a trap", "another trap", "one more trap"]
responses = ["Trapped."]
"#
    );
    for intent in 0..20 {
        text += &format!(
            "[[intent]]\nname = \"intent_{intent}\"\nresponses = [\"Yes.\"]\nexamples = [\"do number {intent}\", \"thing {intent}\"]\ntemplates = [\"{{one}} {intent} {{two}}\", \"[{{choice}}] {{one}} x{intent}\"]\n"
        );
    }
    recognizer(&text)
}

/// The next of some numbers that look random (xorshift, Marsaglia 2003).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[expect(clippy::cast_possible_truncation, reason = "numbers at random")]
fn phrases() -> Vec<String> {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let words = [
        "a",
        "end",
        "x3",
        "a a",
        "7",
        "half past",
        "one hundred and",
        "minus",
        "point",
        "5 a",
        "{one}",
        "(((",
        "]]",
        "|",
        "\u{0}",
        "ﷺ",
        "\u{202e}",
        "🚗",
        "ß",
        "é\u{301}",
        "%",
        "°",
        "-",
        "-9",
        "18:30",
        "99999999999999999999",
        "1.2.3",
        "please",
        "and",
        "thousand",
        "\u{feff}",
        "٣",
        "½",
        "to",
    ];
    let mut phrases: Vec<String> = (0..10_000)
        .map(|at| {
            let length = next(&mut state) % 60;
            let mut phrase = String::new();
            for _ in 0..length {
                let word = words[next(&mut state) as usize % words.len()];
                match at % 3 {
                    0 => phrase.push_str(word),
                    1 => phrase.extend([word, " "]),
                    // Any scalar value.
                    _ => phrase.extend(char::from_u32((next(&mut state) % 0x11_0000) as u32)),
                }
            }
            phrase
        })
        .collect();
    phrases.extend([
        "a ".repeat(64),
        "a ".repeat(100_000),
        "a".repeat(1024),
        "ﷺ".repeat(341),
        format!("{}end", "a ".repeat(63)),
        format!("{}end", "one hundred and ".repeat(20)),
        "\u{0}".repeat(1000),
        "((((((((((".repeat(100),
        String::from_utf8_lossy(&[0xff, 0xfe, 0x00, 0x80].repeat(200)).into_owned(),
    ]);
    phrases
}

/// Goal: any phrase is answered in bounded time, and the same way again. Method: 10,000 phrases of
/// traps, noise and random characters against templates that stand for millions of phrases; the bound
/// is far above what a slow, busy machine takes and far below what an expansion would.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is tested is the time")]
fn any_phrase_is_answered_soon() {
    let sets = explosive();
    let mut context = Context::default();
    let mut understood = 0;
    for phrase in phrases() {
        let started = Instant::now();
        let found = sets.recognize(&phrase, &context).unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?} for {phrase:?}");
        understood += usize::from(matches!(found, Recognition::Understood(_)));
        context.note(&found);
    }
    // The traps are sprung, too: some phrases do match.
    assert!(understood > 10, "{understood}");
}

#[test]
fn what_is_over_a_limit_is_out_of_scope_at_once() {
    let sets = explosive();
    for text in ["a ".repeat(65) + "end", "a".repeat(1025), "?!".to_owned(), String::new()] {
        let found = sets.recognize(&text, &Context::default()).unwrap();
        assert_eq!(found, Recognition::OutOfScope { nearest: None });
    }
    // The longest that is none too long is matched by a template of two million phrases.
    let longest = format!("{}end", "a ".repeat(30));
    let found = understood(sets.recognize(&longest, &Context::default()).unwrap());
    assert_eq!(found.intent, "trap");
}
