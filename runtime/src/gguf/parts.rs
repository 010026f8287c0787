//! A GGUF model in several files: each has tensors of its own, the first has all that is said of the model.
//!
//! # Invariants
//!
//! - **Names and heads agree** in which part a file is, and of how many.
//!
//! Source: llama.cpp `tools/gguf-split/gguf-split.cpp`, for the keys.

use super::metadata::Metadata;
use crate::LoadError;
use base::GgufPart;
use std::path::{Path, PathBuf};

/// More than a hub has of any model.
const PARTS_MAX: usize = 1024;

/// The files of the model that `path` begins, in order: itself alone, where its name says nothing else.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(part) = name.and_then(GgufPart::of) else { return Ok(vec![path.to_owned()]) };
    if part.number() != 1 {
        let problem = format!("it is not the first; open {}", part.first());
        return Err(LoadError::part(path, problem));
    }
    if part.count() > PARTS_MAX {
        let problem = format!("{} are too many; at most {PARTS_MAX}", part.count());
        return Err(LoadError::part(path, problem));
    }
    Ok(part.all().map(|name| path.with_file_name(name)).collect())
}

/// Holds the head of a part against the place that its name gives it: its index, of so many.
pub(super) fn check(metadata: &Metadata, index: usize, count: usize) -> Result<(), LoadError> {
    let number = metadata.unsigned("split.no")?.unwrap_or(0).saturating_add(1);
    let declared = metadata.unsigned("split.count")?.unwrap_or(0).max(1);
    if (number, declared) == (index as u64 + 1, count as u64) {
        return Ok(());
    }
    let problem = format!(
        "by its head it is number {number} of {declared}, by its name number {} of {count}; the name it was \
         published by is needed",
        index + 1
    );
    Err(LoadError::part(metadata.path(), problem))
}

/// Holds the tensors of all parts against what the first says.
pub(super) fn check_tensors(first: &Metadata, tensors: usize) -> Result<(), LoadError> {
    match first.unsigned("split.tensors.count")? {
        Some(declared) if declared != tensors as u64 => {
            let problem = format!("they have {tensors} tensors, and it says {declared}");
            Err(LoadError::part(first.path(), problem))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
