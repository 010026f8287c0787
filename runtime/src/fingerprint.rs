//! A model's fingerprint: cheap, and the same on every node whatever part of the model it loads.
//!
//! It covers the configuration, every tensor's name, format and shape, and three short samples
//! of each tensor's bytes. It tells models and their quantizations apart; it is no proof against
//! someone who alters bytes between the samples.

use crate::LoadError;
use crate::config::{LayerParts, ModelConfig, Rope, RopeScaling};
use crate::weights::TensorTable;
use base::ModelFingerprint;
use blake3::Hasher;

/// Bytes read at the start, in the middle and at the end of each tensor.
const SAMPLE_BYTES: usize = 256;

/// Separates these hashes from every other use of BLAKE3, and one version of them from the next.
const DOMAIN: &str = "causeway model fingerprint 1";

/// The fingerprint of the model with these weights.
pub(crate) fn of(config: &ModelConfig, table: &TensorTable) -> Result<ModelFingerprint, LoadError> {
    let mut hasher = Hasher::new_derive_key(DOMAIN);
    hash_config(&mut hasher, config);
    for (name, entry) in table.iter() {
        hash_text(&mut hasher, name);
        hash_text(&mut hasher, entry.format().name());
        hash_numbers(&mut hasher, entry.shape().iter().map(|n| *n as u64));
        let tensor = entry.map()?;
        let bytes = tensor.bytes();
        let sample = SAMPLE_BYTES.min(bytes.len());
        for start in [0, (bytes.len() - sample) / 2, bytes.len() - sample] {
            hasher.update(&bytes[start..start + sample]);
        }
    }
    Ok(ModelFingerprint(*hasher.finalize().as_bytes()))
}

fn hash_config(hasher: &mut Hasher, config: &ModelConfig) {
    let ModelConfig {
        layers,
        width,
        heads,
        kv_heads,
        head_width,
        mlp_width,
        vocab,
        norm_epsilon,
        rope: Rope { theta, scaling, layout },
        parts: LayerParts { attention_biases, head_norms },
        sliding_window,
        context_length,
        tied,
    } = config;
    let sizes = [*width, *heads, *kv_heads, *head_width, *mlp_width, *vocab];
    hash_numbers(hasher, sizes.map(|n| n as u64));
    hash_numbers(hasher, [*layers, *context_length, sliding_window.unwrap_or(0)].map(u64::from));
    hash_numbers(hasher, [u64::from(norm_epsilon.to_bits()), theta.to_bits(), u64::from(*tied)]);
    hash_text(hasher, &format!("{layout:?}"));
    let (kind, numbers) = match scaling {
        RopeScaling::None => ("none", vec![]),
        RopeScaling::Linear(factor) => ("linear", vec![*factor]),
        RopeScaling::Llama3 { factor, low, high, original_context } => {
            ("llama3", vec![*factor, *low, *high, *original_context])
        }
        RopeScaling::Divisors(all) => ("divisors", all.iter().map(|x| f64::from(*x)).collect()),
    };
    hash_text(hasher, kind);
    hash_numbers(hasher, numbers.into_iter().map(f64::to_bits));
    // A part that a model lacks is not said, so that models without any keep their names.
    for (has, part) in [(attention_biases, "attention biases"), (head_norms, "head norms")] {
        if *has {
            hash_text(hasher, part);
        }
    }
}

/// With its length first, so that two texts in a row cannot be read as two others.
fn hash_text(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn hash_numbers(hasher: &mut Hasher, numbers: impl IntoIterator<Item = u64>) {
    let bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_le_bytes).collect();
    hasher.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
}
