//! Hugging Face folders, against the `tokenizers` crate's own encoding of the same file.

use super::*;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content.to_string()).unwrap();
    }
    folder
}

fn added(id: u32, content: &str, special: bool) -> Value {
    json!({ "id": id, "content": content, "special": special, "single_word": false,
        "lstrip": false, "rstrip": false, "normalized": false })
}

/// SentencePiece as Hugging Face converts it; `prefix` fills in normalizer and pre-tokenizer.
fn sentence_piece_json(prefix: &Value) -> Value {
    let mut vocabulary = serde_json::Map::new();
    let mut add = |name: &str| {
        let id = vocabulary.len();
        vocabulary.insert(name.to_owned(), id.into());
    };
    ["<unk>", "<s>", "</s>"].into_iter().for_each(&mut add);
    (0..=u8::MAX).for_each(|byte| add(&format!("<0x{byte:02X}>")));
    ["▁", "a", "b", "é", "ab", "▁a", "▁ab", "aa", "bé"].into_iter().for_each(&mut add);
    let mut json = json!({
        "version": "1.0", "truncation": null, "padding": null, "post_processor": {
            "type": "TemplateProcessing",
            "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } },
                { "Sequence": { "id": "A", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } },
                { "Sequence": { "id": "B", "type_id": 0 } }],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [1], "tokens": ["<s>"] } },
        },
        "added_tokens": [added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true),
            added(268, "<|end|>", true), added(269, "<tool>", false)],
        "model": { "type": "BPE", "dropout": null, "unk_token": "<unk>", "fuse_unk": true,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "byte_fallback": true, "ignore_merges": false, "vocab": vocabulary,
            "merges": ["a b", "▁ a", "▁ ab", "▁a b", "a a", "b é"] },
    });
    let fields = prefix.as_object().unwrap().clone();
    json.as_object_mut().unwrap().extend(fields);
    json
}

fn by_normalizer() -> Value {
    json!({
        "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" }] },
        "pre_tokenizer": null,
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " },
            { "type": "ByteFallback" }, { "type": "Fuse" },
            { "type": "Strip", "content": " ", "start": 1, "stop": 0 }] },
    })
}

fn by_metaspace(scheme: &str) -> Value {
    let metaspace = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme,
        "split": false });
    json!({ "normalizer": null, "pre_tokenizer": metaspace, "decoder": metaspace })
}

fn byte_level_json() -> Value {
    let letters = tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet();
    let mut letters: Vec<String> = letters.into_iter().map(String::from).collect();
    letters.sort_unstable();
    letters.extend(["Ġa", "ab", "Ġab", "bb", "abb"].map(str::to_owned));
    let vocabulary: serde_json::Map<String, Value> =
        letters.into_iter().enumerate().map(|(id, name)| (name, id.into())).collect();
    let mut start = added(261, "<|begin_of_text|>", true);
    start["rstrip"] = true.into();
    json!({
        "normalizer": null, "post_processor": null, "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
            "use_regex": true },
        "added_tokens": [start, added(262, "<|eot_id|>", true), added(263, "<think>", false)],
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": "\\p{N}{1,3}| ?\\p{L}+|\\s+(?!\\S)|\\s+" },
                "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": false }] },
        "model": { "type": "BPE", "vocab": vocabulary, "ignore_merges": true,
            "merges": [["Ġ", "a"], ["a", "b"], ["Ġ", "ab"], ["b", "b"]] },
    })
}

/// Goal: the same tokens as the file's own library. Method: random texts with markers in them.
#[test]
fn encoding_equals_the_tokenizers_crate() {
    for (name, json) in [
        ("prepend", sentence_piece_json(&by_normalizer())),
        ("always", sentence_piece_json(&by_metaspace("always"))),
        ("first", sentence_piece_json(&by_metaspace("first"))),
        ("never", sentence_piece_json(&by_metaspace("never"))),
        ("byte level", byte_level_json()),
    ] {
        let folder = folder(&[("tokenizer.json", json.clone())]);
        let ours = Tokenizer::from_folder(folder.path()).unwrap();
        let theirs = tokenizers::Tokenizer::from_bytes(json.to_string()).unwrap();
        let mut random = Random(3);
        let parts = [
            "a",
            "b",
            "é",
            " ",
            "☃",
            "1",
            "\n",
            "ab",
            "<s>",
            "<|end|>",
            "<|eot_id|>",
            "<think>",
            "<tool>",
            "<|begin_of_text|>",
        ];
        for _ in 0..1500 {
            let text: String =
                (0..random.below(10)).map(|_| parts[random.below(parts.len())]).collect();
            let expected = theirs.encode(text.as_str(), false).unwrap();
            let actual = ours.encode(&text, Markers::Parse);
            assert_eq!(actual, ids(expected.get_ids()), "{name}: {text:?}");
            let hidden = ours.decode(&ours.encode(&text, Markers::AsText));
            let keeps_space = name != "always" && name != "first" || !text.starts_with(' ');
            assert!(!keeps_space || hidden == text, "{name}: {text:?} {hidden:?}");
        }
    }
}

