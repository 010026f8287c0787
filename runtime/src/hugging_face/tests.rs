//! Folders as people have them: sharded, oddly spelled, incomplete or hostile.

use super::*;
use crate::config::{LayerParts, RopeScaling};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A configuration of the older spelling.
fn config() -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 100, "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
        "torch_dtype": "float16", "rope_interleaved": false, "is_llama_config": true
    })
}

/// Reads [`config`] with the keys of `changes` replaced; null removes a key.
fn read_config(changes: &Value) -> Result<ModelConfig, LoadError> {
    let mut config = config();
    for (key, value) in changes.as_object().unwrap() {
        config[key] = value.clone();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, config.to_string()).unwrap();
    config_json::read(&path)
}

fn check_refused(changes: &Value, words: &[&str]) {
    let error = read_config(changes).expect_err("refused").to_string();
    for word in words {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

#[test]
fn what_a_configuration_leaves_out_is_what_transformers_assumes() {
    let config = read_config(&json!({})).unwrap();
    assert_eq!((config.head_width, config.kv_heads, config.tied), (16, 2, false));
    assert_eq!((config.rope.theta, config.rope.scaling), (10_000.0, RopeScaling::None));
    assert_eq!(config.sliding_window, None);
    let config = read_config(&json!({"num_key_value_heads": null, "head_dim": 32})).unwrap();
    assert_eq!((config.head_width, config.kv_heads), (32, 4));
}

#[test]
fn rope_reads_in_every_spelling() {
    let rope = |changes| read_config(&changes).unwrap().rope;
    let linear = RopeScaling::Linear(4.0);
    for spelling in [
        json!({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 4.0}}),
        json!({"rope_theta": 5e5, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
        json!({"rope_parameters": {"rope_theta": 5e5, "rope_type": "linear", "factor": 4.0}}),
        json!({"rope_theta": 5e5, "rope_scaling": {
            "type": "linear", "rope_type": "linear", "factor": 4.0
        }}),
    ] {
        let rope = rope(spelling);
        assert_eq!((rope.theta, &rope.scaling), (5e5, &linear));
    }
    let llama3 = json!({"rope_scaling": {
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192
    }});
    let expected =
        RopeScaling::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original_context: 8192.0 };
    assert_eq!(rope(llama3).scaling, expected);
    let two = json!({"type": "dynamic", "rope_type": "linear", "factor": 4.0});
    check_refused(
        &json!({"rope_scaling": two}),
        &["rope_scaling.type", "\"dynamic\"", "\"linear\""],
    );
    check_refused(&json!({"rope_scaling": {"rope_type": "yarn"}}), &["\"yarn\"", "llama3"]);
    check_refused(&json!({"rope_scaling": {"rope_type": "linear"}}), &["rope_scaling.factor"]);
}

#[test]
fn mistral_has_a_window_only_where_it_says_so() {
    let mistral = |changes: Value| {
        let mut all = json!({"architectures": ["MistralForCausalLM"]});
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        all
    };
    let window = |value: Value| read_config(&mistral(json!({"sliding_window": value}))).unwrap();
    assert_eq!(window(json!(4096)).sliding_window, Some(4096));
    assert_eq!(window(Value::Null).sliding_window, None);
    check_refused(&mistral(json!({})), &["lacks the key sliding_window"]);
    assert_eq!(read_config(&json!({"sliding_window": 8})).unwrap().sliding_window, None);
}

/// The configuration of a Qwen model, with `changes`.
fn qwen(class: &str, changes: &Value) -> Value {
    let mut all = json!({
        "architectures": [class], "rms_norm_eps": 1e-6, "rope_theta": 1e6, "head_dim": 32,
        "use_sliding_window": false, "sliding_window": 32768, "max_window_layers": 2,
        "layer_types": ["full_attention", "full_attention"], "use_mrope": false
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    all
}

#[test]
fn qwen_has_parts_of_its_own_and_no_window() {
    let biases = LayerParts { attention_biases: true, ..LayerParts::COMMON };
    let norms = LayerParts { head_norms: true, ..LayerParts::COMMON };
    for (class, parts) in [("Qwen2ForCausalLM", biases), ("Qwen3ForCausalLM", norms)] {
        let config = read_config(&qwen(class, &json!({}))).unwrap();
        assert_eq!((config.parts, config.sliding_window), (parts, None));
        assert_eq!((config.head_width, config.rope.theta), (32, 1e6));
        check_refused(&qwen(class, &json!({"use_sliding_window": true})), &["use_sliding_window"]);
        check_refused(&qwen(class, &json!({"use_mrope": true})), &["use_mrope"]);
        check_refused(&qwen(class, &json!({"attention_bias": true})), &["attention_bias"]);
        let sliding = json!({"layer_types": ["full_attention", "sliding_attention"]});
        check_refused(&qwen(class, &sliding), &["\"sliding_attention\""]);
        let heads = json!({"num_key_value_heads": null});
        check_refused(&qwen(class, &heads), &["lacks the key num_key_value_heads"]);
    }
    let widths = json!({"head_dim": null});
    assert_eq!(read_config(&qwen("Qwen2ForCausalLM", &widths)).unwrap().head_width, 16);
    check_refused(&qwen("Qwen3ForCausalLM", &widths), &["lacks the key head_dim"]);
    check_refused(&json!({"architectures": ["Qwen3MoeForCausalLM"]}), &["Qwen3Moe", "Qwen3For"]);
}

#[test]
fn features_that_the_decoder_lacks_are_refused_by_name() {
    check_refused(&json!({"architectures": ["GemmaForCausalLM"]}), &["Gemma", "known: Llama"]);
    check_refused(&json!({"architectures": []}), &["architecture"]);
    check_refused(&json!({"attention_bias": true}), &["attention_bias"]);
    check_refused(&json!({"mlp_bias": true}), &["mlp_bias"]);
    check_refused(&json!({"rope_interleaved": true}), &["rope_interleaved"]);
    check_refused(&json!({"hidden_act": "gelu"}), &["gelu", "silu"]);
    check_refused(&json!({"partial_rotary_factor": 0.5}), &["partial_rotary_factor"]);
    check_refused(&json!({"quantization_config": {"bits": 4}}), &["quantization_config"]);
    check_refused(&json!({"layer_types": ["full_attention", "ssm"]}), &["\"ssm\""]);
    check_refused(&json!({"num_attention_heads": 5}), &["num_attention_heads"]);
    check_refused(&json!({"hidden_size": "wide"}), &["not the JSON expected"]);
}

/// Writes a safetensors file of the given names and float16 shapes.
fn write_part(folder: &TempDir, file: &str, tensors: &[(&str, [usize; 2])], dtype: Dtype) {
    let zeros = vec![0_u8; 1 << 12];
    let views: BTreeMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(name, shape)| {
            let len = shape[0] * shape[1] * dtype.bitsize() / 8;
            (*name, TensorView::new(dtype, shape.to_vec(), &zeros[..len]).unwrap())
        })
        .collect();
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::write(folder.path().join(file), bytes).unwrap();
}

fn write_index(folder: &TempDir, homes: &[(&str, &str)]) {
    let map: BTreeMap<&str, &str> = homes.iter().copied().collect();
    let index = json!({"metadata": {"total_size": 0}, "weight_map": map});
    let path = folder.path().join("model.safetensors.index.json");
    std::fs::write(path, index.to_string()).unwrap();
}

#[test]
fn tensors_are_found_in_the_parts_that_the_index_names() {
    let folder = tempfile::tempdir().unwrap();
    write_part(&folder, "one.safetensors", &[("a", [4, 8]), ("b", [2, 2])], Dtype::F16);
    write_part(&folder, "two.safetensors", &[("c", [3, 5])], Dtype::BF16);
    write_index(
        &folder,
        &[("a", "one.safetensors"), ("b", "one.safetensors"), ("c", "two.safetensors")],
    );
    let table = safetensors_files::read(folder.path()).unwrap();
    let shapes: Vec<(&str, &[usize])> = table.iter().map(|(n, e)| (n, e.shape())).collect();
    assert_eq!(shapes, [("a", &[4, 8][..]), ("b", &[2, 2]), ("c", &[3, 5])]);
    let entry = table.find_name("c").unwrap();
    assert_eq!(entry.format().name(), "BF16");
    assert_eq!(entry.map().unwrap().values(), [0.0; 15]);
}

#[test]
fn an_index_that_lies_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_part(&folder, "one.safetensors", &[("a", [4, 8])], Dtype::F16);
    let check = |homes: &[(&str, &str)], words: &str| {
        write_index(&folder, homes);
        let error = safetensors_files::read(folder.path()).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    check(&[("a", "one.safetensors"), ("b", "one.safetensors")], "tensor b is not in");
    check(&[("b", "one.safetensors")], "has the tensor a, which is not listed");
    check(&[("a", "../one.safetensors")], "not a plain file name");
    check(&[("a", "/etc/passwd")], "not a plain file name");
    check(&[("a", "absent.safetensors")], "cannot read");
}

#[test]
fn broken_weight_files_and_other_dtypes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_part(&folder, SINGLE, &[("t", [4, 8])], Dtype::F64);
    let read = || safetensors_files::read(folder.path()).expect_err("refused").to_string();
    let error = read();
    assert!(error.contains("tensor t") && error.contains("F64") && error.contains("BF16"));

    let path = folder.path().join(SINGLE);
    write_part(&folder, SINGLE, &[("t", [4, 8])], Dtype::F16);
    let good = std::fs::read(&path).unwrap();
    for len in [0, 1, 7, 8, 40, good.len() - 1] {
        std::fs::write(&path, &good[..len]).unwrap();
        read();
    }
    let mut huge = good;
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&path, huge).unwrap();
    read();
    std::fs::remove_file(&path).unwrap();
    assert!(read().contains("cannot read"));
}

const SINGLE: &str = "model.safetensors";
