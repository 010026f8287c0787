//! Why a model could not be loaded, and from which file.

use std::path::{Path, PathBuf};

/// A model file that cannot be read, breaks its format, or asks for what this runtime lacks.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no memory for the packed form of a tensor.
    #[error("no memory for {bytes} bytes of the weights of {}", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// Bytes asked for.
        bytes: usize,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder of packed weights cannot be used.
    #[error("cannot keep packed weights in {}: {}", folder.display(), path.display())]
    PackedStore {
        /// The folder that the configuration names.
        folder: PathBuf,
        /// What was to be made or read in it.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// One of several files of a model that do not make it up, or not by the name that was given.
    #[error("{} is one of several files of a model: {problem}", path.display())]
    Part {
        /// The file.
        path: PathBuf,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The bytes break the rules of their own format: truncated, overlapping or over a limit.
    #[error("{} is corrupt: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Which rule, and where.
        problem: String,
    },
    /// A JSON file that does not parse or lacks a key.
    #[error("{} is not the JSON expected there", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A safetensors header that does not parse.
    #[error("{} is not a valid safetensors file", path.display())]
    SafeTensors {
        /// The file.
        path: PathBuf,
        /// Which rule it breaks.
        source: safetensors::SafeTensorError,
    },
    /// A value out of a closed list: architecture, dtype, rope scaling, tokenizer model and so on.
    #[error("{} has the {what} {found:?}, which is unknown; known: {known}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What the value is, with the tensor's name where it is a tensor's.
        what: String,
        /// The value.
        found: String,
        /// Every value that would do.
        known: String,
    },
    /// A feature that would change the model's function and that the decoder does not have.
    #[error("{} needs {feature}, which the decoder does not have", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The feature, as the file spells it.
        feature: String,
    },
    /// A key that the architecture needs.
    #[error("{} lacks the key {key}", path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A key whose value is of another kind, out of range or against another key.
    #[error("{} has a bad {key}: {problem}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it holds and what would be right.
        problem: String,
    },
    /// A tensor that the architecture needs.
    #[error("{} lacks the tensor {tensor}; it has {known}", path.display())]
    MissingTensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The nearest tensors there.
        known: String,
    },
    /// A tensor whose shape is not what the configuration implies.
    #[error("{} has {tensor} of shape {actual:?}, not {expected:?}", path.display())]
    Shape {
        /// The file or folder.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Rows and columns by the configuration.
        expected: Vec<usize>,
        /// Rows and columns in the file.
        actual: Vec<usize>,
    },
    /// A stage that asks for layers the model does not have.
    #[error("{} has {layers} layers; {asked} is not within them", path.display())]
    Layers {
        /// The file or folder.
        path: PathBuf,
        /// The model's layers.
        layers: u32,
        /// The range asked for.
        asked: base::LayerRange,
    },
    /// A tokenizer or chat template that cannot be used.
    #[error("{} has an unusable tokenizer", path.display())]
    Tokenizer {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        source: crate::TokenizerError,
    },
}

impl LoadError {
    pub(crate) fn corrupt(path: &Path, problem: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn part(path: &Path, problem: impl Into<String>) -> Self {
        Self::Part { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn unsupported(path: &Path, feature: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), feature: feature.into() }
    }

    pub(crate) fn bad_key(path: &Path, key: &str, problem: impl Into<String>) -> Self {
        Self::BadKey { path: path.to_owned(), key: key.to_owned(), problem: problem.into() }
    }

    pub(crate) fn missing_key(path: &Path, key: &str) -> Self {
        Self::MissingKey { path: path.to_owned(), key: key.to_owned() }
    }
}
