//! Hugging Face folders: `config.json` beside one or more safetensors files.

mod config_json;
mod safetensors_files;

use crate::mapped_file::SourceFile;
use crate::weights::TensorTable;
use crate::{LoadError, ModelConfig};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";

/// Reads `config.json` and the heads of the weight files in `folder`.
pub(crate) fn open(folder: &Path) -> Result<(ModelConfig, TensorTable), LoadError> {
    let config = config_json::read(&folder.join(CONFIG))?;
    let table = safetensors_files::read(folder)?;
    Ok((config, table))
}

/// What the model class calls itself: `model_type`.
pub(crate) fn architecture(folder: &Path) -> Result<String, LoadError> {
    config_json::model_type(&folder.join(CONFIG))
}

/// The files of `folder` that are not there, and without which it is no model.
pub(crate) fn missing(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let named = [CONFIG, "tokenizer.json"].map(|name| folder.join(name));
    let mut missing: Vec<_> = named.into_iter().filter(|path| !path.exists()).collect();
    missing.extend(safetensors_files::missing(folder)?);
    Ok(missing)
}

/// Parses a JSON file of at most `bytes_max` bytes.
fn read_json<T: DeserializeOwned>(path: &Path, bytes_max: u64) -> Result<T, LoadError> {
    let file = SourceFile::open(path)?;
    if file.len() > bytes_max {
        let problem = format!("{} bytes are too many; at most {bytes_max}", file.len());
        return Err(LoadError::corrupt(path, problem));
    }
    let bytes = file.map(0..file.len())?;
    serde_json::from_slice(&bytes)
        .map_err(|source| LoadError::Json { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
