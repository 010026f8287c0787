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

/// Goal: nothing is left out that the caller is not told of. Method: a tokenizer whose file says to cut at one token,
/// and which marks where a text ends.
#[test]
fn a_text_is_counted_whole_and_read_as_far_as_the_model_has_learnt() {
    let ends = r#"{"type": "TemplateProcessing", "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
        "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "off", "type_id": 0}}],
        "special_tokens": {"off": {"id": "off", "ids": [2], "tokens": ["off"]}}}"#;
    let cut = r#"{"max_length": 1, "strategy": "LongestFirst", "stride": 0}"#;
    let tokenizer = TOKENIZER
        .replace("\"post_processor\": null", &format!("\"post_processor\": {ends}"))
        .replace("\"truncation\": null", &format!("\"truncation\": {cut}"));
    let folder = folder(CONFIG, &tokenizer, &tensors());
    let open = || SentenceModel::open(folder.path());
    assert_eq!(open().unwrap().tokens("on on on on on on on").unwrap(), (8, 5), "all positions");
    let says = |learnt: &str| {
        let path = folder.path().join("sentence_bert_config.json");
        std::fs::write(path, format!("{{\"max_seq_length\": {learnt}}}")).unwrap();
    };
    says("3");
    let model = open().unwrap();
    assert_eq!(model.tokens("on on on on on on on").unwrap(), (8, 3));
    assert_eq!(model.tokens("on on").unwrap(), (3, 3));
    let encode = |text: &str| model.encode(text).unwrap();
    assert_eq!(encode("on on on on on"), encode("on on"), "what is beyond does not count");
    assert_ne!(encode("on on on on on"), encode("on"), "the end is marked all the same");
    says("1");
    let error = open().unwrap_err().to_string();
    assert!(error.contains("room for a word") && error.contains("1 tokens"), "{error}");
    says("\"many\"");
    assert!(matches!(open(), Err(OpenError::Config { .. })));
}

/// Method: where attention adds nothing, the first state depends on the first token alone.
#[test]
fn states_are_pooled_as_the_folder_says() {
    let mut blind = tensors();
    let value = blind.get_mut("encoder.layer.0.attention.self.value.weight").unwrap();
    *value = value.zeros_like().unwrap();
    let folder = folder(CONFIG, TOKENIZER, &blind);
    let says = |name: &str, json: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, json).unwrap();
    };
    let pools = |modes: &str| {
        says("1_Pooling/config.json", &format!("{{\"word_embedding_dimension\": 4, {modes}}}"));
        SentenceModel::open(folder.path())
    };
    let are_one = |model: &SentenceModel, texts: [&str; 2]| {
        let [a, b] = texts.map(|text| model.encode(text).unwrap());
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    };
    let unsaid = SentenceModel::open(folder.path()).unwrap();
    let mean = r#""pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false"#;
    let mean = pools(mean).unwrap();
    assert_eq!(mean.encode("on off").unwrap(), unsaid.encode("on off").unwrap());
    assert!(!are_one(&mean, ["on off", "on on"]));
    let first = pools(r#""pooling_mode_cls_token": true"#).unwrap();
    assert!(are_one(&first, ["on off", "on on"]));
    assert!(!are_one(&first, ["on off", "off off"]));
    for (modes, found) in [
        (r#""pooling_mode_max_tokens": true"#, r#"["max_tokens"]"#),
        (r#""pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true"#, "mean_tokens"),
        (r#""include_prompt": true"#, "here is []"),
    ] {
        let error = pools(modes).unwrap_err().to_string();
        assert!(error.contains(found), "{error} does not say {found}");
    }
    pools(r#""pooling_mode_cls_token": true"#).unwrap();
    says("modules.json", r#"[{"type": "sentence_transformers.models.Pooling"}]"#);
    assert!(SentenceModel::open(folder.path()).is_ok());
    says("modules.json", r#"[{"type": "sentence_transformers.models.Dense"}]"#);
    let error = SentenceModel::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("models.Dense"), "{error}");
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
    // Its tokenizer's file says 128, and BERT has 512 positions.
    assert_eq!(model.tokens(&"so ".repeat(600)).unwrap(), (602, 256));
    assert!(model.encode(&"[SEP] ".repeat(600)).is_ok(), "marks that somebody has typed");
}

/// The first values of that embedding.
const EXPECTED: [f32; 8] =
    [0.029221, 0.024190, 0.000360, 0.083355, -0.004539, 0.007047, 0.082297, 0.009585];
