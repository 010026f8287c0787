//! The demo pair's tokenizer in its two formats.

use runtime::{Markers, ModelFile, Tokenizer};
use std::path::Path;

/// Goal: a node with a GGUF and one with a Hugging Face folder of the same tokenizer understand each
/// other. Method: the demo pair's files and the `tokenizer.json` beside them.
#[test]
fn a_gguf_and_a_tokenizer_json_mean_the_same_by_every_id() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let folder = Tokenizer::from_folder(&models).unwrap();
    for name in ["causeway-demo-target-q8_0.gguf", "causeway-demo-draft-q8_0.gguf"] {
        let gguf = ModelFile::open(&models.join(name)).unwrap().tokenizer().unwrap();
        assert_eq!(gguf.fingerprint(), folder.fingerprint(), "{name}");
        for text in ["I'd like a table for two.", "  Größe: 3 µm\n\tπ≈3.14 🚗", "<|end|>"] {
            let tokens = gguf.encode(text, Markers::AsText);
            assert_eq!(tokens, folder.encode(text, Markers::AsText), "{name}: {text}");
            assert_eq!(gguf.decode(&tokens), text, "{name}");
        }
    }
}
