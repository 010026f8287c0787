//! Folders that are no model, a small one that is, and a real one where there is one.

use crate::{OpenError, SentenceModel};
use candle_core::{Device, Tensor};
use intents::SentenceEncoder as _;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const CONFIG: &str = r#"{"model_type": "bert", "hidden_act": "gelu", "hidden_size": 4,
    "intermediate_size": 6, "num_hidden_layers": 1, "num_attention_heads": 2,
    "max_position_embeddings": 5, "vocab_size": 3, "layer_norm_eps": 1e-12}"#;

const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "on": 1, "off": 2}, "unk_token": "[UNK]"}}"#;

/// Weights of a small model: each a wave of its own.
fn tensors() -> HashMap<String, Tensor> {
    let layer = |name: &str| format!("encoder.layer.0.{name}");
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![3, 4]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![5, 4]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, 4]),
    ];
    for (name, from, to) in [
        ("attention.self.query", 4, 4),
        ("attention.self.key", 4, 4),
        ("attention.self.value", 4, 4),
        ("attention.output.dense", 4, 4),
        ("intermediate.dense", 4, 6),
        ("output.dense", 6, 4),
    ] {
        shapes.push((format!("{}.weight", layer(name)), vec![to, from]));
        shapes.push((format!("{}.bias", layer(name)), vec![to]));
    }
    for name in [
        "embeddings.LayerNorm".to_owned(),
        layer("attention.output.LayerNorm"),
        layer("output.LayerNorm"),
    ] {
        shapes.push((format!("{name}.weight"), vec![4]));
        shapes.push((format!("{name}.bias"), vec![4]));
    }
    let wave = |(number, (name, shape)): (usize, (String, Vec<usize>))| {
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> =
            (0..count).map(|at| ((at + 1) as f32 * (number as f32 + 1.3)).sin()).collect();
        (name, Tensor::from_vec(values, shape, &Device::Cpu).unwrap())
    };
    shapes.into_iter().enumerate().map(wave).collect()
}

fn folder(config: &str, tokenizer: &str, tensors: &HashMap<String, Tensor>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
    candle_core::safetensors::save(tensors, folder.path().join("model.safetensors")).unwrap();
    folder
}

fn refused(config: &str, tensors: &HashMap<String, Tensor>) -> OpenError {
    SentenceModel::open(folder(config, TOKENIZER, tensors).path()).unwrap_err()
}

#[test]
fn an_embedding_has_length_one_and_depends_on_words_and_their_order() {
    let folder = folder(CONFIG, TOKENIZER, &tensors());
    let model = SentenceModel::open(folder.path()).unwrap();
    let encode = |text: &str| model.encode(text).unwrap();
    let squares: f32 = encode("on off").iter().map(|value| value * value).sum();
    assert!((squares - 1.0).abs() < 1e-5, "{squares}");
    assert_eq!(encode("on off"), encode("on  off"));
    assert_ne!(encode("on off"), encode("off on"));
    assert_ne!(encode("on"), encode("off"));
    // Five positions are all there are; what is beyond does not count.
    assert_eq!(encode("on on on on on"), encode("on on on on on off off"));
}

#[test]
fn weights_may_have_a_prefix() {
    let plain = folder(CONFIG, TOKENIZER, &tensors());
    let prefixed = tensors().into_iter().map(|(name, tensor)| (format!("bert.{name}"), tensor));
    let prefixed = folder(CONFIG, TOKENIZER, &prefixed.collect());
    let [one, other] = [plain, prefixed]
        .map(|folder| SentenceModel::open(folder.path()).unwrap().encode("on off"));
    assert_eq!(one.unwrap(), other.unwrap());
}

#[test]
fn what_cannot_be_run_is_named() {
    let all = tensors();
    for (from, to, expected) in [
        ("\"bert\"", "\"roberta\"", "model_type \"bert\" can be run; here is roberta"),
        ("\"gelu\"", "\"relu\"", "hidden_act \"gelu\" can be run; here is relu"),
        ("heads\": 2", "heads\": 3", "heads that divide their width can be run; here is 3"),
        ("heads\": 2", "heads\": 0", "heads that divide their width can be run; here is 0"),
        ("layers\": 1", "layers\": 65", "at most 64 layers can be run; here is 65"),
        (
            "\"vocab_size\": 3",
            "\"vocab_size\": 4",
            "`embeddings.word_embeddings.weight` of shape [4, 4]",
        ),
        ("layers\": 1", "layers\": 2", "`encoder.layer.1.attention.self.query.weight`"),
        ("\"vocab_size\": 3,", "", "no configuration"),
    ] {
        let error = refused(&CONFIG.replace(from, to), &all).to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
    assert!(matches!(SentenceModel::open(Path::new("/nowhere")), Err(OpenError::Read { .. })));
    let broken = folder(CONFIG, "{}", &all);
    assert!(matches!(SentenceModel::open(broken.path()), Err(OpenError::Tokenizer { .. })));
    std::fs::write(broken.path().join("tokenizer.json"), TOKENIZER).unwrap();
    std::fs::write(broken.path().join("model.safetensors"), [0xff; 64]).unwrap();
    assert!(matches!(SentenceModel::open(broken.path()), Err(OpenError::Weights { .. })));
}

/// Goal: it is BERT that is run. Method: all-MiniLM-L6-v2 in the folder that `CAUSEWAY_ENCODER` names,
/// against values of an implementation of its own, in numpy.
#[test]
fn a_real_model_gives_its_known_embedding() {
    let Some(folder) = std::env::var_os("CAUSEWAY_ENCODER").map(PathBuf::from) else {
        eprintln!("skipped: CAUSEWAY_ENCODER names no folder with all-MiniLM-L6-v2");
        return;
    };
    let model = SentenceModel::open(&folder).unwrap();
    let found = model.encode("turn on the light").unwrap();
    assert_eq!(found.len(), 384);
    for (found, expected) in found.iter().zip(EXPECTED) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

/// The first values of that embedding.
const EXPECTED: [f32; 8] =
    [0.029221, 0.024190, 0.000360, 0.083355, -0.004539, 0.007047, 0.082297, 0.009585];
