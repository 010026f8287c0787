//! A model that candle writes in several files is the model that it is in one.

use crate::{LoadError, ModelFile};
use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content, Value};
use std::fs::File;
use std::path::{Path, PathBuf};

const WHOLE: &str = "../tests/golden/micro/micro-llama3.gguf";

/// What makes a part of its head, beside the tensors.
type Head<'a> = Vec<(&'a str, Value)>;

fn said(number: u16, count: u16, tensors: usize) -> Head<'static> {
    let tensors = Value::I32(i32::try_from(tensors).unwrap());
    let (number, count) = (Value::U16(number), Value::U16(count));
    vec![("split.no", number), ("split.count", count), ("split.tensors.count", tensors)]
}

/// Writes the model as `count` files into `folder`, each with the head that `head` makes of its index and of
/// how many tensors there are; answers their paths.
fn split(
    folder: &Path,
    count: usize,
    head: impl Fn(usize, usize) -> Head<'static>,
) -> Vec<PathBuf> {
    let mut file = File::open(WHOLE).unwrap();
    let content = Content::read(&mut file).unwrap();
    let mut names: Vec<_> = content.tensor_infos.keys().collect();
    names.sort();
    let tensors: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), content.tensor(&mut file, name, &Device::Cpu).unwrap()))
        .collect();
    let parts = tensors.chunks(tensors.len().div_ceil(count)).enumerate();
    parts
        .map(|(index, part)| {
            let path = folder.join(format!("x-{:05}-of-{count:05}.gguf", index + 1));
            let own = head(index, tensors.len());
            let general = content.metadata.iter().filter(|_| index == 0);
            let general = general.map(|(key, value)| (key.as_str(), value));
            let pairs: Vec<_> =
                general.chain(own.iter().map(|(key, value)| (*key, value))).collect();
            let part: Vec<_> = part.iter().map(|(name, tensor)| (*name, tensor)).collect();
            gguf_file::write(&mut File::create(&path).unwrap(), &pairs, &part).unwrap();
            path
        })
        .collect()
}

fn honest(index: usize, tensors: usize) -> Head<'static> {
    said(u16::try_from(index).unwrap(), 3, tensors)
}

fn refused(path: &Path) -> String {
    match ModelFile::open(path) {
        Err(error @ LoadError::Part { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_model_in_several_files_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let paths = split(folder.path(), 3, honest);
    let (parts, whole) = (ModelFile::open(&paths[0]).unwrap(), ModelFile::open(Path::new(WHOLE)));
    let whole = whole.unwrap();
    assert_eq!(parts.config(), whole.config());
    assert_eq!(parts.fingerprint(), whole.fingerprint());
    let tokens = |model: &ModelFile| model.tokenizer().unwrap().fingerprint();
    assert_eq!(tokens(&parts), tokens(&whole));
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let paths = split(folder.path(), 3, honest);
    assert_eq!(ModelFile::missing_files(&paths[0]).unwrap(), Vec::<PathBuf>::new());
    std::fs::remove_file(&paths[1]).unwrap();
    assert_eq!(ModelFile::missing_files(&paths[0]).unwrap(), paths[1..2]);
    let error = ModelFile::open(&paths[0]).unwrap_err();
    assert!(matches!(&error, LoadError::Read { path, .. } if *path == paths[1]), "{error}");
}

#[test]
fn another_part_than_the_first_says_what_to_open() {
    let folder = tempfile::tempdir().unwrap();
    let paths = split(folder.path(), 3, honest);
    let error = refused(&paths[2]);
    assert!(error.ends_with("it is not the first; open x-00001-of-00003.gguf"), "{error}");
    let error = refused(&folder.path().join("x-00001-of-01025.gguf"));
    assert!(error.contains("1025 are too many; at most 1024"), "{error}");
}

#[test]
fn files_that_are_no_one_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths = split(folder.path(), 3, honest);
    let renamed = folder.path().join("model.gguf");
    std::fs::copy(&paths[0], &renamed).unwrap();
    let error = refused(&renamed);
    assert!(error.contains("its head it is number 1 of 3, by its name number 1 of 1"), "{error}");

    std::fs::copy(&paths[2], &paths[1]).unwrap();
    let error = refused(&paths[0]);
    assert!(error.contains("00002-of-00003.gguf") && error.contains("number 3 of 3"), "{error}");

    let paths = split(folder.path(), 3, |index, tensors| honest(index, tensors + 1));
    assert!(refused(&paths[0]).contains("tensors, and it says"));

    let paths = split(folder.path(), 3, honest);
    let twice = split(folder.path(), 1, |_, tensors| said(1, 3, tensors));
    std::fs::copy(&twice[0], &paths[1]).unwrap();
    let error = refused(&paths[0]);
    assert!(error.contains("an earlier one has the tensor"), "{error}");

    let whole = folder.path().join("y-00001-of-00001.gguf");
    std::fs::copy(WHOLE, &whole).unwrap();
    ModelFile::open(&whole).unwrap();
}
