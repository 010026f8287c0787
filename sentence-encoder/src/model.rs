//! A folder as an encoder.

use crate::OpenError;
use crate::bert::{Bert, Config};
use candle_core::Device;
use intents::{EncodeError, SentenceEncoder};
use std::fmt;
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

/// A BERT model that says what sentences mean.
pub struct SentenceModel {
    tokenizer: Tokenizer,
    bert: Bert,
    tokens_max: usize,
}

/// Tokens of a phrase that count: sentence encoders have learnt from no longer ones.
const TOKENS_MAX: usize = 128;

/// Far above any configuration or vocabulary, and any sentence encoder.
const JSON_BYTES_MAX: u64 = 64 << 20;
const WEIGHTS_BYTES_MAX: u64 = 4 << 30;

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

        let path = folder.join("tokenizer.json");
        let tokenizer = Tokenizer::from_bytes(read(&path, JSON_BYTES_MAX)?);
        let mut tokenizer = tokenizer.map_err(|source| OpenError::Tokenizer { path, source })?;
        // One text at a time needs neither, whatever the file says.
        tokenizer.with_padding(None);
        let tokens_max = TOKENS_MAX.min(config.max_position_embeddings);

        let path = folder.join("model.safetensors");
        let tensors =
            candle_core::safetensors::load_buffer(&read(&path, WEIGHTS_BYTES_MAX)?, &Device::Cpu);
        let tensors = tensors.map_err(|source| OpenError::Weights { path, source })?;
        Ok(Self { tokenizer, bert: Bert::new(&config, &tensors)?, tokens_max })
    }
}

impl SentenceModel {
    /// How many tokens `text` has, and how many of them count at most.
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
        let ids = encoding.get_ids();
        let ids = &ids[..ids.len().min(self.tokens_max)];
        self.bert.encode(ids).map_err(|error| EncodeError(error.into()))
    }
}

impl fmt::Debug for SentenceModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceModel")
            .field("tokens_max", &self.tokens_max)
            .finish_non_exhaustive()
    }
}

fn read(path: &PathBuf, bytes_max: u64) -> Result<Vec<u8>, OpenError> {
    let failed = |source| OpenError::Read { path: path.clone(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > bytes_max {
        return Err(OpenError::TooLarge { path: path.clone(), bytes, bytes_max });
    }
    std::fs::read(path).map_err(failed)
}
