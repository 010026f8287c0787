//! The whole command, on the demo pair and with short chunks.

mod files;
mod runs;

use super::*;
use base::{KvFormat, WireCodec};
use std::path::Path;

fn model(name: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    models.join(format!("causeway-demo-{name}-q8_0.gguf"))
}

fn setup(name: &str) -> Setup {
    Setup { model: model(name), threads: 2, kv: KvFormat::F16 }
}

const LOSSY: [WireCodec; 4] =
    [WireCodec::F16, WireCodec::Int8, WireCodec::Int4, WireCodec::Scaled(6)];

/// Two chunks of 32 tokens, at every boundary.
fn task(codecs: &[WireCodec]) -> Task {
    let (context, chunks_max) = (32, Some(2));
    Task { text: None, context, chunks_max, codecs: codecs.to_vec(), boundaries: None }
}
