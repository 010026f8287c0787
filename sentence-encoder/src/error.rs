//! Why a folder cannot be used.

use std::io;
use std::path::PathBuf;

/// A folder that holds no model that can be run.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file is missing or unreadable.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file is too large to be what it is called.
    #[error("{} has {bytes} bytes, more than {bytes_max}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its bytes.
        bytes: u64,
        /// What it may have.
        bytes_max: u64,
    },
    /// `config.json` cannot be understood.
    #[error("{} is no configuration of a BERT model", path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A model that this is not made for.
    #[error("only BERT models with {wanted} can be run; here is {found}")]
    Unsupported {
        /// What would be right.
        wanted: &'static str,
        /// What is there.
        found: String,
    },
    /// `tokenizer.json` cannot be understood.
    #[error("{} is no tokenizer", path.display())]
    Tokenizer {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: tokenizers::Error,
    },
    /// `model.safetensors` cannot be understood.
    #[error("{} is no file of weights", path.display())]
    Weights {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: candle_core::Error,
    },
    /// A tensor is missing or has another shape.
    #[error("the weights need `{name}` of shape {shape:?}; there is {found}")]
    Tensor {
        /// Its name.
        name: String,
        /// Its shape by the configuration.
        shape: Vec<usize>,
        /// What is there.
        found: String,
    },
}
