//! Cuts a text at the markers in it: `<|user|>` becomes one token, what is between is text.

use super::vocabulary::Vocabulary;
use base::TokenId;

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fragment<'a> {
    Text(&'a str),
    Marker(TokenId),
}

/// A piece that is found in text as a whole.
#[derive(Debug, Clone)]
struct Marker {
    name: String,
    token: TokenId,
    trim: Trim,
    /// Whether no text shows it.
    hidden: bool,
}

/// Whether a marker swallows the white space around it, as Hugging Face's added tokens may.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trim {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// All markers of a vocabulary.
#[derive(Debug)]
pub(super) struct MarkerSet {
    /// By first byte, longest first: where several begin at one place, the longest wins.
    by_first_byte: Vec<Vec<Marker>>,
}

impl MarkerSet {
    /// The control and user-defined pieces. Of several with one name the lowest id counts.
    pub(super) fn new(vocabulary: &Vocabulary, trim: impl Fn(TokenId) -> Trim) -> Self {
        let mut by_first_byte = vec![Vec::<Marker>::new(); 256];
        for (token, piece) in vocabulary.iter().filter(|(_, piece)| piece.kind.is_marker()) {
            let Some(&first) = piece.name.as_bytes().first() else { continue };
            let (name, hidden) = (piece.name.clone(), piece.kind.is_hidden());
            let marker = Marker { name, token, trim: trim(token), hidden };
            by_first_byte[usize::from(first)].push(marker);
        }
        for markers in &mut by_first_byte {
            // Stable: equal names stay in the order of their ids.
            markers.sort_by_key(|marker| std::cmp::Reverse(marker.name.len()));
        }
        Self { by_first_byte }
    }

    /// Cuts `text`; no fragment is empty.
    pub(super) fn split<'a>(&self, text: &'a str) -> Vec<Fragment<'a>> {
        let mut fragments = Vec::new();
        let mut rest = text;
        while let Some((at, marker)) = self.first_in(rest) {
            let (mut before, mut after) = (&rest[..at], &rest[at + marker.name.len()..]);
            if marker.trim.before {
                before = before.trim_end();
            }
            if marker.trim.after {
                after = after.trim_start();
            }
            if !before.is_empty() {
                fragments.push(Fragment::Text(before));
            }
            fragments.push(Fragment::Marker(marker.token));
            rest = after;
        }
        if !rest.is_empty() {
            fragments.push(Fragment::Text(rest));
        }
        fragments
    }

    /// `text` with `guard` after the first character of every marker in it, so that none is found.
    pub(super) fn defuse(&self, text: &str, guard: char) -> String {
        self.defuse_where(text, guard, |_| true)
    }

    /// The same of the markers that no text shows.
    pub(super) fn defuse_hidden(&self, text: &str, guard: char) -> String {
        self.defuse_where(text, guard, |marker| marker.hidden)
    }

    fn defuse_where(&self, text: &str, guard: char, which: impl Fn(&Marker) -> bool) -> String {
        let mut defused = String::with_capacity(text.len());
        for (at, letter) in text.char_indices() {
            defused.push(letter);
            if self.at_start(&text[at..]).any(&which) {
                defused.push(guard);
            }
        }
        defused
    }

    fn first_in<'a>(&'a self, text: &'a str) -> Option<(usize, &'a Marker)> {
        text.char_indices().find_map(|(at, _)| Some((at, self.at_start(&text[at..]).next()?)))
    }

    /// The markers that `text` begins with, the longest first.
    fn at_start<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Marker> {
        let first = text.as_bytes().first();
        let markers = first.map_or(&[][..], |first| &self.by_first_byte[usize::from(*first)]);
        markers.iter().filter(|marker| text.starts_with(&marker.name))
    }
}
