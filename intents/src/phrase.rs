//! A phrase as words: what is left of a text when case, width and punctuation do not matter.
//!
//! Everything that meets a phrase (templates, synonyms, units, examples) goes through the same
//! function, so that a rule of it can never make two spellings miss each other.

use crate::limits::{PHRASE_BYTES_MAX, PHRASE_WORDS_MAX};
use unicode_normalization::UnicodeNormalization as _;

/// A phrase, normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) words: Vec<String>,
}

impl Phrase {
    /// `None` for what is no phrase: nothing but punctuation, or over a limit.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.len() > PHRASE_BYTES_MAX {
            return None;
        }
        let words = words(text);
        (1..=PHRASE_WORDS_MAX).contains(&words.len()).then_some(Self { words })
    }
}

/// The words of `text`, in compatibility form (NFKC) and without case.
///
/// Letters and digits make words; a point or colon between digits stays in them (`21.5`, `18:30`), a
/// comma there does not (`1,000`). An apostrophe vanishes (`what's` is `whats`). Digits before letters
/// are a word of their own (`7pm`). `%` and `°` are words, `-` is part of a number that it begins.
/// Everything else separates.
pub(crate) fn words(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.nfkc().flat_map(fold).collect();
    let mut words = Vec::new();
    let mut word = String::new();
    let digit = |at: Option<usize>| {
        at.and_then(|at| chars.get(at)).is_some_and(|letter| letter.is_numeric())
    };
    for (at, &letter) in chars.iter().enumerate() {
        let (before, after) = (digit(at.checked_sub(1)), digit(Some(at + 1)));
        match letter {
            '\'' | '\u{2019}' => {}
            '.' | ':' if before && after => word.push(letter),
            ',' if before && after => {}
            '-' if after && word.is_empty() && !follows_a_word(&chars, at) => word.push(letter),
            '%' | '°' => {
                finish(&mut word, &mut words);
                words.push(letter.to_string());
            }
            letter if letter.is_alphanumeric() || is_mark(letter) => {
                if before && !letter.is_numeric() {
                    finish(&mut word, &mut words);
                }
                word.push(letter);
            }
            _ => finish(&mut word, &mut words),
        }
    }
    finish(&mut word, &mut words);
    words
}

/// A letter without case: its capital's small form, which also makes `ß` `ss` and one letter of both
/// sigmas.
fn fold(letter: char) -> impl Iterator<Item = char> {
    letter.to_uppercase().flat_map(char::to_lowercase)
}

/// Combining marks that no composed letter exists for: they belong to their word.
const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{200d}')
}

fn follows_a_word(chars: &[char], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| chars[before].is_alphanumeric())
}

fn finish(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(words(text).join("|"), expected, "{text:?}");
    }

    #[test]
    fn case_width_and_punctuation_do_not_matter() {
        check("Turn the HEATING to 21!", "turn|the|heating|to|21");
        check("ｔｕｒｎ ２１", "turn|21");
        check("What’s on, what's up?", "whats|on|whats|up");
        check("Straße, STRASSE", "strasse|strasse");
        check("ΟΔΟΣ οδος", "οδοσ|οδοσ");
        check("cafe\u{301} café", "café|café");
        check("twenty-one wi-fi", "twenty|one|wi|fi");
        check("\u{0}\u{7}\n \u{200b}", "");
    }

    #[test]
    fn numbers_keep_their_points_and_lose_their_units() {
        check("21.5 18:30 1,000", "21.5|18:30|1000");
        check("7pm 20°C 50% ℃", "7|pm|20|°|c|50|%|°|c");
        check("to -5, 3-4", "to|-5|3|4");
        check("mp3 at 7.", "mp3|at|7");
    }

    #[test]
    fn what_is_over_a_limit_is_no_phrase() {
        assert!(Phrase::of(&"a".repeat(PHRASE_BYTES_MAX)).is_some());
        assert!(Phrase::of(&"a".repeat(PHRASE_BYTES_MAX + 1)).is_none());
        assert!(Phrase::of(&"a ".repeat(PHRASE_WORDS_MAX)).is_some());
        assert!(Phrase::of(&"a ".repeat(PHRASE_WORDS_MAX + 1)).is_none());
        assert!(Phrase::of("?!").is_none());
    }
}
