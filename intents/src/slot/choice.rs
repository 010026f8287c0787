//! Enumerations: values and the words that mean them.

use super::Span;
use crate::error::Fault;
use crate::limits::SPELLINGS_MAX;
use crate::phrase;
use std::collections::{BTreeMap, HashMap};

/// The values of an enumeration by the first word of each spelling.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    values: Vec<String>,
    /// Under a spelling's first word: the spelling, and which value it means.
    spellings: HashMap<String, Vec<(Vec<String>, usize)>>,
}

impl Choices {
    /// A value is a spelling of itself.
    pub(crate) fn check(values: BTreeMap<String, Vec<String>>) -> Result<Self, Fault> {
        let count = values.values().map(|synonyms| synonyms.len() + 1).sum::<usize>();
        if !(1..=SPELLINGS_MAX).contains(&count) {
            return Err(Fault::Spellings { count });
        }
        let mut meaning: HashMap<Vec<String>, usize> = HashMap::new();
        for (index, (value, synonyms)) in values.iter().enumerate() {
            for spelling in std::iter::once(value).chain(synonyms) {
                let words = phrase::words(spelling);
                if words.is_empty() {
                    return Err(Fault::NoWords(spelling.clone()));
                }
                if meaning.insert(words, index).is_some_and(|other| other != index) {
                    return Err(Fault::TwoMeanings(spelling.clone()));
                }
            }
        }
        let mut spellings: HashMap<_, Vec<_>> = HashMap::new();
        for (words, index) in meaning {
            spellings.entry(words[0].clone()).or_default().push((words, index));
        }
        // What is looked up in order must not depend on a hash map's.
        spellings.values_mut().for_each(|found| found.sort());
        Ok(Self { values: values.into_keys().collect(), spellings })
    }

    /// The values as written.
    pub(crate) fn values(&self) -> &[String] {
        &self.values
    }

    /// Values whose spelling begins at `words[0]`.
    pub(crate) fn spans<'a>(&'a self, words: &'a [String]) -> impl Iterator<Item = Span<&'a str>> {
        let found = words.first().and_then(|word| self.spellings.get(word)).into_iter().flatten();
        found.filter(|(spelling, _)| words.starts_with(spelling)).map(|(spelling, index)| Span {
            length: spelling.len(),
            value: self.values[*index].as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(values: &[(&str, &[&str])]) -> Result<Choices, Fault> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Choices::check(
            values.iter().map(|(value, names)| ((*value).to_owned(), owned(names))).collect(),
        )
    }

    #[test]
    fn a_value_is_found_by_its_name_and_by_synonyms_of_several_words() {
        let rooms =
            choices(&[("living room", &["lounge", "Living-Area"]), ("kitchen", &[])]).unwrap();
        let find = |text: &str| {
            let words = phrase::words(text);
            rooms.spans(&words).map(|span| (span.value.to_owned(), span.length)).collect::<Vec<_>>()
        };
        assert_eq!(find("living room lights"), [("living room".to_owned(), 2)]);
        assert_eq!(find("living area"), [("living room".to_owned(), 2)]);
        assert_eq!(find("LOUNGE"), [("living room".to_owned(), 1)]);
        assert_eq!(find("living"), []);
        assert_eq!(find(""), []);
    }

    #[test]
    fn a_spelling_means_one_value() {
        assert!(matches!(choices(&[("a", &["x"]), ("b", &["X!"])]), Err(Fault::TwoMeanings(_))));
        assert!(choices(&[("a", &["A", "x", "x"])]).is_ok());
        assert!(matches!(choices(&[("?", &[])]), Err(Fault::NoWords(_))));
        assert!(matches!(choices(&[]), Err(Fault::Spellings { count: 0 })));
    }
}
