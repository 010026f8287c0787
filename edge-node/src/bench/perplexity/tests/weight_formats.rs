//! What our arithmetic with quantized weights costs, apart from what quantizing them does.

use super::{difference, setup, task};
use crate::bench::perplexity::measure;
use base::KvFormat;
use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Content};
use candle_core::quantized::{GgmlDType, QTensor};
use std::fs::File;
use std::path::Path;

/// Relative difference of two perplexities. Over the 378 tokens of this text, activations of 8 bits
/// make up to 0.11 % of it, either way; over long texts less.
const COST_MAX: f64 = 0.002;

#[test]
fn formats_with_blocks_of_32_predict_as_well_as_their_values() {
    for format in [GgmlDType::Q8_0, GgmlDType::Q5_0, GgmlDType::Q4_0] {
        check(format);
    }
    let (actual, expected) = perplexities(GgmlDType::F16);
    assert!(actual == expected, "half precision is read exactly: {actual} and {expected}");
}

#[test]
fn formats_with_blocks_of_256_predict_as_well_as_their_values() {
    for format in [GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K] {
        check(format);
    }
}

/// Goal: products with integers predict a text as well as products with the floats that these stand
/// for. Method: the target's weights, quantized again by candle, in two files: as they are, and as
/// the `f32` values that candle reads out of them.
fn check(format: GgmlDType) {
    let (actual, expected) = perplexities(format);
    let cost = difference(actual, expected);
    println!("{format:?}: {actual:.4} and {expected:.4}, {:.4} % apart", 100.0 * cost);
    assert!(cost < COST_MAX, "{format:?}: {actual:.4} and {expected:.4}");
    assert!(cost > 0.0, "{format:?} was not used");
}

/// With weights in `format`, and with their values.
fn perplexities(format: GgmlDType) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let [coded, plain] = ["coded.gguf", "plain.gguf"].map(|name| folder.path().join(name));
    write_models(format, &coded, &plain);
    let of = |path| measure(&setup(path, KvFormat::F32), &task(128, None)).unwrap().perplexity;
    (of(coded), of(plain))
}

/// The demo target with its matrices in `format`, and with the values of these in `f32`.
fn write_models(format: GgmlDType, coded: &Path, plain: &Path) {
    let mut file = File::open(super::model("target")).unwrap();
    let content = Content::read(&mut file).unwrap();
    let mut tensors: [Vec<(&str, QTensor)>; 2] = [Vec::new(), Vec::new()];
    for (name, info) in &content.tensor_infos {
        let values = content.tensor(&mut file, name, &Device::Cpu).unwrap();
        let values = values.dequantize(&Device::Cpu).unwrap();
        let is_matrix = info.shape.rank() == 2;
        let stored = QTensor::quantize(&values, if is_matrix { format } else { GgmlDType::F32 });
        let stored = stored.unwrap();
        let values = stored.dequantize(&Device::Cpu).unwrap();
        tensors[0].push((name, stored));
        tensors[1].push((name, QTensor::quantize(&values, GgmlDType::F32).unwrap()));
    }
    let metadata: Vec<_> = content.metadata.iter().map(|(key, value)| (&**key, value)).collect();
    for (path, tensors) in [coded, plain].into_iter().zip(&tensors) {
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
        gguf_file::write(&mut File::create(path).unwrap(), &metadata, &tensors).unwrap();
    }
}
