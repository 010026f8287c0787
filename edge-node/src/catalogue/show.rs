//! What a model is like.

use super::memory::{MemoryTable, even_split};
use super::{STORE_HELP, environment};
use anyhow::Context as _;
use base::LayerRange;
use clap::Args;
use runtime::{LoadError, ModelFacts, ModelFile, StageSpec};
use std::fmt::Write as _;
use std::path::PathBuf;

/// A split over more nodes is worth asking for by its layers.
const NODES_MAX: u32 = 4;

/// `edge-node models show`.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// hf:ORG/NAME[@REV][:FILE.gguf], a .gguf file, or a Hugging Face folder.
    pub(super) model: PathBuf,
    #[arg(long, help = STORE_HELP)]
    pub(super) store: Option<PathBuf>,
    /// The length of a conversation, in positions, whose keys and values are counted.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(super) context: u32,
    /// What these layers take, half-open; may be given more than once.
    #[arg(long, value_name = "A..B", value_parser = layers)]
    pub(super) layers: Vec<LayerRange>,
}

/// The model in words and tables.
pub(super) fn of(arguments: &ShowArguments) -> anyhow::Result<String> {
    let ShowArguments { model: named, store, context, layers } = arguments;
    let found = environment().model(named, store.as_deref(), "edge-node").transpose()?;
    let path = found.unwrap_or_else(|| named.clone());
    let model = ModelFile::open(&path).context("cannot open the model")?;
    let mut text = format!("{}\n", path.display());
    text += &head(&model)?;
    text += &tokenizer(&model);
    text += &tensors(&model.facts()?);
    text += &memory(&model, *context, layers)?;
    if *context > model.config().context_length {
        let most = model.config().context_length;
        let _ = writeln!(text, "the model itself ends at {most} positions");
    }
    Ok(text)
}

/// Architecture and sizes. Writing to a string does not fail, here and below.
pub(super) fn head(model: &ModelFile) -> Result<String, LoadError> {
    let (config, facts) = (model.config(), model.facts()?);
    let mut text = format!(
        "{}: {} layers of width {}, {} heads of {} ({} of keys and values), inner width {}\n",
        facts.architecture,
        config.layers,
        config.width,
        config.heads,
        config.head_width,
        config.kv_heads,
        config.mlp_width
    );
    let tied = if config.tied { ", the head is the embedding" } else { "" };
    let (vocab, context) = (config.vocab, config.context_length);
    let _ = writeln!(text, "vocabulary {vocab}{tied}; context {context} positions");
    let (parameters, bytes) = (facts.parameters(), facts.bytes());
    let bits = 8.0 * bytes.0 as f64 / parameters as f64;
    let millions = parameters as f64 / 1e6;
    let _ = writeln!(text, "{millions:.1} million parameters in {bytes}, {bits:.2} bits each");
    let _ = writeln!(text, "fingerprint {}", model.fingerprint());
    Ok(text)
}

/// A model without one can still be part of a chain.
fn tokenizer(model: &ModelFile) -> String {
    let tokenizer = match model.tokenizer() {
        Ok(tokenizer) => tokenizer,
        Err(error) => return format!("tokenizer: none that works: {}\n", settings::chain(&error)),
    };
    let chat = match (tokenizer.has_chat_template(), tokenizer.knows_tools()) {
        (false, _) => "no chat template",
        (true, false) => "a chat template that knows no tools",
        (true, true) => "a chat template that knows tools",
    };
    let (kind, pieces) = (tokenizer.kind(), tokenizer.vocab_size());
    format!("tokenizer: {kind}, {pieces} pieces, {chat}; fingerprint {}\n", tokenizer.fingerprint())
}

fn tensors(facts: &ModelFacts) -> String {
    let mut text = "tensors\n".to_owned();
    for kind in &facts.tensors {
        let (name, format, bytes) = (&kind.name, kind.format, kind.bytes.to_string());
        let _ = writeln!(text, "  {name:<46} {format:<6} {:>4} {bytes:>9}", kind.count);
    }
    text
}

fn memory(model: &ModelFile, context: u32, asked: &[LayerRange]) -> Result<String, LoadError> {
    let layers = model.config().layers;
    let none = StageSpec { layers: LayerRange::all(0), embedding: false, head: false };
    let mut table = MemoryTable::new(model, context);
    table.line("whole", StageSpec::whole(layers))?;
    table.line("embedding", StageSpec { embedding: true, ..none })?;
    table.line("head", StageSpec { head: true, ..none })?;
    for nodes in 2..=layers.min(NODES_MAX) {
        table.heading(&format!(" over {nodes} nodes"));
        for part in even_split(layers, nodes) {
            table.line(&part.to_string(), part)?;
        }
    }
    if !asked.is_empty() {
        table.heading(" as asked");
    }
    for range in asked {
        table.line(&format!("layers {range}"), StageSpec { layers: *range, ..none })?;
    }
    Ok(table.into_text())
}

fn layers(text: &str) -> Result<LayerRange, String> {
    let bounds = text.split_once("..").and_then(|(start, end)| {
        let bound = |digits: &str| digits.parse().ok();
        Some((bound(start)?, bound(end)?))
    });
    let (start, end) = bounds.ok_or("layers are A..B, from the first to before the last")?;
    LayerRange::new(start, end).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_read_strictly() {
        assert_eq!(layers("2..5"), Ok(LayerRange::new(2, 5).unwrap()));
        for text in ["", "2", "2..", "..5", "2...5", "a..b", "-1..2"] {
            assert!(layers(text).unwrap_err().contains("A..B"), "{text}");
        }
        assert!(layers("5..2").unwrap_err().contains("ends before it starts"));
    }
}
