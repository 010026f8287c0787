//! Times of day as people say them: `18:30`, `half past seven`, `quarter to eight in the evening`.

use super::Span;
use super::number::whole;
use serde::Serialize;
use std::fmt;

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// Which half of the day was said; where it was not, `half past seven` is also 19:30.
    pub exact: bool,
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// Times that begin at `words[0]`.
pub(crate) fn spans(words: &[String]) -> Vec<Span<TimeOfDay>> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let named = |hour| vec![Span { length: 1, value: TimeOfDay { hour, minute: 0, exact: true } }];
    match word(0) {
        "noon" | "midday" => return named(12),
        "midnight" => return named(0),
        _ => {}
    }
    let mut spans = Vec::new();
    for (hour, minute, length) in [clock(words), relative(words)].into_iter().flatten() {
        if let Some(value) = time(hour, minute, None) {
            spans.push(Span { length, value });
        }
        let half = half_of_day(&words[length..]);
        if let Some((half, more)) = half
            && let Some(value) = time(hour, minute, Some(half))
        {
            spans.push(Span { length: length + more, value });
        }
    }
    spans
}

/// `18:30`, `6.30`, `seven`, `seven thirty`, `seven oclock`: hour, minute, words.
fn clock(words: &[String]) -> Option<(u32, u32, usize)> {
    let first = words.first()?;
    if let Some((hour, minute)) = first.split_once([':', '.']) {
        let two = minute.len() == 2 && hour.len() <= 2;
        return two.then_some(Some((hour.parse().ok()?, minute.parse().ok()?, 1)))?;
    }
    let (hour, length) = whole(words)?;
    if words.get(length).is_some_and(|word| word == "oclock") {
        return Some((hour, 0, length + 1));
    }
    match whole(&words[length..]) {
        Some((minute, more)) if (10..60).contains(&minute) => Some((hour, minute, length + more)),
        Some(_) | None => Some((hour, 0, length)),
    }
}

/// `half past seven`, `quarter to eight`, `ten minutes past six`.
fn relative(words: &[String]) -> Option<(u32, u32, usize)> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let article = usize::from(word(0) == "a");
    let (minutes, mut at) = match word(article) {
        "half" => (30, article + 1),
        "quarter" => (15, article + 1),
        _ => whole(words).filter(|(minutes, _)| (1..60).contains(minutes))?,
    };
    at += usize::from(matches!(word(at), "minute" | "minutes"));
    let past = match word(at) {
        "past" | "after" => true,
        "to" | "before" | "till" => false,
        _ => return None,
    };
    let (hour, length) = whole(&words[at + 1..])?;
    let end = at + 1 + length;
    match past {
        true => Some((hour, minutes, end)),
        // Before one it is twelve, before zero 23.
        false if hour == 1 => Some((12, 60 - minutes, end)),
        false => Some((hour.checked_sub(1).unwrap_or(23), 60 - minutes, end)),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

fn half_of_day(words: &[String]) -> Option<(Half, usize)> {
    const NAMES: [(&[&str], Half); 9] = [
        (&["am"], Half::Morning),
        (&["a", "m"], Half::Morning),
        (&["in", "the", "morning"], Half::Morning),
        (&["pm"], Half::Afternoon),
        (&["p", "m"], Half::Afternoon),
        (&["in", "the", "afternoon"], Half::Afternoon),
        (&["in", "the", "evening"], Half::Afternoon),
        (&["tonight"], Half::Afternoon),
        (&["at", "night"], Half::Afternoon),
    ];
    let begins =
        |name: &[&str]| words.len() >= name.len() && words.iter().zip(name).all(|(a, b)| a == b);
    NAMES.iter().find(|(name, _)| begins(name)).map(|(name, half)| (*half, name.len()))
}

fn time(hour: u32, minute: u32, half: Option<Half>) -> Option<TimeOfDay> {
    let twelve = (1..=12).contains(&hour);
    let hour = match half {
        None => hour,
        Some(Half::Morning) if twelve => hour % 12,
        Some(Half::Afternoon) if twelve => hour % 12 + 12,
        // `18:30 in the evening` says it twice; `18:30 am` is wrong.
        Some(Half::Afternoon) if hour > 12 => hour,
        Some(Half::Morning | Half::Afternoon) => return None,
    };
    let exact = half.is_some() || !twelve;
    (hour < 24 && minute < 60).then_some(())?;
    Some(TimeOfDay { hour: u8::try_from(hour).ok()?, minute: u8::try_from(minute).ok()?, exact })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrase;

    fn longest(text: &str) -> Option<(String, bool, usize)> {
        let spans = spans(&phrase::words(text));
        let longest = spans.into_iter().max_by_key(|span| span.length)?;
        Some((longest.value.to_string(), longest.value.exact, longest.length))
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        for (text, time, exact, length) in [
            ("18:30", "18:30", true, 1),
            ("7", "07:00", false, 1),
            ("7pm", "19:00", true, 2),
            ("12 am", "00:00", true, 2),
            ("12 pm", "12:00", true, 2),
            ("half past seven", "07:30", false, 3),
            ("half past seven in the evening", "19:30", true, 6),
            ("a quarter to eight", "07:45", false, 4),
            ("quarter to one", "12:45", false, 3),
            ("ten minutes past six a.m.", "06:10", true, 6),
            ("twenty five to six", "05:35", false, 4),
            ("seven thirty tonight", "19:30", true, 3),
            ("six o'clock", "06:00", false, 2),
            ("6.30 pm", "18:30", true, 2),
            ("noon", "12:00", true, 1),
            ("midnight", "00:00", true, 1),
            ("seven forty five", "07:45", false, 3),
        ] {
            assert_eq!(longest(text), Some((time.to_owned(), exact, length)), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "25:00", "18:60", "half seven eleven", "99", "past seven", "1:2:3", "18:5"]
        {
            assert_eq!(longest(text), None, "{text:?}");
        }
        assert_eq!(longest("18:30 am"), Some(("18:30".to_owned(), true, 1)));
    }
}
