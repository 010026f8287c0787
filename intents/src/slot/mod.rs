//! Typed gaps of a phrase: what `{temperature}` in a template may be, and what it was.
//!
//! ```text
//!   SlotFile (as written) ─▶ Slot (checked) ─ spans at a word ─▶ SlotValue
//! ```

mod choice;
mod number;
mod time;

use crate::error::Fault;
use choice::Choices;
use number::Unit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
pub use time::TimeOfDay;

/// Something that begins at a word: how many words it is, and what it means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span<V> {
    pub(crate) length: usize,
    pub(crate) value: V,
}

/// A slot as its file says it. Each kind has `ask`, what to say where an intent needs it and a phrase
/// lacks it, and `remembered`: a phrase without it means the value before.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum SlotFile {
    /// A number, perhaps with a unit.
    Number {
        min: f64,
        max: f64,
        #[serde(default)]
        units: Vec<UnitFile>,
        #[serde(default)]
        unit_required: bool,
        /// The value is a change of this slot, not a value by itself.
        relative_to: Option<String>,
        /// What is said counts downwards.
        #[serde(default)]
        lowers: bool,
        ask: Option<String>,
        #[serde(default)]
        remembered: bool,
    },
    /// One of several values, each with its synonyms.
    Choice {
        values: BTreeMap<String, Vec<String>>,
        ask: Option<String>,
        #[serde(default)]
        remembered: bool,
    },
    /// A time of day.
    Time {
        ask: Option<String>,
        #[serde(default)]
        remembered: bool,
    },
    /// Any words.
    Text {
        ask: Option<String>,
        #[serde(default)]
        remembered: bool,
    },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitFile {
    /// For one, for several, then other spellings.
    pub(crate) words: Vec<String>,
    /// How much of the base unit it is.
    #[serde(default = "one")]
    pub(crate) factor: f64,
}

const fn one() -> f64 {
    1.0
}

/// A checked slot.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) name: String,
    pub(crate) kind: SlotKind,
    pub(crate) ask: Option<String>,
    pub(crate) remembered: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum SlotKind {
    Number(NumberSlot),
    Choice(Choices),
    Time,
    Text,
}

#[derive(Debug, Clone)]
pub(crate) struct NumberSlot {
    pub(crate) min: f64,
    pub(crate) max: f64,
    units: Vec<Unit>,
    unit_required: bool,
    pub(crate) relative_to: Option<String>,
    lowers: bool,
}

/// What a slot of a phrase holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotValue {
    /// A number in its slot's base unit (the one of factor 1).
    Number {
        /// The number.
        value: f64,
        /// As people say it, with its unit.
        spoken: String,
        /// The slot whose value this changes, where it is a change.
        relative_to: Option<String>,
    },
    /// The value whose name or synonym was said.
    Choice(String),
    /// A time of day.
    Time(TimeOfDay),
    /// The words themselves, normalized.
    Text(String),
}

impl SlotValue {
    /// As a person reads it: a number with its unit, a time as `18:30`.
    pub fn spoken(&self) -> String {
        match self {
            Self::Number { spoken, .. } => spoken.clone(),
            Self::Choice(value) | Self::Text(value) => value.clone(),
            Self::Time(time) => time.to_string(),
        }
    }

    /// As a program reads it: a number bare, in its base unit.
    pub fn plain(&self) -> String {
        match self {
            Self::Number { value, .. } => number::plain(*value),
            Self::Choice(_) | Self::Time(_) | Self::Text(_) => self.spoken(),
        }
    }
}

impl Slot {
    /// Checks what a file says of the slot `name`.
    pub(crate) fn check(name: &str, file: SlotFile) -> Result<Self, Fault> {
        let (kind, ask, remembered) = match file {
            SlotFile::Number {
                min,
                max,
                units,
                unit_required,
                relative_to,
                lowers,
                ask,
                remembered,
            } => {
                let units = units.iter().map(Unit::check).collect::<Result<Vec<_>, _>>()?;
                let number = NumberSlot { min, max, units, unit_required, relative_to, lowers };
                (SlotKind::Number(number.check()?), ask, remembered)
            }
            SlotFile::Choice { values, ask, remembered } => {
                (SlotKind::Choice(Choices::check(values)?), ask, remembered)
            }
            SlotFile::Time { ask, remembered } => (SlotKind::Time, ask, remembered),
            SlotFile::Text { ask, remembered } => (SlotKind::Text, ask, remembered),
        };
        Ok(Self { name: name.to_owned(), kind, ask, remembered })
    }

    /// What the slot may be that begins at `words[0]`. For text that is nothing: it may be anything.
    pub(crate) fn spans(&self, words: &[String]) -> Vec<Span<SlotValue>> {
        match &self.kind {
            SlotKind::Number(slot) => {
                let spans = number::spans(words, &slot.units, slot.unit_required);
                spans.into_iter().map(|span| span.map(|said| slot.value(said))).collect()
            }
            SlotKind::Choice(choices) => {
                let spans = choices.spans(words);
                spans.map(|span| span.map(|name| SlotValue::Choice(name.to_owned()))).collect()
            }
            SlotKind::Time => {
                time::spans(words).into_iter().map(|span| span.map(SlotValue::Time)).collect()
            }
            SlotKind::Text => Vec::new(),
        }
    }

    /// What `words` as a whole mean, as a default's or a text's do.
    pub(crate) fn read(&self, words: &[String]) -> Option<SlotValue> {
        if matches!(self.kind, SlotKind::Text) {
            return (!words.is_empty()).then(|| SlotValue::Text(words.join(" ")));
        }
        let whole = |span: &Span<SlotValue>| span.length == words.len();
        self.spans(words).into_iter().find(whole).map(|span| span.value)
    }
}

impl SlotKind {
    /// The number that it is, where it is one.
    pub(crate) const fn number(&self) -> Option<&NumberSlot> {
        match self {
            Self::Number(number) => Some(number),
            Self::Choice(_) | Self::Time | Self::Text => None,
        }
    }
}

/// Larger numbers lose their last digits.
const NUMBER_MAX: f64 = 1e9;

impl NumberSlot {
    fn check(self) -> Result<Self, Fault> {
        let Self { min, max, .. } = self;
        let ordered = min <= max && min.abs().max(max.abs()) <= NUMBER_MAX;
        match ordered {
            false => Err(Fault::Range { min, max }),
            true if self.unit_required && self.units.is_empty() => Err(Fault::NoUnits),
            true => Ok(self),
        }
    }

    /// What `said` base units are in this slot.
    pub(crate) fn value(&self, said: f64) -> SlotValue {
        let spoken = number::in_words(said, &self.units);
        let value = if self.lowers { -said } else { said };
        SlotValue::Number { value, spoken, relative_to: self.relative_to.clone() }
    }

    /// Whether a value is in range, by what was said of it.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.min..=self.max).contains(&if self.lowers { -value } else { value })
    }
}

impl<V> Span<V> {
    fn map<W>(self, to: impl FnOnce(V) -> W) -> Span<W> {
        Span { length: self.length, value: to(self.value) }
    }
}
