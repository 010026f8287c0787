//! GGUF files: typed metadata and tensors, in one file or several.

mod architecture;
mod config;
mod cursor;
mod header;
pub(crate) mod metadata;
pub(crate) mod parts;

use crate::mapped_file::SourceFile;
use crate::weights::{Naming, TensorEntry, TensorTable, known_formats};
use crate::{LoadError, ModelConfig};
use header::{HEADER_BYTES_MAX, Header, TensorInfo};
use kernels::Format;
use metadata::Metadata;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Reads the heads of the GGUF file `path` and of those that go on from it; of the tensors' bytes only the
/// rotary factors.
pub(crate) fn open(path: &Path) -> Result<(ModelConfig, TensorTable, Metadata), LoadError> {
    let files = parts::files(path)?;
    let (metadata, mut entries) = read(path, 0, files.len())?;
    for (index, file) in files.iter().enumerate().skip(1) {
        for (name, entry) in read(file, index, files.len())?.1 {
            if entries.contains_key(&name) {
                let problem = format!("an earlier one has the tensor {name}, too");
                return Err(LoadError::part(file, problem));
            }
            entries.insert(name, entry);
        }
    }
    parts::check_tensors(&metadata, entries.len())?;
    let table = TensorTable::new(path, Naming::Gguf, entries);
    let config = config::config(&metadata, &table)?;
    Ok((config, table, metadata))
}

/// Reads the head of one file: by its name the one with this index, of so many.
fn read(
    path: &Path,
    index: usize,
    count: usize,
) -> Result<(Metadata, BTreeMap<String, TensorEntry>), LoadError> {
    let file = Arc::new(SourceFile::open(path)?);
    let Header { metadata, tensors, data_start } = {
        let head = file.map(0..file.len().min(HEADER_BYTES_MAX))?;
        header::read(path, &head)?
    };
    parts::check(&metadata, index, count)?;
    let mut entries = BTreeMap::new();
    for info in tensors {
        let entry = entry(&file, &info, data_start)?;
        entries.insert(info.name, entry);
    }
    refuse_overlaps(path, &entries)?;
    Ok((metadata, entries))
}

fn entry(
    file: &Arc<SourceFile>,
    info: &TensorInfo,
    data_start: u64,
) -> Result<TensorEntry, LoadError> {
    let format = Format::from_ggml(info.ggml_type).ok_or_else(|| LoadError::Unknown {
        path: file.path().to_owned(),
        what: format!("dtype of tensor {}", info.name),
        found: ggml_name(info.ggml_type),
        known: known_formats(),
    })?;
    TensorEntry::new(file, &info.name, format, &info.shape, data_start.checked_add(info.start))
}

/// ggml's name of a type, where it is one that files still have.
fn ggml_name(ggml_type: u32) -> String {
    let name = match ggml_type {
        3 => "Q4_1",
        7 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K",
        16..=23 | 29 => "one of IQ1 to IQ4",
        39 => "MXFP4",
        _ => return format!("ggml type {ggml_type}"),
    };
    format!("{name} (ggml type {ggml_type})")
}

fn refuse_overlaps(path: &Path, entries: &BTreeMap<String, TensorEntry>) -> Result<(), LoadError> {
    let mut places: Vec<_> = entries.iter().map(|(name, entry)| (entry.range(), name)).collect();
    places.sort_by_key(|(range, _)| range.start);
    for pair in places.windows(2) {
        let [(first, first_name), (second, second_name)] = pair else { continue };
        if second.start < first.end {
            let problem = format!("the tensors {first_name} and {second_name} overlap");
            return Err(LoadError::corrupt(path, problem));
        }
    }
    Ok(())
}
