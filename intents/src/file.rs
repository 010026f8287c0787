//! A file of intents, as a person writes it.

use crate::action::ActionFile;
use crate::error::IntentError;
use crate::limits::FILE_BYTES_MAX;
use crate::slot::SlotFile;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A set of intents, such as a car's. Nothing is checked yet but the form;
/// [`Recognizer::new`](crate::Recognizer::new) does the rest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentFile {
    /// What it is for, in a sentence.
    pub about: String,
    /// Words that may come before and after every template, such as `please`.
    #[serde(default)]
    pub(crate) fillers: Vec<String>,
    /// Phrases of no intent, so that what they have in common with some counts for little.
    #[serde(default)]
    pub(crate) elsewhere: Vec<String>,
    #[serde(default)]
    pub(crate) slots: BTreeMap<String, SlotFile>,
    #[serde(default, rename = "intent")]
    pub(crate) intents: Vec<IntentEntry>,
}

/// One intent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntentEntry {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) examples: Vec<String>,
    #[serde(default)]
    pub(crate) templates: Vec<String>,
    /// What slots are where neither the phrase nor what came before says it.
    #[serde(default)]
    pub(crate) defaults: BTreeMap<String, String>,
    /// The intents that it may come right after; anywhere where there are none.
    #[serde(default)]
    pub(crate) follows: Vec<String>,
    #[serde(default)]
    pub(crate) responses: Vec<String>,
    #[serde(default)]
    pub(crate) action: ActionFile,
}

impl IntentFile {
    /// Reads a file's TOML.
    ///
    /// # Errors
    ///
    /// [`IntentError::FileSize`], [`IntentError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, IntentError> {
        match text.len() {
            bytes if bytes > FILE_BYTES_MAX => Err(IntentError::FileSize { bytes }),
            _ => Ok(toml::from_str(text)?),
        }
    }
}
