//! Stop strings: ends a text where one of them begins, and never shows a part of one.
//!
//! Text that might be the beginning of a stop string is held back until more text decides.

/// Watches a text for the first of several strings.
#[derive(Debug, Clone)]
pub struct StopStrings {
    stops: Vec<String>,
    /// A beginning of some stop string, seen at the end of the text so far.
    held: String,
    stopped: bool,
}

/// What may be shown after a [`StopStrings::push`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emitted {
    /// Text to show; it ends before the stop string.
    pub text: String,
    /// Whether a stop string was found, in this push or before.
    pub stopped: bool,
}

impl StopStrings {
    /// Stops at the first occurrence of any of `stops`. Empty ones are ignored.
    pub fn new(stops: impl IntoIterator<Item = String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self { stops, held: String::new(), stopped: false }
    }

    /// Takes the next text; gives what can be shown by now. Nothing after a stop.
    pub fn push(&mut self, text: &str) -> Emitted {
        if self.stopped {
            return Emitted { text: String::new(), stopped: true };
        }
        let mut text = std::mem::take(&mut self.held) + text;
        if let Some(start) = self.stops.iter().filter_map(|stop| text.find(stop)).min() {
            self.stopped = true;
            text.truncate(start);
        } else {
            self.held = text.split_off(self.undecided(&text));
        }
        Emitted { text, stopped: self.stopped }
    }

    /// Ends the text: gives what was held back, since no stop string can complete it any more.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest end of `text` starts that is a beginning of a stop string.
    fn undecided(&self, text: &str) -> usize {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        text.char_indices()
            .map(|(at, _)| at)
            .find(|&at| {
                text.len() - at < longest
                    && self.stops.iter().any(|stop| stop.starts_with(&text[at..]))
            })
            .unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(stops: &[&str], pushes: &[&str]) -> (Vec<String>, bool, String) {
        let mut watch = StopStrings::new(stops.iter().map(|&stop| stop.to_owned()));
        let mut stopped = false;
        let shown = pushes.iter().map(|text| {
            let emitted = watch.push(text);
            stopped = emitted.stopped;
            emitted.text
        });
        (shown.collect(), stopped, watch.finish())
    }

    #[test]
    fn a_stop_string_over_several_pushes_is_never_shown() {
        let (shown, stopped, rest) = watch(&["END"], &["a E", "N", "D b", "c"]);
        assert_eq!(shown, ["a ", "", "", ""]);
        assert!(stopped);
        assert_eq!(rest, "");
    }

    #[test]
    fn a_beginning_that_leads_nowhere_is_shown_later() {
        assert_eq!(watch(&["aab"], &["a", "a", "a", "b"]).0, ["", "", "a", ""]);
        let (shown, stopped, rest) = watch(&["END"], &["E", "Nd", " EN"]);
        assert_eq!(shown, ["", "ENd", " "]);
        assert_eq!((stopped, rest.as_str()), (false, "EN"));
    }

    #[test]
    fn the_first_of_several_wins_wherever_it_is_listed() {
        assert_eq!(watch(&["later", "x"], &["one x two later"]).0, ["one "]);
        assert_eq!(watch(&["é!", "ü"], &["caf", "é", "?é", "!"]).0, ["caf", "", "é?", ""]);
    }

    #[test]
    fn without_stop_strings_nothing_is_held_back() {
        assert_eq!(watch(&[], &["a", "b"]).0, ["a", "b"]);
        assert_eq!(watch(&[""], &["a", "b"]).0, ["a", "b"]);
    }

    /// Goal: splitting the text anywhere changes nothing. Method: every split into three pushes.
    #[test]
    fn what_is_shown_does_not_depend_on_the_pushes() {
        let text = "aaabaabab<|x<|x|>";
        for stop in ["aab", "abab<", "<|x|>", "zz"] {
            let expected = text.find(stop).map_or(text, |at| &text[..at]);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pushes = [&text[..first], &text[first..second], &text[second..]];
                    let (shown, stopped, rest) = watch(&[stop], &pushes);
                    assert_eq!(shown.concat() + &rest, expected, "{stop} {pushes:?}");
                    assert_eq!(stopped, text.contains(stop));
                }
            }
        }
    }
}
