//! What is wrong with definitions, and what would be right.

use crate::limits::{
    EXAMPLES_MAX, FILE_BYTES_MAX, INTENTS_MAX, PHRASE_BYTES_MAX, PHRASE_WORDS_MAX, SLOTS_MAX,
    SPELLINGS_MAX, STATES_MAX, TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX, TEMPLATE_STATES_MAX,
    WEIGHTS_MAX,
};
use crate::slot::Slot;
use std::fmt;

/// Definitions that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// A file is too large to be one.
    #[error("a file of intents has at most {FILE_BYTES_MAX} bytes, not {bytes}")]
    FileSize {
        /// Its bytes.
        bytes: usize,
    },
    /// Not TOML, or an unknown key.
    #[error("not a file of intents")]
    Malformed(#[from] toml::de::Error),
    /// Everything that is wrong with the files, each with its place.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    /// There is nothing to learn from.
    #[error("a classifier learns from examples of at least two intents; here are {intents}")]
    TooFew {
        /// Intents with examples.
        intents: usize,
    },
    /// The classifier would take too much memory.
    #[error(
        "{features} features times {intents} intents are over {WEIGHTS_MAX}: give fewer examples"
    )]
    TooLarge {
        /// Distinct parts of words and phrases in the examples.
        features: usize,
        /// Intents.
        intents: usize,
    },
    /// The encoder cannot say what a phrase means.
    #[error("cannot encode an example")]
    Encoder(#[from] crate::EncodeError),
}

/// One thing that is wrong, and where.
#[derive(Debug)]
pub struct Problem {
    /// File, intent or slot, and the part of it.
    pub place: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

/// What can be wrong at one place.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Fault {
    /// A template is too long.
    #[error("a template has at most {TEMPLATE_BYTES_MAX} bytes, not {bytes}")]
    TemplateLength {
        /// Its bytes.
        bytes: usize,
    },
    /// Groups in groups in groups.
    #[error("groups stand at most {TEMPLATE_DEPTH_MAX} deep in each other")]
    TemplateDepth,
    /// Too many words in a template.
    #[error(
        "a template has at most {TEMPLATE_STATES_MAX} states, about one for each word: cut it in two"
    )]
    TemplateStates,
    /// Too many words in all templates.
    #[error("all templates together have at most {STATES_MAX} states, not {states}")]
    States {
        /// How many.
        states: usize,
    },
    /// A bracket without its end.
    #[error("a `{0}` is missing")]
    Unclosed(char),
    /// A bracket without its beginning.
    #[error("this `{0}` closes nothing")]
    Unopened(char),
    /// A template that a phrase without words would match.
    #[error("every part of this template may be left out")]
    MatchesNothing,
    /// A slot that a phrase would fill twice.
    #[error("slot `{0}` stands here twice, and a phrase gives it one value")]
    SlotTwice(String),
    /// A slot that the file does not define.
    #[error("no slot `{name}` in this file; there are: {known}")]
    UnknownSlot {
        /// As said.
        name: String,
        /// Those that are defined.
        known: String,
    },
    /// A range that is none.
    #[error("a number is between min and max, at most a billion; not {min} to {max}")]
    Range {
        /// As said.
        min: f64,
        /// As said.
        max: f64,
    },
    /// A unit that cannot be used.
    #[error("a unit has words and a positive factor, unlike `{0}`")]
    Unit(String),
    /// A required unit that nobody can say.
    #[error("`unit_required` needs `units`")]
    NoUnits,
    /// Too many spellings, or none.
    #[error("a choice has 1 to {SPELLINGS_MAX} values and synonyms, not {count}")]
    Spellings {
        /// How many.
        count: usize,
    },
    /// Nothing but punctuation.
    #[error("`{0}` has no words")]
    NoWords(String),
    /// A synonym of two values.
    #[error("`{0}` means two values")]
    TwoMeanings(String),
    /// `relative_to` names no number.
    #[error("`relative_to` names a number of this file; `{0}` is none")]
    NotANumber(String),
    /// A default that its slot does not take.
    #[error("`{value}` is no value of slot `{slot}`")]
    Default {
        /// The slot.
        slot: String,
        /// As said.
        value: String,
    },
    /// A name of two intents.
    #[error("two intents have this name")]
    NameTwice,
    /// A name that is none.
    #[error("a name is small letters, digits and `_`, 1 to 64 of them")]
    Name,
    /// An intent that nothing can mean.
    #[error("an intent has examples or templates")]
    NeverMeant,
    /// An example that is no phrase.
    #[error(
        "an example has 1 to {PHRASE_WORDS_MAX} words and at most {PHRASE_BYTES_MAX} bytes; `{0}` has not"
    )]
    Example(String),
    /// An example of two intents.
    #[error("`{example}` is also an example of `{other}`")]
    ExampleTwice {
        /// As said.
        example: String,
        /// The other intent.
        other: String,
    },
    /// `follows` names no intent.
    #[error("`follows` names intents; `{0}` is none")]
    Follows(String),
    /// No response.
    #[error("an intent without an action has a response")]
    Mute,
    /// A broker takes no such topic.
    #[error(
        "a topic has 1 to 1024 bytes and no `+`, `#` or NUL; slots in it are choices or numbers that have none"
    )]
    Topic,
    /// A place that a phrase could change.
    #[error("a URL begins with http:// or https:// and a host, and has no slot in them")]
    Url,
    /// No such quality of service.
    #[error("qos is 0, 1 or 2, not {0}")]
    Qos(u8),
    /// Too many intents.
    #[error("there are at most {INTENTS_MAX} intents, not {0}")]
    Intents(usize),
    /// Too many slots.
    #[error("a file has at most {SLOTS_MAX} slots, not {0}")]
    Slots(usize),
    /// Too many examples.
    #[error("there are at most {EXAMPLES_MAX} examples, not {0}")]
    Examples(usize),
    /// An operating point that is none.
    #[error("the share of phrases to reject is from 0 to 0.5, not {0}")]
    Rejected(f64),
}

impl Fault {
    /// No slot is called `name`.
    pub(crate) fn unknown_slot(name: &str, slots: &[Slot]) -> Self {
        let known: Vec<&str> = slots.iter().map(|slot| slot.name.as_str()).collect();
        Self::UnknownSlot { name: name.to_owned(), known: known.join(", ") }
    }
}
