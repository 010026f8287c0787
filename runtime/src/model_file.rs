//! A model on disk: a GGUF file or a Hugging Face folder, known by its head alone.
//!
//! Opening reads configuration and tensor places; the weights' bytes stay on disk until
//! [`ModelFile::load_stage`] maps those of its layers.

use crate::decoder::{Stage, StageSpec};
use crate::facts::{self, ModelFacts};
use crate::gguf::metadata::Metadata;
use crate::kv::{KvOptions, KvShape};
use crate::tokenizer::Tokenizer;
use crate::weights::{PackedStore, TensorTable};
use crate::{LoadError, ModelConfig, fingerprint, gguf, hugging_face};
use base::{ByteCount, LayerRange, ModelFingerprint};
use kernels::Pool;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An opened model. Holds its files open and none of its weights.
#[derive(Debug)]
pub struct ModelFile {
    config: ModelConfig,
    fingerprint: ModelFingerprint,
    tensors: TensorTable,
    tokenizer: TokenizerSource,
}

/// Where the tokenizer is read from, once somebody asks for it.
#[derive(Debug)]
enum TokenizerSource {
    Gguf(Metadata),
    Folder(PathBuf),
}

impl ModelFile {
    /// Opens the GGUF file, or the first of several, or the Hugging Face folder `path` and checks that the decoder can run
    /// it: architecture, features, sizes, and every tensor's name, format, shape and place.
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the file and the key or tensor, and lists what is known.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let (config, tensors, tokenizer) = if path.is_dir() {
            let (config, tensors) = hugging_face::open(path)?;
            (config, tensors, TokenizerSource::Folder(path.to_owned()))
        } else {
            let (config, tensors, metadata) = gguf::open(path)?;
            (config, tensors, TokenizerSource::Gguf(metadata))
        };
        config.check(path)?;
        tensors.check(&config)?;
        let fingerprint = fingerprint::of(&config, &tensors)?;
        Ok(Self { config, fingerprint, tensors, tokenizer })
    }

    /// Has the packed form of quantized weights kept in `folder`, which is made where it is missing.
    /// The first load writes it; later ones, of any process, map what is there.
    ///
    /// # Errors
    ///
    /// [`LoadError::PackedStore`] where there can be no such folder.
    pub fn keep_packed(mut self, folder: &Path) -> Result<Self, LoadError> {
        self.tensors.keep_packed(PackedStore::new(folder, self.fingerprint)?);
        Ok(self)
    }

    /// Sizes and constants.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Names the model: configuration, tensors' names, formats and shapes, samples of their bytes.
    pub fn fingerprint(&self) -> ModelFingerprint {
        self.fingerprint
    }

    /// What the file says of its weights, beside the configuration.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where a folder's `config.json` cannot be read any more.
    pub fn facts(&self) -> Result<ModelFacts, LoadError> {
        let architecture = match &self.tokenizer {
            TokenizerSource::Gguf(metadata) => {
                const KEY: &str = "general.architecture";
                metadata.require(KEY, metadata.string(KEY)?.map(str::to_owned))?
            }
            TokenizerSource::Folder(folder) => hugging_face::architecture(folder)?,
        };
        ModelFacts::of(architecture, &self.config, &self.tensors)
    }

    /// Bytes that the weights of `spec` have in the file; those of a tied embedding count once.
    ///
    /// # Errors
    ///
    /// [`LoadError::Layers`] where the model has no such layers.
    pub fn weight_bytes(&self, spec: StageSpec) -> Result<ByteCount, LoadError> {
        facts::weight_bytes(&self.config, &self.tensors, spec)
    }

    /// The most bytes of keys and values that a sequence of `positions` takes in `layers`.
    pub fn kv_bytes(&self, layers: LayerRange, options: &KvOptions, positions: usize) -> ByteCount {
        let ModelConfig { kv_heads, head_width, sliding_window, .. } = self.config;
        let model = self.fingerprint;
        let shape = KvShape { layers, kv_heads, head_width, sliding_window, model };
        shape.bytes_max(options, positions, 0)
    }

    /// The files without which there is no model at `path`, of those that are not there.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where a folder's list of its own files cannot be read, or a file is not the first of its
    /// model.
    pub fn missing_files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
        if path.is_dir() {
            return hugging_face::missing(path);
        }
        Ok(gguf::parts::files(path)?.into_iter().filter(|path| !path.exists()).collect())
    }

    /// Reads the tokenizer that came with the model.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where there is none, or one that the runtime does not know.
    pub fn tokenizer(&self) -> Result<Tokenizer, LoadError> {
        match &self.tokenizer {
            TokenizerSource::Gguf(metadata) => Tokenizer::from_gguf(metadata),
            TokenizerSource::Folder(folder) => Tokenizer::from_folder(folder),
        }
    }

    /// Makes the weights ready that `spec` needs, and no others. Passes run on `threads`, which stages
    /// may share.
    ///
    /// # Errors
    ///
    /// [`LoadError::Layers`] where the model has no such layers; [`LoadError::Read`] where the
    /// system refuses a map; [`LoadError::Memory`] where there is none for packed weights;
    /// [`LoadError::Tokenizer`] where there is a head and the tokenizer cannot be read.
    pub fn load_stage(&self, spec: StageSpec, threads: &Arc<Pool>) -> Result<Stage, LoadError> {
        let known = if spec.head { self.known_tokens()? } else { 0 };
        Stage::load(&self.config, self.fingerprint, &self.tensors, spec, known, threads)
    }

    /// How many token ids mean something: the vocabulary's first, as many as the tokenizer has, and all
    /// of a model that came without one.
    fn known_tokens(&self) -> Result<usize, LoadError> {
        let count = match &self.tokenizer {
            TokenizerSource::Gguf(metadata) => Tokenizer::count_in_gguf(metadata)?,
            TokenizerSource::Folder(folder) => Tokenizer::count_in_folder(folder)?,
        };
        let vocab = self.config.vocab;
        Ok(count.map_or(vocab, |count| count.min(vocab)))
    }
}
