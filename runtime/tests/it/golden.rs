//! Logits against Hugging Face transformers on the same weights; see `tests/golden/PROVENANCE.md`.

use crate::chain::{Chain, assert_same_bits};
use crate::places;
use base::{KvFormat, TokenId};
use runtime::{KvOptions, ModelFile};
use serde_json::Value;
use std::path::Path;

/// Largest difference over largest logit of a row, where both compute in `f32`.
const FLOAT_ERROR_MAX: f32 = 1e-3;
/// The same where our activations are quantized to `int8` and the reference's are not.
const QUANTIZED_ERROR_MAX: f32 = 0.05;

/// What transformers computed for one case.
struct Golden {
    case: String,
    ids: Vec<TokenId>,
    rows: Vec<usize>,
    logits: Vec<f32>,
}

/// Goal: every spelling of the architecture computes what transformers computes. Method: the same
/// float16 weights with a different `config.json` for each case.
#[test]
fn hugging_face_folders_agree_with_transformers() {
    let micro = places::golden().join("micro");
    for golden in goldens(&places::golden(), "micro").iter().filter(|g| g.case != "quantized") {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("config-{}.json", golden.case);
        std::fs::copy(micro.join(config), folder.path().join("config.json")).unwrap();
        let weights = "model.safetensors";
        std::fs::copy(micro.join(weights), folder.path().join(weights)).unwrap();
        check(folder.path(), golden, FLOAT_ERROR_MAX);
    }
}

#[test]
fn gguf_files_agree_with_transformers() {
    let goldens = goldens(&places::golden(), "micro");
    for (case, error_max) in [("llama3", FLOAT_ERROR_MAX), ("quantized", QUANTIZED_ERROR_MAX)] {
        let golden = goldens.iter().find(|golden| golden.case == case).unwrap();
        let path = places::golden().join(format!("micro/micro-{case}.gguf"));
        check(&path, golden, error_max);
    }
}

/// Goal: Qwen's biases, its norms of heads and its rotary order are what transformers has. Method: both
/// architectures, as a folder and as GGUF in `f32`, which agree to the last bit, and in Q8_0.
#[test]
fn qwen_agrees_with_transformers_in_either_format() {
    let goldens = goldens(&places::golden(), "qwen");
    let home = places::golden().join("qwen");
    for name in ["qwen2", "qwen3"] {
        let golden = |case: &str| goldens.iter().find(|golden| golden.case == case).unwrap();
        let from_folder = check(&home.join(name), golden(name), FLOAT_ERROR_MAX);
        let from_gguf =
            check(&home.join(format!("{name}-f32.gguf")), golden(name), FLOAT_ERROR_MAX);
        assert_same_bits(&from_gguf, &from_folder, name);
        let case = format!("{name}-q8_0");
        check(&home.join(format!("{case}.gguf")), golden(&case), QUANTIZED_ERROR_MAX);
    }
}

#[test]
fn larger_models_agree_with_transformers_and_between_file_formats() {
    for (name, gguf) in [("tiny", "tiny-f32.gguf"), ("smollm2-135m", "smollm2-135m-f32.gguf")] {
        let (Some(gguf), Some(folder)) = (places::model(gguf), places::model(name)) else {
            continue;
        };
        let committed = places::golden();
        let home = [committed.as_path(), folder.parent().unwrap()];
        let home = home.into_iter().find(|home| home.join(format!("{name}-logits.json")).exists());
        let Some(home) = home else {
            println!("skipped: no {name}-logits.json");
            continue;
        };
        for golden in goldens(home, name) {
            let from_gguf = check(&gguf, &golden, FLOAT_ERROR_MAX);
            let from_folder = check(&folder, &golden, FLOAT_ERROR_MAX);
            let error = relative_error(&from_gguf, &from_folder);
            println!("{name}: GGUF and safetensors differ by {error:.1e}");
            assert!(error < FLOAT_ERROR_MAX, "{name}");
        }
    }
}

/// GGUF permutes queries and keys so that they rotate in neighbouring pairs. The permutation
/// leaves every product of a query with a key the same sum in another order, and nothing else.
#[test]
fn gguf_and_safetensors_of_the_same_weights_agree() {
    let goldens = goldens(&places::golden(), "micro");
    let golden = goldens.iter().find(|golden| golden.case == "llama3").unwrap();
    let micro = places::golden().join("micro");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(micro.join("config-llama3.json"), folder.path().join("config.json")).unwrap();
    std::fs::copy(micro.join("model.safetensors"), folder.path().join("model.safetensors"))
        .unwrap();
    let from_folder = check(folder.path(), golden, FLOAT_ERROR_MAX);
    let from_gguf = check(&micro.join("micro-llama3.gguf"), golden, FLOAT_ERROR_MAX);
    assert!(relative_error(&from_gguf, &from_folder) < 1e-5);
}

/// Compares and returns our logits of the golden rows.
fn check(path: &Path, golden: &Golden, error_max: f32) -> Vec<f32> {
    let file = ModelFile::open(path).unwrap();
    let vocab = file.config().vocab;
    let exact = KvOptions { format: KvFormat::F32, ..KvOptions::default() };
    let all = Chain::with(&file, &[], &exact).logits(&golden.ids);
    let rows = golden.rows.iter().flat_map(|row| &all[row * vocab..(row + 1) * vocab]);
    let ours: Vec<f32> = rows.copied().collect();
    assert_eq!(ours.len(), golden.logits.len());
    let errors = ours.chunks(vocab).zip(golden.logits.chunks(vocab));
    let error = errors.map(|(a, b)| relative_error(a, b)).fold(0.0, f32::max);
    println!("{}: relative error {error:.1e}", golden.case);
    assert!(error < error_max, "{}: relative error {error:.1e}", golden.case);
    ours
}

/// Largest difference over largest magnitude.
fn relative_error(actual: &[f32], expected: &[f32]) -> f32 {
    let difference = actual.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let largest = expected.iter().map(|x| x.abs()).fold(f32::MIN_POSITIVE, f32::max);
    difference.fold(0.0, |worst: f32, d| if d > worst || d.is_nan() { d } else { worst }) / largest
}

/// Reads `NAME-logits.json` and `NAME-logits.f32`.
fn goldens(folder: &Path, name: &str) -> Vec<Golden> {
    let text = std::fs::read_to_string(folder.join(format!("{name}-logits.json"))).unwrap();
    let raw = std::fs::read(folder.join(format!("{name}-logits.f32"))).unwrap();
    let mut values = raw.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
    let described: Value = serde_json::from_str(&text).unwrap();
    let integers = |value: &Value| -> Vec<u32> {
        let all = value.as_array().unwrap().iter();
        all.map(|n| u32::try_from(n.as_u64().unwrap()).unwrap()).collect()
    };
    let cases = described["cases"].as_array().unwrap().iter();
    cases
        .map(|case| {
            let rows: Vec<usize> = integers(&case["rows"]).iter().map(|n| *n as usize).collect();
            let vocab = usize::try_from(case["vocab"].as_u64().unwrap()).unwrap();
            Golden {
                case: case["case"].as_str().unwrap().to_owned(),
                ids: integers(&case["ids"]).into_iter().map(TokenId).collect(),
                logits: values.by_ref().take(rows.len() * vocab).collect(),
                rows,
            }
        })
        .collect()
}
