//! The weight files of a Hugging Face folder: `model.safetensors`, or an index and its parts.
//!
//! The safetensors crate checks each header: lengths, order, no gaps, no overlap. What is ours is
//! the index: a part's name must stay in the folder, and each tensor must be where the index says.

use super::read_json;
use crate::LoadError;
use crate::mapped_file::SourceFile;
use crate::weights::{Naming, TensorEntry, TensorTable};
use kernels::Format;
use safetensors::tensor::TensorInfo;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A 70B model's has 60 KB.
const INDEX_BYTES_MAX: u64 = 16 << 20;
/// The dtypes that the kernels multiply with.
const FORMATS: [(Dtype, Format); 3] =
    [(Dtype::F32, Format::F32), (Dtype::F16, Format::F16), (Dtype::BF16, Format::BF16)];

const PARTS_MAX: usize = 1024;
/// The length of a file's header, before the header.
const LENGTH_BYTES: u64 = 8;

#[derive(Debug, Deserialize)]
struct IndexJson {
    weight_map: BTreeMap<String, String>,
}

/// Reads the headers of all weight files in `folder`.
pub(super) fn read(folder: &Path) -> Result<TensorTable, LoadError> {
    let index = folder.join(INDEX);
    let entries =
        if index.exists() { read_parts(folder, &index)? } else { read_part(&folder.join(SINGLE))? };
    Ok(TensorTable::new(folder, Naming::HuggingFace, entries))
}

/// The weight files of `folder` that are not there.
pub(super) fn missing(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let index = folder.join(INDEX);
    if !index.exists() {
        return Ok(Vec::from_iter(Some(folder.join(SINGLE)).filter(|path| !path.exists())));
    }
    let IndexJson { weight_map } = read_json(&index, INDEX_BYTES_MAX)?;
    let parts: BTreeSet<&String> = weight_map.values().collect();
    let paths = parts.into_iter().take(PARTS_MAX).map(|part| folder.join(part));
    Ok(paths.filter(|path| !path.exists()).collect())
}

fn read_parts(folder: &Path, index: &Path) -> Result<BTreeMap<String, TensorEntry>, LoadError> {
    let IndexJson { weight_map } = read_json(index, INDEX_BYTES_MAX)?;
    let parts: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
    if parts.len() > PARTS_MAX {
        let problem = format!("{} parts are too many; at most {PARTS_MAX}", parts.len());
        return Err(LoadError::corrupt(index, problem));
    }
    let mut entries = BTreeMap::new();
    for part in parts {
        let plain = Path::new(part).file_name().is_some_and(|name| name == part);
        if !plain {
            let problem = format!("the part {part:?} is not a plain file name");
            return Err(LoadError::corrupt(index, problem));
        }
        for (name, entry) in read_part(&folder.join(part))? {
            if weight_map.get(&name).is_none_or(|home| home != part) {
                let problem = format!("{part} has the tensor {name}, which is not listed there");
                return Err(LoadError::corrupt(index, problem));
            }
            entries.insert(name, entry);
        }
    }
    match weight_map.iter().find(|(name, _)| !entries.contains_key(*name)) {
        Some((name, part)) => {
            let problem = format!("the tensor {name} is not in {part}");
            Err(LoadError::corrupt(index, problem))
        }
        None => Ok(entries),
    }
}

fn read_part(path: &Path) -> Result<BTreeMap<String, TensorEntry>, LoadError> {
    let file = Arc::new(SourceFile::open(path)?);
    let (header_bytes, metadata) = {
        let bytes = file.map(0..file.len())?;
        SafeTensors::read_metadata(&bytes)
            .map_err(|source| LoadError::SafeTensors { path: path.to_owned(), source })?
    };
    let data_start = LENGTH_BYTES + header_bytes as u64;
    metadata
        .tensors()
        .into_iter()
        .map(|(name, info)| {
            let entry = entry(&file, &name, info, data_start)?;
            Ok((name, entry))
        })
        .collect()
}

fn entry(
    file: &Arc<SourceFile>,
    name: &str,
    info: &TensorInfo,
    data_start: u64,
) -> Result<TensorEntry, LoadError> {
    let known = FORMATS.iter().find(|(dtype, _)| *dtype == info.dtype);
    let (_, format) = known.ok_or_else(|| LoadError::Unknown {
        path: file.path().to_owned(),
        what: format!("dtype of tensor {name}"),
        found: format!("{:?}", info.dtype),
        known: FORMATS.map(|(_, format)| format.name()).join(", "),
    })?;
    let shape: Vec<u64> = info.shape.iter().map(|n| *n as u64).collect();
    let start = data_start.checked_add(info.data_offsets.0 as u64);
    TensorEntry::new(file, name, *format, &shape, start)
}
