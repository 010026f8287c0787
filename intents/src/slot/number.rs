//! Numbers as people say them: `21`, `twenty one`, `minus five point two`, `two and a half`, with units.

use super::{Span, UnitFile};
use crate::error::Fault;
use crate::phrase;
use std::fmt::Write as _;

/// One unit of a number: how it is spelled, and how much of the base unit it is.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// For one, for several, and other spellings, each in words. Never empty.
    spellings: Vec<Vec<String>>,
    /// For one and for several, as written.
    names: [String; 2],
    factor: f64,
}

impl Unit {
    /// Refuses no spelling, one that is no word, and a factor that is no positive number.
    pub(crate) fn check(file: &UnitFile) -> Result<Self, Fault> {
        let UnitFile { words: written, factor } = file;
        let spellings: Vec<_> = written.iter().map(|spelling| phrase::words(spelling)).collect();
        let spelled = spellings.iter().all(|words| !words.is_empty());
        let sound = factor.is_finite() && *factor > 0.0;
        match written.as_slice() {
            [one, rest @ ..] if spelled && sound => {
                let names = [one.clone(), rest.first().unwrap_or(one).clone()];
                Ok(Self { spellings, names, factor: *factor })
            }
            _ => Err(Fault::Unit(written.join(", "))),
        }
    }

    /// How many words of `words` name this unit.
    fn named(&self, words: &[String]) -> Option<usize> {
        let named = self.spellings.iter().filter(|spelling| words.starts_with(spelling));
        named.map(Vec::len).max()
    }
}

/// Numbers that begin at `words[0]`, each alone and with the units that follow it, in base units.
///
/// Smaller units may follow larger ones: `1 hour and 30 minutes`.
pub(crate) fn spans(words: &[String], units: &[Unit], unit_required: bool) -> Vec<Span<f64>> {
    let mut spans = Vec::new();
    let mut total = 0.0;
    let mut at = 0;
    let mut smallest = f64::INFINITY;
    while let Some((value, length)) = number(&words[at..]) {
        if at == 0 && !unit_required {
            spans.push(Span { length, value });
        }
        let named = |unit: &Unit| Some((unit.named(&words[at + length..])?, unit.factor));
        let Some((more, factor)) = units.iter().filter_map(named).max_by_key(|(more, _)| *more)
        else {
            break;
        };
        if factor >= smallest {
            break;
        }
        total += value * factor;
        at += length + more;
        smallest = factor;
        spans.push(Span { length: at, value: total });
        at += usize::from(at < words.len() && words[at] == "and");
    }
    spans
}

/// `value` base units in words: `1 hour 30 minutes`.
pub(crate) fn in_words(value: f64, units: &[Unit]) -> String {
    let mut by_size: Vec<&Unit> = units.iter().collect();
    by_size.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    let Some(smallest) = by_size.pop() else { return plain(value) };
    let mut text = String::new();
    let mut rest = value.abs();
    let mut part = |count: f64, unit: &Unit| {
        let space = if text.is_empty() { "" } else { " " };
        let name = &unit.names[usize::from(count != 1.0)];
        let _ = write!(text, "{space}{} {name}", plain(count));
    };
    for unit in by_size {
        let count = (rest / unit.factor).floor();
        if count >= 1.0 {
            part(count, unit);
            rest -= count * unit.factor;
        }
    }
    if rest > 0.0 || value == 0.0 {
        part(rest / smallest.factor, smallest);
    }
    if value < 0.0 { format!("minus {text}") } else { text }
}

/// A number with at most three places.
pub(crate) fn plain(value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    // Minus zero is zero.
    format!("{}", rounded + 0.0)
}

/// The number that `words` begin with, and of how many words it is.
fn number(words: &[String]) -> Option<(f64, usize)> {
    let (sign, signed) = match words.first()?.as_str() {
        "minus" => (-1.0, 1),
        "plus" => (1.0, 1),
        _ => (1.0, 0),
    };
    let (value, length) = unsigned(&words[signed..])?;
    Some((sign * value, signed + length))
}

fn unsigned(words: &[String]) -> Option<(f64, usize)> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    if word(0) == "half" {
        let article = usize::from(matches!(word(1), "a" | "an"));
        return Some((0.5, 1 + article));
    }
    let (mut value, mut length) =
        digits(word(0)).map(|value| (value, 1)).or_else(|| cardinal(words))?;
    if word(length) == "point" {
        let places: String = words[length + 1..].iter().map_while(|word| digit_of(word)).collect();
        if !places.is_empty() && places.len() <= DIGITS_MAX {
            length += 1 + places.len();
            value = format!("{}.{places}", value.trunc()).parse().ok()?;
        }
    }
    if [word(length), word(length + 1), word(length + 2)] == ["and", "a", "half"] {
        (value, length) = (value + 0.5, length + 3);
    }
    Some((value, length))
}

/// More are no number that a person says, and would lose digits.
const DIGITS_MAX: usize = 12;

fn digits(word: &str) -> Option<f64> {
    let numeric = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | '-');
    (word.len() <= DIGITS_MAX && word.chars().all(numeric)).then(|| word.parse().ok())?
}

fn digit_of(word: &str) -> Option<char> {
    let small = small(word).filter(|value| *value < 10).or_else(|| word.parse().ok())?;
    char::from_digit(small, 10)
}

