//! Qwen's files: what is refused of them, and pairs whose vocabularies are padded to different widths.

use crate::chain::one_thread;
use crate::places;
use base::{Allowed, Position, Sampling, TokenId};
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use runtime::{ModelFile, Stage, StageSpec};
use std::fs::File;

fn model(name: &str) -> ModelFile {
    ModelFile::open(&places::golden().join("qwen").join(name)).unwrap()
}

/// Why the model `name` is refused with `change` made to the bytes behind the name of a tensor: how many
/// dimensions it has, the first of them, and more.
fn refusal(name: &str, tensor: &str, change: impl FnOnce(&mut [u8])) -> String {
    let mut bytes = std::fs::read(places::golden().join("qwen").join(name)).unwrap();
    let at = bytes.windows(tensor.len()).position(|part| part == tensor.as_bytes()).unwrap();
    change(&mut bytes[at..]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, bytes).unwrap();
    ModelFile::open(&path).expect_err(tensor).to_string()
}

#[test]
fn a_missing_part_of_a_layer_is_named() {
    for (name, tensor) in [
        ("qwen2-f32.gguf", "blk.1.attn_k.bias"),
        ("qwen2-f32.gguf", "blk.0.attn_v.bias"),
        ("qwen3-f32.gguf", "blk.1.attn_q_norm.weight"),
        ("qwen3-f32.gguf", "blk.0.attn_k_norm.weight"),
    ] {
        let error = refusal(name, tensor, |name| name[4] = b'9');
        assert!(error.contains(&format!("lacks the tensor {tensor}")), "{error}");
    }
}

#[test]
fn a_part_of_the_wrong_shape_is_named_with_both() {
    for (name, tensor, width) in [
        ("qwen2-f32.gguf", "blk.0.attn_q.bias", 32),
        ("qwen2-f32.gguf", "blk.1.attn_v.bias", 16),
        ("qwen3-f32.gguf", "blk.0.attn_q_norm.weight", 16),
        ("qwen3-f32.gguf", "blk.1.attn_k_norm.weight", 16),
    ] {
        let error = refusal(name, tensor, |bytes| bytes[tensor.len() + 4] = 8);
        assert!(error.contains(&format!("{tensor} of shape [8], not [{width}]")), "{error}");
    }
}

#[test]
fn a_part_that_an_architecture_does_not_have_is_an_error() {
    // A stray norm: the file of the one architecture says that it is of the other.
    let error = refusal("qwen3-f32.gguf", "qwen3", |name| name[4] = b'2');
    assert!(error.contains("qwen2.") && error.contains("lacks"), "{error}");
    let error = refusal("qwen3-f32.gguf", "qwen3.block_count", |name| name[6..11].fill(b'x'));
    assert!(error.contains("needs the key qwen3.xxxxx_count"), "{error}");
    let error = refusal("qwen3-f32.gguf", "qwen3", |name| name[4] = b'9');
    assert!(error.contains("\"qwen9\"") && error.contains("llama, qwen2, qwen3"), "{error}");
}

/// Goal: a window, which only some of Qwen's layers would have, is refused by name, and where it is 0 there
/// is none. Method: files of one tensor, which are refused for another reason where the window is not.
#[test]
fn a_window_of_some_layers_is_refused() {
    let error = |architecture: &str, window: u32| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.gguf");
        let key = |name: &str| format!("{architecture}.{name}");
        let mut metadata = vec![
            ("general.architecture".to_owned(), Value::String(architecture.to_owned())),
            (key("attention.layer_norm_rms_epsilon"), Value::F32(1e-6)),
            (key("attention.sliding_window"), Value::U32(window)),
        ];
        for size in ["block_count", "context_length", "embedding_length", "feed_forward_length"] {
            metadata.push((key(size), Value::U32(32)));
        }
        metadata.push((key("attention.head_count"), Value::U32(2)));
        let embedding = Tensor::zeros((8, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
        let embedding = QTensor::quantize(&embedding, GgmlDType::F32).unwrap();
        let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors = [("token_embd.weight", &embedding)];
        gguf_file::write(&mut File::create(&path).unwrap(), &metadata, &tensors).unwrap();
        ModelFile::open(&path).expect_err("only an embedding").to_string()
    };
    for architecture in ["qwen2", "qwen3"] {
        let windowed = error(architecture, 4096);
        let needs = format!("needs {architecture}.attention.sliding_window");
        assert!(windowed.contains(&needs), "{windowed}");
        assert!(error(architecture, 0).contains("lacks the tensor"));
    }
    assert!(error("llama", 4096).contains("lacks the tensor"));
}

fn whole(file: &ModelFile) -> Stage {
    file.load_stage(StageSpec::whole(file.config().layers), &one_thread()).unwrap()
}

/// Goal: whatever one model of a pair says, the other can read. Method: two models of one tokenizer whose
/// vocabularies are padded to different widths, and logits that are largest where nothing is known.
#[test]
fn models_of_one_tokenizer_choose_what_both_know() {
    let (wide, narrow) = (model("qwen2-q8_0.gguf"), model("qwen3-q8_0.gguf"));
    let tokenizers = [&wide, &narrow].map(|file| file.tokenizer().unwrap());
    assert_eq!(tokenizers[0].fingerprint(), tokenizers[1].fingerprint());
    assert_ne!(wide.config().vocab, narrow.config().vocab);
    let known = tokenizers[0].vocab_size();
    assert_eq!(known, 263);
    for file in [&wide, &narrow] {
        let stage = whole(file);
        let rising: Vec<f32> = (0..file.config().vocab).map(|id| id as f32).collect();
        let warm = Sampling::new(1e6, 0, 1.0, 7).unwrap();
        for position in (0..200).map(Position) {
            let last = stage.choose(&rising, &Allowed::Any, &Sampling::GREEDY, position).unwrap();
            assert_eq!(last, TokenId(262));
            let any = stage.choose(&rising, &Allowed::Any, &warm, position).unwrap();
            assert!((any.0 as usize) < known, "{any:?}");
        }
        let likely = stage.likelihoods(&rising, &Allowed::Any, TokenId(262), rising.len());
        assert_eq!((likely.top.len(), likely.top[0]), (known, likely.chosen));
        let shares: f32 = likely.top.iter().map(|(_, logarithm)| logarithm.exp()).sum();
        assert!((shares - 1.0).abs() < 1e-4, "those that can be chosen have all of it: {shares}");
    }
}

/// A model that came without a tokenizer has nobody to say what its tokens mean: all count.
#[test]
fn without_a_tokenizer_every_token_counts() {
    let file = model("qwen3");
    let logits: Vec<f32> = (0..file.config().vocab).map(|id| id as f32).collect();
    let last = whole(&file).choose(&logits, &Allowed::Any, &Sampling::GREEDY, Position(0)).unwrap();
    assert_eq!(last.0 as usize, file.config().vocab - 1);
}

/// A folder's tokenizer says it too.
#[test]
fn a_folder_counts_the_tokens_that_its_tokenizer_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        let from = places::golden().join("qwen/qwen3").join(name);
        std::fs::copy(from, folder.path().join(name)).unwrap();
    }
    let tokenizer = r#"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []},
        "added_tokens": [{"id": 4, "content": "<|im_end|>", "special": true}]}"#;
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
    let file = ModelFile::open(folder.path()).unwrap();
    let logits: Vec<f32> = (0..file.config().vocab).map(|id| id as f32).collect();
    let last = whole(&file).choose(&logits, &Allowed::Any, &Sampling::GREEDY, Position(0)).unwrap();
    assert_eq!(last, TokenId(4));
}