#[test]
fn special_tokens_come_from_the_files_around_it() {
    let json = sentence_piece_json(&by_normalizer());
    let settings = json!({
        "bos_token": { "content": "<s>", "lstrip": false }, "eos_token": "</s>",
        "chat_template": [{ "name": "tool_use", "template": "no" },
            { "name": "default", "template": "{{ bos_token }}{{ messages[0].content }}<|end|>" }],
    });
    let open = |files: &[(&str, Value)]| Tokenizer::from_folder(folder(files).path()).unwrap();
    let alone = open(&[("tokenizer.json", json.clone())]);
    assert_eq!((alone.bos(), alone.adds_bos()), (Some(TokenId(1)), true));
    assert_eq!(alone.end_tokens(), ids(&[268]));

    let tokenizer = open(&[("tokenizer.json", json.clone()), ("tokenizer_config.json", settings)]);
    assert_eq!(tokenizer.end_tokens(), ids(&[2, 268]));
    let turn = Turn::said("user", "ab");
    assert_eq!(tokenizer.chat(&[turn]).unwrap(), ids(&[1, 265, 268]));
    assert_eq!(tokenizer.vocab_size(), 270);
    assert_eq!(tokenizer.decode(&ids(&[1, 265, 269, 265, 268])), "ab<tool>ab");

    let without = json!({ "bos_token": "<s>", "add_bos_token": false });
    let tokenizer = open(&[
        ("tokenizer.json", json.clone()),
        ("tokenizer_config.json", without),
        ("generation_config.json", json!({ "eos_token_id": [260, 2] })),
        ("config.json", json!({ "eos_token_id": 261 })),
    ]);
    assert!(!tokenizer.adds_bos());
    assert_eq!(tokenizer.end_tokens(), ids(&[2, 260, 268]));
    let tokenizer =
        open(&[("tokenizer.json", json), ("config.json", json!({ "eos_token_id": 261 }))]);
    assert_eq!(tokenizer.end_tokens(), ids(&[261, 268]));
}

#[test]
fn a_fingerprint_follows_meaning_and_not_layout() {
    let json = byte_level_json();
    let open = |json: &Value| {
        Tokenizer::from_folder(folder(&[("tokenizer.json", json.clone())]).path()).unwrap()
    };
    let mut other = json.clone();
    other["post_processor"] = json!({ "type": "ByteLevel" });
    *other.pointer_mut("/model/ignore_merges").unwrap() = json!(false);
    assert_eq!(open(&json).fingerprint(), open(&other).fingerprint());
    for (pointer, value) in
        [("/model/vocab/ab", json!(300)), ("/added_tokens/1/special", json!(false))]
    {
        let mut other = json.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_ne!(open(&json).fingerprint(), open(&other).fingerprint(), "{pointer}");
    }
}

#[test]
fn files_that_ask_for_what_is_not_known_are_refused() {
    let check = |expected: &str, pointer: &str, value: Value| {
        let mut json = sentence_piece_json(&by_normalizer());
        *json.pointer_mut(pointer).unwrap() = value;
        let error = refusal(&[("tokenizer.json", json)]);
        assert!(error.contains(expected), "{error}");
    };
    check("model type \"Unigram\" is unknown; known are BPE", "/model/type", json!("Unigram"));
    check("depend on chance", "/model/dropout", json!(0.1));
    check("word suffixes are not known", "/model/end_of_word_suffix", json!("</w>"));
    check("decoder \"\\\"WordPiece\\\"\" is unknown", "/decoder", json!({ "type": "WordPiece" }));
    check("normalizer is not known", "/normalizer", json!({ "type": "New" }));
    check("\"<s>\" is single_word", "/added_tokens/1/single_word", json!(true));
    check("merge 0 (\"a x\")", "/model/merges/0", json!("a x"));
    check("merge 2 (\"ax\")", "/model/merges/2", json!("ax"));
    check("not a map from pieces to ids", "/model/vocab", json!([["a", 0.0]]));
    check("number of pieces is 4294967296", "/model/vocab/a", json!(u32::MAX));
    check("tokenizer.json does not parse", "/model/merges", json!(7));
}

#[test]
fn missing_and_broken_files_are_named() {
    let error = refusal(&[]);
    assert!(error.starts_with("cannot read") && error.ends_with("tokenizer.json"), "{error}");
    let error = refusal(&[("tokenizer.json", byte_level_json()), ("config.json", json!([]))]);
    assert!(error.ends_with("config.json does not parse"), "{error}");
    let ends = json!({ "eos_token_id": 264 });
    let error = refusal(&[("tokenizer.json", byte_level_json()), ("config.json", ends)]);
    assert_eq!(error, "EOS is token 264, but the vocabulary has 264 pieces");
}

/// Why a folder with these files has no tokenizer.
fn refusal(files: &[(&str, Value)]) -> String {
    let error = Tokenizer::from_folder(folder(files).path()).unwrap_err();
    std::error::Error::source(&error).unwrap().to_string()
}
