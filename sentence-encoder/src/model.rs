//! A folder as an encoder.

use crate::OpenError;
use crate::bert::{Bert, Config};
use crate::file::{JSON_BYTES_MAX, WEIGHTS_BYTES_MAX, read};
use crate::reading::{Pooling, Reading};
use candle_core::Device;
use intents::{EncodeError, SentenceEncoder};
use std::fmt;
use std::path::{Path, PathBuf};
use tokenizers::{Encoding, PostProcessor as _, Tokenizer};

/// A BERT model that says what sentences mean.
pub struct SentenceModel {
    tokenizer: Tokenizer,
    bert: Bert,
    tokens_max: usize,
    pooling: Pooling,
}

impl SentenceModel {
    /// Opens a folder with `config.json`, `tokenizer.json` and `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("config.json");
        let config: Result<Config, _> = serde_json::from_slice(&read(&path, JSON_BYTES_MAX)?);
        let config = config.map_err(|source| OpenError::Config { path, source })?.check()?;

        let tokenizer = tokenizer(folder.join("tokenizer.json"))?;
        let reading = Reading::of(folder)?;
        let positions = config.max_position_embeddings;
        let tokens_max = reading.tokens_max.map_or(positions, |learnt| learnt.min(positions));
        if tokens_max <= marks(&tokenizer) {
            let wanted = "room for a word between the marks of its beginning and end";
            return Err(OpenError::Unsupported { wanted, found: format!("{tokens_max} tokens") });
        }

        let path = folder.join("model.safetensors");
        let tensors =
            candle_core::safetensors::load_buffer(&read(&path, WEIGHTS_BYTES_MAX)?, &Device::Cpu);
        let tensors = tensors.map_err(|source| OpenError::Weights { path, source })?;
        Ok(Self {
            tokenizer,
            bert: Bert::new(&config, &tensors)?,
            tokens_max,
            pooling: reading.pooling,
        })
    }

    /// How many tokens `text` has, and how many are read at most; those that mark beginning and end count.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where the text cannot be cut into tokens.
    pub fn tokens(&self, text: &str) -> Result<(usize, usize), EncodeError> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(EncodeError)?;
        Ok((encoding.get_ids().len(), self.tokens_max))
    }
}

impl SentenceEncoder for SentenceModel {
    fn encode(&self, text: &str) -> Result<Vec<f32>, EncodeError> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(EncodeError)?;
        let ids = cut(&encoding, self.tokens_max);
        self.bert.encode(&ids, self.pooling).map_err(|error| EncodeError(error.into()))
    }
}

impl fmt::Debug for SentenceModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceModel")
            .field("tokens_max", &self.tokens_max)
            .finish_non_exhaustive()
    }
}

/// Of the file at `path`; whatever that says, one text at a time needs no padding, and what is too long is counted whole.
fn tokenizer(path: PathBuf) -> Result<Tokenizer, OpenError> {
    let bytes = read(&path, JSON_BYTES_MAX)?;
    let open = || {
        let mut tokenizer = Tokenizer::from_bytes(bytes)?;
        tokenizer.with_padding(None).with_truncation(None)?;
        Ok(tokenizer)
    };
    open().map_err(|source| OpenError::Tokenizer { path, source })
}

/// How many tokens `tokenizer` adds to a text, for its beginning and its end.
fn marks(tokenizer: &Tokenizer) -> usize {
    tokenizer.get_post_processor().map_or(0, |added| added.added_tokens(false))
}

/// Of a text that is too long the first words are read, and the marks of its end.
fn cut(encoding: &Encoding, tokens_max: usize) -> Vec<u32> {
    let (ids, is_mark) = (encoding.get_ids(), encoding.get_special_tokens_mask());
    let marks = is_mark.iter().rev().take_while(|is_mark| **is_mark == 1).count();
    let (read, end) = ids.split_at(ids.len() - marks);
    let read = &read[..read.len().min(tokens_max.saturating_sub(marks))];
    [read, end].concat()
}