/// A whole number in words, below a million.
fn cardinal(words: &[String]) -> Option<(f64, usize)> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    // `a hundred`, but not `a` alone: that is an article.
    let article = usize::from(word(0) == "a" && matches!(word(1), "hundred" | "thousand"));
    let mut at = article;
    let (mut total, mut group, mut any) = (0_u32, u32::from(article == 1), article == 1);
    let mut below = u32::MAX;
    while at < words.len() {
        let next = word(at);
        // Each part is of a smaller kind than the last: `twenty one`, but not `twenty thirty`.
        if let Some(value) = tens(next).filter(|_| below > 99).or_else(|| {
            small(next).filter(|value| below > 99 || (below > 9 && (1..10).contains(value)))
        }) {
            group += value;
            below = if value >= 20 { 10 } else { 1 };
        } else if next == "hundred" && any && (1..10).contains(&group) {
            group *= 100;
            below = 100;
        } else if next == "thousand" && any && total == 0 && group > 0 {
            total = group * 1_000;
            group = 0;
            below = u32::MAX;
        } else if next == "and" && below >= 100 && any && is_part(word(at + 1)) && at > 0 {
            at += 1;
            continue;
        } else {
            break;
        }
        any = true;
        at += 1;
    }
    any.then_some((f64::from(total + group), at))
}

fn is_part(word: &str) -> bool {
    small(word).is_some() || tens(word).is_some()
}

fn small(word: &str) -> Option<u32> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    SMALL.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, value)| value)
}

fn tens(word: &str) -> Option<u32> {
    const TENS: [&str; 8] =
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    TENS.iter().zip(2..).find(|(name, _)| **name == word).map(|(_, value)| value * 10)
}

/// A whole number that `words` begin with, for times; and of how many words it is.
pub(crate) fn whole(words: &[String]) -> Option<(u32, usize)> {
    let first = words.first()?;
    let digits = (first.len() <= 4).then(|| first.parse().ok()).flatten();
    if let Some(value) = digits {
        return Some((value, 1));
    }
    let at = words.iter().take_while(|word| is_part(word)).count();
    (1..=at.min(2)).rev().find_map(|length| {
        let (value, used) = cardinal(&words[..length])?;
        let value = (0..100).find(|whole| f64::from(*whole) == value)?;
        (used == length).then_some((value, length))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(f64, usize)>) {
        assert_eq!(number(&phrase::words(text)), expected, "{text:?}");
    }

    #[test]
    fn numbers_are_read_as_far_as_they_go() {
        for (text, value, length) in [
            ("21", 21.0, 1),
            ("21.5 degrees", 21.5, 1),
            ("-5", -5.0, 1),
            ("minus five", -5.0, 2),
            ("1,000", 1000.0, 1),
            ("twenty-one degrees", 21.0, 2),
            ("twenty thirty", 20.0, 1),
            ("nineteen one", 19.0, 1),
            ("one hundred", 100.0, 2),
            ("a hundred and five", 105.0, 4),
            ("two thousand three hundred and forty two", 2342.0, 7),
            ("one hundred and fifty thousand", 150_000.0, 5),
            ("eighty eight point five", 88.5, 4),
            ("88 point 0 5 fm", 88.05, 4),
            ("two and a half hours", 2.5, 4),
            ("half an hour", 0.5, 2),
            ("five and a bit", 5.0, 1),
            ("zero", 0.0, 1),
        ] {
            check(text, Some((value, length)));
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "a degree", "hundred", "and five", "18:30", "1.2.3", "minus"] {
            check(text, None);
        }
        check(&"9".repeat(400), None);
    }

    fn duration() -> Vec<Unit> {
        [(["second", "seconds"], 1.0), (["minute", "minutes"], 60.0), (["hour", "hours"], 3600.0)]
            .map(|(names, factor)| UnitFile { words: names.map(str::to_owned).to_vec(), factor })
            .map(|file| Unit::check(&file).unwrap())
            .to_vec()
    }

    #[test]
    fn units_add_up_from_large_to_small() {
        let spans = |text: &str| {
            let spans = spans(&phrase::words(text), &duration(), true);
            spans.iter().map(|span| (span.value, span.length)).collect::<Vec<_>>()
        };
        assert_eq!(spans("5 minutes"), [(300.0, 2)]);
        assert_eq!(spans("1 hour and 30 minutes"), [(3600.0, 2), (5400.0, 5)]);
        assert_eq!(spans("half an hour"), [(1800.0, 3)]);
        assert_eq!(spans("5 minutes 2 hours"), [(300.0, 2)]);
        assert_eq!(spans("5"), []);
    }

    #[test]
    fn values_are_said_in_their_units() {
        for (value, said) in [
            (5400.0, "1 hour 30 minutes"),
            (60.0, "1 minute"),
            (0.0, "0 seconds"),
            (-3601.5, "minus 1 hour 1.5 seconds"),
        ] {
            assert_eq!(in_words(value, &duration()), said);
        }
        assert_eq!(in_words(21.0, &[]), "21");
        assert_eq!(plain(0.1 + 0.2), "0.3");
        assert_eq!(plain(-0.0), "0");
    }
}
