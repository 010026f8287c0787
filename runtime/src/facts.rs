//! What a model's weights are like, for people: formats, counts, bytes. Nothing is mapped for it.

use crate::decoder::StageSpec;
use crate::weights::{TensorTable, Weight};
use crate::{LoadError, ModelConfig};
use base::{ByteCount, LayerRange};

/// A model file's weights in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// What the model calls its kind: `llama`, `mistral`.
    pub architecture: String,
    /// Its tensors by kind, in the order in which a pass meets them.
    pub tensors: Vec<TensorKind>,
}

/// Tensors that differ in their layer alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorKind {
    /// Its name in the file, with `*` for the layer.
    pub name: String,
    /// The number format.
    pub format: &'static str,
    /// How many there are.
    pub count: usize,
    /// Values of all of them.
    pub values: u64,
    /// Bytes of all of them.
    pub bytes: ByteCount,
}

impl ModelFacts {
    pub(crate) fn of(
        architecture: String,
        config: &ModelConfig,
        table: &TensorTable,
    ) -> Result<Self, LoadError> {
        let mut tensors: Vec<TensorKind> = Vec::new();
        for weight in Weight::all(config) {
            let entry = table.find(weight)?;
            let name = kind_name(&table.name(weight), weight);
            let (format, bytes) = (entry.format().name(), bytes_of(table, weight)?);
            let values = entry.shape().iter().map(|n| *n as u64).product();
            match tensors.iter_mut().find(|kind| kind.name == name && kind.format == format) {
                Some(kind) => {
                    kind.count += 1;
                    kind.values += values;
                    kind.bytes += bytes;
                }
                None => tensors.push(TensorKind { name, format, count: 1, values, bytes }),
            }
        }
        Ok(Self { architecture, tensors })
    }

    /// Bytes of all weights.
    pub fn bytes(&self) -> ByteCount {
        self.tensors.iter().map(|kind| kind.bytes).sum()
    }

    /// How many values the model has learnt.
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().map(|kind| kind.values).sum()
    }
}

/// Bytes of the weights that `spec` loads.
pub(crate) fn weight_bytes(
    config: &ModelConfig,
    table: &TensorTable,
    spec: StageSpec,
) -> Result<ByteCount, LoadError> {
    if !LayerRange::all(config.layers).contains(spec.layers) {
        let (layers, asked) = (config.layers, spec.layers);
        return Err(LoadError::Layers { path: table.path().to_owned(), layers, asked });
    }
    let is_loaded = |weight: &Weight| match weight {
        // A tied head is the embedding.
        Weight::Embedding => spec.embedding || spec.head && config.tied,
        Weight::OutputNorm | Weight::Head => spec.head,
        Weight::Layer(layer, _) => spec.layers.iter().contains(layer),
    };
    Weight::all(config).filter(is_loaded).map(|weight| bytes_of(table, weight)).sum()
}

fn bytes_of(table: &TensorTable, weight: Weight) -> Result<ByteCount, LoadError> {
    let range = table.find(weight)?.range();
    Ok(ByteCount(range.end - range.start))
}

/// `name` with `*` in the place of the layer.
fn kind_name(name: &str, weight: Weight) -> String {
    match weight {
        Weight::Embedding | Weight::OutputNorm | Weight::Head => name.to_owned(),
        Weight::Layer(layer, _) => name.replacen(&format!(".{layer}."), ".*.", 1),
    }
}
