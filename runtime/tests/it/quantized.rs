//! Every quantized format through a whole model, written by candle's own GGUF writer.
//!
//! candle quantizes and dequantizes independently of our kernels, so a layout that we read wrongly
//! shows as logits far from those of the dequantized model.

use crate::chain::Chain;
use base::TokenId;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use runtime::ModelFile;
use std::fs::File;
use std::path::Path;

/// Width of everything: K-quants share scales over 256 values.
const WIDTH: usize = 256;
const VOCAB: usize = 64;
const HEADS: u32 = 4;
/// Largest difference over largest logit: our activations are `int8`, the reference's are `f32`.
const ERROR_MAX: f32 = 0.05;

#[test]
fn every_quantized_format_is_near_its_dequantized_model() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [
        GgmlDType::Q8_0,
        GgmlDType::Q4_0,
        GgmlDType::Q5_0,
        GgmlDType::Q4K,
        GgmlDType::Q5K,
        GgmlDType::Q6K,
    ];
    for format in formats {
        let quantized = folder.path().join("quantized.gguf");
        let plain = folder.path().join("plain.gguf");
        write_models(format, &quantized, &plain);
        let (actual, expected) = (logits(&quantized), logits(&plain));
        let difference = actual.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let largest = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
        let error = difference.fold(0.0, f32::max) / largest;
        println!("{format:?}: relative error {error:.1e}");
        assert!(error < ERROR_MAX, "{format:?}: relative error {error:.1e}");
        assert_ne!(actual, expected, "{format:?} was not used");
    }
}

fn logits(path: &Path) -> Vec<f32> {
    let tokens: Vec<TokenId> = (0..20).map(|i| TokenId(i * 7 % 64)).collect();
    Chain::new(&ModelFile::open(path).unwrap(), &[]).logits(&tokens)
}

/// The same random weights twice: as `format`, and as the `f32` values that these stand for.
fn write_models(format: GgmlDType, quantized: &Path, plain: &Path) {
    let matrices = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
    let matrices = matrices.map(|name| (format!("blk.0.{name}.weight"), WIDTH));
    let embedding = ("token_embd.weight".to_owned(), VOCAB);
    let norms = ["blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"];

    let mut files: [Vec<(String, QTensor)>; 2] = [Vec::new(), Vec::new()];
    let mut state = 1;
    for (name, rows) in matrices.into_iter().chain([embedding]) {
        let weights = random(&mut state, rows);
        let coded = QTensor::quantize(&weights, format).unwrap();
        let values = coded.dequantize(&Device::Cpu).unwrap();
        files[0].push((name.clone(), coded));
        files[1].push((name, QTensor::quantize(&values, GgmlDType::F32).unwrap()));
    }
    for file in &mut files {
        for name in norms {
            let ones = Tensor::from_vec(vec![1_f32; WIDTH], WIDTH, &Device::Cpu).unwrap();
            file.push((name.to_owned(), QTensor::quantize(&ones, GgmlDType::F32).unwrap()));
        }
    }
    write_gguf(quantized, &files[0]);
    write_gguf(plain, &files[1]);
}

fn write_gguf(path: &Path, tensors: &[(String, QTensor)]) {
    let width = Value::U32(u32::try_from(WIDTH).unwrap());
    let metadata = [
        ("general.architecture", Value::String("llama".to_owned())),
        ("llama.block_count", Value::U32(1)),
        ("llama.context_length", Value::U32(64)),
        ("llama.embedding_length", width.clone()),
        ("llama.feed_forward_length", width),
        ("llama.attention.head_count", Value::U32(HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
    ];
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(n, t)| (n.as_str(), t)).collect();
    gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
}

/// `[rows, WIDTH]`, of a variance that keeps the residual stream's.
fn random(state: &mut u32, rows: usize) -> Tensor {
    let next = |_| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 8) as f32 / (1 << 24) as f32 * 0.2 - 0.1
    };
    let values: Vec<f32> = (0..rows * WIDTH).map(next).collect();
    Tensor::from_vec(values, (rows, WIDTH), &Device::Cpu).unwrap()
}
