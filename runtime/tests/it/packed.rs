//! Packed weights that are kept in files.

use crate::chain::Chain;
use crate::places;
use base::TokenId;
use runtime::{LoadError, ModelFile};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

fn demo() -> PathBuf {
    places::golden().join("../../models/causeway-demo-draft-q8_0.gguf")
}

fn logits(model: &Path, folder: &Path) -> Vec<f32> {
    let file = ModelFile::open(model).unwrap().keep_packed(folder).unwrap();
    Chain::new(&file, &[]).logits(&[TokenId(5), TokenId(9), TokenId(700)])
}

/// The files in `folder`, by name, and when they were written.
fn files(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> = entries
        .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn weights_are_packed_once_and_then_read_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("made/by/us");
    let plain = Chain::new(&ModelFile::open(&demo()).unwrap(), &[]);
    let expected = { plain }.logits(&[TokenId(5), TokenId(9), TokenId(700)]);
    assert_eq!(logits(&demo(), &kept), expected);
    let written = files(&kept);
    // Seven matrices in each of two layers, and the head.
    assert_eq!(written.len(), 15);
    assert_eq!(logits(&demo(), &kept), expected);
    assert_eq!(files(&kept), written, "nothing was written again");
    // What is in the folder is what is run.
    for (path, _) in &written {
        let mut bytes = fs::read(path).unwrap();
        bytes.fill(0);
        fs::write(path, bytes).unwrap();
    }
    assert_ne!(logits(&demo(), &kept), expected);
}

#[test]
fn a_file_of_the_wrong_length_is_written_again() {
    let kept = tempfile::tempdir().unwrap();
    let expected = logits(&demo(), kept.path());
    let (first, _) = files(kept.path()).remove(0);
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[1..]).unwrap();
    assert_eq!(logits(&demo(), kept.path()), expected);
    assert_eq!(fs::read(&first).unwrap(), bytes);
}

#[test]
fn a_model_that_was_replaced_is_packed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (model, kept) = (folder.path().join("model.gguf"), folder.path().join("kept"));
    fs::copy(demo(), &model).unwrap();
    logits(&model, &kept);
    let later = SystemTime::now() + Duration::from_secs(5);
    fs::File::options().append(true).open(&model).unwrap().set_modified(later).unwrap();
    logits(&model, &kept);
    assert_eq!(files(&kept).len(), 2 * 15);
}

#[test]
fn a_folder_that_cannot_be_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = ModelFile::open(&demo()).unwrap().keep_packed(file.path()).unwrap_err();
    assert!(matches!(error, LoadError::PackedStore { .. }), "{error}");
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
}
