//! How a model of sentences makes one vector of BERT's states: what the files of sentence-transformers say that lie
//! beside BERT's own. Where there are none, a mean of all that BERT has positions for.

use crate::OpenError;
use crate::file::{JSON_BYTES_MAX, read};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::path::Path;

/// How texts are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Tokens of a text that the model has learnt to read, often fewer than BERT has positions.
    pub(crate) tokens_max: Option<usize>,
    pub(crate) pooling: Pooling,
}

/// What becomes of a text's states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Their mean.
    Mean,
    /// The first one counts, which is of the mark of the beginning.
    First,
}

/// `modules.json`: what a text goes through.
#[derive(Deserialize)]
struct Module {
    r#type: String,
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct Sentences {
    max_seq_length: usize,
}

impl Reading {
    /// Of the model in `folder`.
    ///
    /// # Errors
    ///
    /// [`OpenError`], also where the model does something with the states that is not known here.
    pub(crate) fn of(folder: &Path) -> Result<Self, OpenError> {
        let modules: Option<Vec<Module>> = json(folder, "modules.json")?;
        modules.unwrap_or_default().iter().try_for_each(check)?;
        let sentences: Option<Sentences> = json(folder, "sentence_bert_config.json")?;
        let pooling: Option<Map<String, Value>> = json(folder, "1_Pooling/config.json")?;
        Ok(Self {
            tokens_max: sentences.map(|sentences| sentences.max_seq_length),
            pooling: pooling.map_or(Ok(Pooling::Mean), |says| Pooling::of(&says))?,
        })
    }
}

impl Pooling {
    /// What is true of `pooling_mode_cls_token`, `pooling_mode_mean_tokens` and others; several may be.
    fn of(says: &Map<String, Value>) -> Result<Self, OpenError> {
        let modes = says.iter().filter(|(_, is_on)| **is_on == Value::Bool(true));
        let modes = modes.filter_map(|(key, _)| key.strip_prefix("pooling_mode_"));
        match modes.collect::<Vec<_>>()[..] {
            ["mean_tokens"] => Ok(Self::Mean),
            ["cls_token"] => Ok(Self::First),
            ref others => Err(OpenError::Unsupported {
                wanted: "pooling_mode_mean_tokens or pooling_mode_cls_token alone",
                found: format!("{others:?}"),
            }),
        }
    }
}

/// Nothing but directions is made of states: lengths are made 1 here in any case.
fn check(module: &Module) -> Result<(), OpenError> {
    let kind = module.r#type.rsplit('.').next().unwrap_or_default();
    match kind {
        "Transformer" | "Pooling" | "Normalize" => Ok(()),
        _ => Err(OpenError::Unsupported {
            wanted: "modules Transformer, Pooling and Normalize",
            found: module.r#type.clone(),
        }),
    }
}

/// What the file `name` says, where there is one.
fn json<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, OpenError> {
    let path = folder.join(name);
    if !path.exists() {
        return Ok(None);
    }
    let says = serde_json::from_slice(&read(&path, JSON_BYTES_MAX)?);
    says.map(Some).map_err(|source| OpenError::Config { path, source })
}
