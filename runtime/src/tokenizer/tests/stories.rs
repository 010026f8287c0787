//! The tokenizer of stories260K, trained weights that are published with a reference text.
//!
//! Needs `stories260K/` in the folder that `CAUSEWAY_DATA` names (`../shared/data` by default).

use super::sentence_piece::emulate;
use super::*;
use std::path::PathBuf;

fn data(name: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let data = std::env::var_os("CAUSEWAY_DATA").unwrap_or_else(|| default.into());
    let path = PathBuf::from(data).join("stories260K").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {}", path.display());
    None
}

fn vocabulary() -> Option<GgufVocabulary> {
    let (.., metadata) = crate::gguf::open(&data("stories260K-f32.gguf")?).unwrap();
    Some(GgufVocabulary::from_metadata(&metadata).unwrap())
}

fn stories() -> Option<Tokenizer> {
    vocabulary().map(build)
}

/// The greedy text in the model's card.
fn reference_text() -> Option<String> {
    let card = std::fs::read_to_string(data("stories260K.md")?).unwrap();
    let text = card.split_once("-t 0.0\n").unwrap().1.split_once("\n```").unwrap().0;
    Some(text.to_owned())
}

#[test]
fn the_reference_text_comes_back() {
    let (Some(tokenizer), Some(text)) = (stories(), reference_text()) else { return };
    let tokens = tokenizer.encode(&text, Markers::AsText);
    assert!(tokens.len() < text.len() / 2, "{} tokens", tokens.len());
    assert_eq!(tokenizer.decode(&tokens), text);
    let prompt = tokenizer.prompt(&text);
    assert_eq!((prompt[0], &prompt[1..]), (TokenId(1), &tokens[..]));
    let mut stream = tokenizer.stream_after(&prompt[..1]);
    let pushed: String = prompt[1..].iter().map(|&token| stream.push(token)).collect();
    assert_eq!(pushed + &stream.finish(), text);
}

/// Ids from an emulation of llama2.c's `encode` over `tok512.bin`, written in Python.
#[test]
fn ids_are_those_of_llama2_c() {
    let Some(tokenizer) = stories() else { return };
    for (text, golden) in [
        ("Once upon a time", &[403, 407, 261, 378][..]),
        (
            "Lily's mom said, \"Let's go!\"\n",
            &[317, 439, 419, 357, 336, 432, 313, 438, 316, 439, 419, 298, 414, 443, 436, 13],
        ),
        (
            "héllo ☃ 日本",
            &[270, 485, 306, 414, 410, 229, 155, 134, 410, 233, 154, 168, 233, 159, 175],
        ),
        (" two  spaces ", &[410, 259, 424, 414, 410, 262, 427, 412, 331, 419, 410]),
    ] {
        assert_eq!(tokenizer.encode(text, Markers::AsText), ids(golden), "{text:?}");
    }
    assert_eq!(tokenizer.end_tokens(), ids(&[2]));
    assert_eq!((tokenizer.vocab_size(), tokenizer.adds_bos()), (512, true));
}

/// Goal: a trained vocabulary is merged by definition. Method: random cuts of the reference text,
/// shuffled together.
#[test]
fn merging_equals_its_definition_on_a_trained_vocabulary() {
    let (Some(vocabulary), Some(text)) = (vocabulary(), reference_text()) else { return };
    let GgufVocabulary { tokens, scores, kinds, .. } = vocabulary.clone();
    let pieces = tokens.into_iter().zip(scores).zip(kinds);
    let normal: Vec<(String, f32)> =
        pieces.filter(|&(_, kind)| kind == 1).map(|(piece, _)| piece).collect();
    let tokenizer = build(vocabulary);
    let letters: Vec<char> = text.chars().collect();
    let mut random = Random(4);
    for _ in 0..200 {
        let mut cut = String::new();
        for _ in 0..1 + random.below(6) {
            let from = random.below(letters.len());
            let to = (from + random.below(25)).min(letters.len());
            cut.extend(&letters[from..to]);
        }
        if !cut.is_empty() {
            let expected = emulate(&normal, &format!(" {cut}"));
            assert_eq!(names(&tokenizer, &cut, Markers::AsText), expected, "{cut}");
        }
    }
}
