//! What is said of a model without loading it, beside what is loaded.

use base::{ByteCount, KvFormat, LayerRange};
use kernels::Pool;
use runtime::{GgufVocabulary, KvOptions, ModelFile, StageSpec, Tokenizer, TokenizerKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn target() -> ModelFile {
    ModelFile::open(&models().join("causeway-demo-target-q8_0.gguf")).unwrap()
}

#[test]
fn the_parts_of_a_model_add_up_to_its_weights() {
    let model = target();
    let (layers, facts) = (model.config().layers, model.facts().unwrap());
    assert_eq!(facts.architecture, "llama");
    let of = |start, end, embedding, head| {
        let layers = LayerRange::new(start, end).unwrap();
        model.weight_bytes(StageSpec { layers, embedding, head }).unwrap()
    };
    let whole = of(0, layers, true, true);
    assert_eq!(whole, facts.bytes());
    let each: ByteCount = (0..layers).map(|layer| of(layer, layer + 1, false, false)).sum();
    assert_eq!(each, of(0, layers, false, false));
    // A tied embedding counts once as a whole, and at either end.
    let (embedding, head) = (of(0, 0, true, false), of(0, 0, false, true));
    let both = of(0, 0, true, true);
    assert!(if model.config().tied { both == head } else { both == embedding + head });
    assert_eq!(each + both, whole);
    assert!(model.weight_bytes(StageSpec::whole(layers + 1)).is_err());
}

#[test]
fn what_is_said_of_memory_is_what_a_stage_takes() {
    let model = target();
    let layers = LayerRange::new(1, 4).unwrap();
    let spec = StageSpec { layers, embedding: false, head: false };
    let stage = model.load_stage(spec, &Arc::new(Pool::new(1).unwrap())).unwrap();
    for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let options = KvOptions { format, ..KvOptions::default() };
        assert_eq!(model.kv_bytes(layers, &options, 1_000), stage.kv_bytes(&options, 1_000, 0));
    }
    // A stage does not count its norms, which are small.
    let (said, taken) = (model.weight_bytes(spec).unwrap(), stage.weight_bytes());
    assert!(said >= taken && (said - taken).0 < taken.0 / 100, "{said} and {taken}");
}

#[test]
fn tensors_are_counted_by_kind_and_format() {
    let model = target();
    let facts = model.facts().unwrap();
    let layers = model.config().layers as usize;
    let queries = facts.tensors.iter().find(|kind| kind.name == "blk.*.attn_q.weight").unwrap();
    assert_eq!((queries.count, queries.format), (layers, "Q8_0"));
    let width = model.config().width as u64;
    assert_eq!(queries.values, layers as u64 * width * width);
    assert!(facts.parameters() > queries.values);
}

#[test]
fn vocabularies_differ_where_a_token_means_something_else() {
    let target = target().tokenizer().unwrap();
    let draft = ModelFile::open(&models().join("causeway-demo-draft-q8_0.gguf")).unwrap();
    assert_eq!(target.differences(&draft.tokenizer().unwrap(), 9), []);

    let pieces = |names: &[&str]| {
        let tokens: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let (model, scores) = ("llama".to_owned(), vec![0.0; tokens.len()]);
        let unk = Some(0);
        let vocabulary = GgufVocabulary { model, tokens, scores, unk, ..GgufVocabulary::default() };
        Tokenizer::from_vocabulary(vocabulary).unwrap()
    };
    let ours = pieces(&["<unk>", "a", "b", "c"]);
    let theirs = pieces(&["<unk>", "a", "x"]);
    assert_eq!(ours.kind(), TokenizerKind::SentencePiece);
    let differences = ours.differences(&theirs, 9);
    let words = differences.iter().map(|it| (it.token.0, it.ours.as_deref(), it.theirs.as_deref()));
    assert_eq!(words.collect::<Vec<_>>(), [(2, Some("b"), Some("x")), (3, Some("c"), None)]);
    assert_eq!(ours.differences(&theirs, 1).len(), 1);
    assert_ne!(ours.fingerprint(), theirs.fingerprint());
}

#[test]
fn a_template_knows_tools_where_it_asks_for_them() {
    let knows = |template: &str| {
        let vocabulary = GgufVocabulary {
            model: "llama".to_owned(),
            tokens: vec!["<unk>".to_owned(), "a".to_owned()],
            scores: vec![0.0; 2],
            chat_template: Some(template.to_owned()),
            ..GgufVocabulary::default()
        };
        Tokenizer::from_vocabulary(vocabulary).unwrap().knows_tools()
    };
    assert!(knows("{% if tools %}{{ tools | tojson }}{% endif %}"));
    assert!(!knows("{# tools #}{% set tools = [] %}tools {{ messages }}{{ tools }}"));
    assert!(!knows("{% if tools"));
}

#[test]
fn the_files_that_a_folder_lacks_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = || {
        let paths = ModelFile::missing_files(folder.path()).unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        paths.into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(missing(), ["config.json", "tokenizer.json", "model.safetensors"]);
    let index = r#"{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}"#;
    std::fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    std::fs::write(folder.path().join("model-00001-of-00002.safetensors"), "").unwrap();
    std::fs::write(folder.path().join("config.json"), "{}").unwrap();
    assert_eq!(missing(), ["tokenizer.json", "model-00002-of-00002.safetensors"]);
    let file = folder.path().join("none.gguf");
    assert_eq!(ModelFile::missing_files(&file).unwrap(), [file]);
}
