//! Models for tests: the committed pair, and files made from it.

use super::{World, workspace};
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The committed target.
pub(crate) fn demo_target() -> PathBuf {
    workspace().join("models/causeway-demo-target-q8_0.gguf")
}

/// The committed draft.
pub(crate) fn demo_draft() -> PathBuf {
    workspace().join("models/causeway-demo-draft-q8_0.gguf")
}

/// Writes `from` with every weight random: same tokenizer, same shapes, nothing learned.
pub(crate) fn random_weights(from: &Path, to: &Path, seed: u64) {
    let mut state = seed;
    rewrite(
        from,
        to,
        |_, _| {},
        |tensor| {
            let dims = tensor.shape().dims().to_vec();
            // Norms near one and matrices near zero, as in a model that was never trained.
            let (middle, spread) = if dims.len() == 1 { (1.0, 0.25) } else { (0.0, 0.1) };
            let count = tensor.shape().elem_count();
            let numbers: Vec<f32> =
                (0..count).map(|_| middle + spread * uniform(&mut state)).collect();
            let random = Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap();
            QTensor::quantize(&random, tensor.dtype()).unwrap()
        },
    );
}

/// The demo's target and draft without an end, as files of `world`.
pub(crate) fn endless_pair(world: &World) -> (PathBuf, PathBuf) {
    let (target, draft) = (world.path("target.gguf"), world.path("draft.gguf"));
    endless(&demo_target(), &target);
    endless(&demo_draft(), &draft);
    (target, draft)
}

/// Writes `from` without an end: the token that ends a turn is an ordinary one, so that a text goes
/// on for as long as a test wants it to.
fn endless(from: &Path, to: &Path) {
    let plain = |key: &str, value: &mut Value| match (key, value) {
        ("tokenizer.ggml.eos_token_id" | "tokenizer.ggml.eot_token_id", Value::U32(id)) => *id = 0,
        ("tokenizer.ggml.tokens", Value::Array(pieces)) => {
            for piece in pieces {
                if let Value::String(text) = piece
                    && text == "<|end|>"
                {
                    *text = "<|pause|>".to_owned();
                }
            }
        }
        _ => {}
    };
    rewrite(from, to, plain, |tensor| tensor);
}

/// Gives a model out as one that was made for `context_length` positions.
pub(crate) fn shorten(path: &Path, context_length: u32) {
    let long = path.with_extension("long");
    std::fs::rename(path, &long).unwrap();
    let short = |key: &str, value: &mut Value| {
        if key == "llama.context_length" {
            *value = Value::U32(context_length);
        }
    };
    rewrite(&long, path, short, |tensor| tensor);
}

/// Copies a GGUF file through two changes.
fn rewrite(
    from: &Path,
    to: &Path,
    mut metadata: impl FnMut(&str, &mut Value),
    mut weights: impl FnMut(QTensor) -> QTensor,
) {
    let mut file = File::open(from).unwrap();
    let mut content = Content::read(&mut file).unwrap();
    for (key, value) in &mut content.metadata {
        metadata(key, value);
    }
    // A fixed order, so that a seed gives a file.
    let mut names: Vec<&String> = content.tensor_infos.keys().collect();
    names.sort();
    let tensors: Vec<QTensor> = names
        .iter()
        .map(|name| weights(content.tensor(&mut file, name, &Device::Cpu).unwrap()))
        .collect();
    let metadata: Vec<(&str, &Value)> =
        content.metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let named: Vec<(&str, &QTensor)> =
        names.iter().zip(&tensors).map(|(name, tensor)| (name.as_str(), tensor)).collect();
    gguf_file::write(&mut File::create(to).unwrap(), &metadata, &named).unwrap();
}

/// The next number in -1..1, of splitmix64.
fn uniform(state: &mut u64) -> f32 {
    let bits = super::relay::next(state) >> 40;
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit f32 exactly")]
    let unit = bits as f32 / (1_u64 << 24) as f32;
    2.0 * unit - 1.0
}

/// Goal: a test that swaps weights swaps nothing else. Method: the tokenizer's fingerprint stays,
/// the model's changes, and the same seed gives the same model.
#[test]
fn random_weights_keep_the_tokenizer_and_follow_their_seed() {
    let folder = tempfile::tempdir().unwrap();
    let made = |seed: u64| {
        let path = folder.path().join(format!("{seed}.gguf"));
        random_weights(&demo_draft(), &path, seed);
        runtime::ModelFile::open(&path).unwrap()
    };
    let (draft, one, same, two) =
        (runtime::ModelFile::open(&demo_draft()).unwrap(), made(1), made(1), made(2));
    let tokenizer = |model: &runtime::ModelFile| model.tokenizer().unwrap().fingerprint();
    assert_eq!(tokenizer(&draft), tokenizer(&one));
    assert_eq!(one.fingerprint(), same.fingerprint());
    assert_ne!(one.fingerprint(), two.fingerprint());
    assert_ne!(one.fingerprint(), draft.fingerprint());
    assert_eq!(one.config(), draft.config());
}

/// Norm weights of a GGUF file are plain numbers; only matrices come in blocks.
#[test]
fn the_demo_pair_is_stored_in_eight_bit_blocks() {
    for path in [demo_target(), demo_draft()] {
        let content = Content::read(&mut File::open(path).unwrap()).unwrap();
        for (name, tensor) in content.tensor_infos {
            let matrix = tensor.shape.dims().len() == 2;
            let expected = if matrix { GgmlDType::Q8_0 } else { GgmlDType::F32 };
            assert_eq!(tensor.ggml_dtype, expected, "{name}");
        }
    }
}
