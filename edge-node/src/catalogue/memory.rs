//! What a part of a model takes: its weights as the file has them, and the KV of one conversation.

use crate::bench::kv_name;
use base::{KvFormat, LayerRange};
use runtime::{KvOptions, LoadError, ModelFile, StageSpec};
use std::fmt::Write as _;

/// Columns of a table, the widest first.
const KV_FORMATS: [KvFormat; 4] = [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4];

/// Parts of a model, and what each takes at a length of context.
pub(super) struct MemoryTable<'a> {
    model: &'a ModelFile,
    context: u32,
    text: String,
}

impl<'a> MemoryTable<'a> {
    /// For conversations of `context` positions.
    pub(super) fn new(model: &'a ModelFile, context: u32) -> Self {
        let mut text = format!("memory at {context} positions\n  {:<30} {:>9}", "", "weights");
        for format in KV_FORMATS {
            let _ = write!(text, " {:>9}", format!("KV {}", kv_name(format)));
        }
        text.push('\n');
        Self { model, context, text }
    }

    /// A line about the part `spec`.
    pub(super) fn line(&mut self, label: &str, spec: StageSpec) -> Result<(), LoadError> {
        let weights = self.model.weight_bytes(spec)?;
        let _ = write!(self.text, "  {label:<30} {:>9}", weights.to_string());
        for format in KV_FORMATS {
            let options = KvOptions { format, ..KvOptions::default() };
            let kv = self.model.kv_bytes(spec.layers, &options, self.context as usize);
            // Without layers there is no KV.
            let kv = if spec.layers.is_empty() { "-".to_owned() } else { kv.to_string() };
            let _ = write!(self.text, " {kv:>9}");
        }
        self.text.push('\n');
        Ok(())
    }

    /// A line that heads others.
    pub(super) fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// The parts of a model of `layers` layers that is split as evenly as may be over `nodes` of them: the first
/// ones have a layer more, and the ends the embedding and the head.
pub(super) fn even_split(layers: u32, nodes: u32) -> Vec<StageSpec> {
    let bound = |node: u32| node * (layers / nodes) + node.min(layers % nodes);
    let part = |node: u32| StageSpec {
        layers: LayerRange::new(bound(node), bound(node + 1)).expect("bounds ascend"),
        embedding: node == 0,
        head: node + 1 == nodes,
    };
    (0..nodes).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_split_covers_each_layer_once_and_differs_by_one_at_most() {
        for layers in 1..40 {
            for nodes in 1..=layers.min(5) {
                let parts = even_split(layers, nodes);
                let covered: Vec<u32> = parts.iter().flat_map(|part| part.layers.iter()).collect();
                assert_eq!(covered, (0..layers).collect::<Vec<_>>(), "{layers} over {nodes}");
                let lengths: Vec<u32> = parts.iter().map(|part| part.layers.len()).collect();
                let (least, most) = (lengths.iter().min(), lengths.iter().max());
                assert!(most.unwrap() - least.unwrap() <= 1, "{lengths:?}");
                assert_eq!(parts.iter().filter(|part| part.embedding).count(), 1);
                assert!(parts[0].embedding && parts[parts.len() - 1].head);
            }
        }
    }
}
