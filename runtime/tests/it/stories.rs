//! Real weights: the 260K-parameter TinyStories model and its author's own greedy text.

use crate::chain::{Chain, argmax};
use crate::places;
use base::TokenId;
use runtime::ModelFile;
use std::path::Path;

const BOS: TokenId = TokenId(1);
/// How many tokens the reference program ran for.
const STEPS: usize = 256;

/// The published text is of `run.c` at temperature zero, from the same weights.
#[test]
fn greedy_text_equals_the_published_one_whole_and_split() {
    let Some(folder) = places::data("stories260K") else { return };
    let published = std::fs::read_to_string(folder.join("stories260K.md")).unwrap();
    let (_, sample) = published.split_once("-t 0.0\n").unwrap();
    let (sample, _) = sample.split_once("\n```").unwrap();
    assert!(sample.starts_with("Once upon a time") && sample.len() > 500);

    let pieces = pieces(&folder.join("tok512.bin"));
    let file = ModelFile::open(&folder.join("stories260K-f32.gguf")).unwrap();
    let ids = greedy(Chain::new(&file, &[]));
    assert_eq!(text(&pieces, &ids).trim_end(), sample.trim_end());
    assert_eq!(file.tokenizer().unwrap().decode(&ids).trim(), sample.trim());
    for first in 1..file.config().layers {
        for second in first..=file.config().layers {
            assert_eq!(greedy(Chain::new(&file, &[first, second])), ids, "{first}, {second}");
        }
    }
}

/// Tokens after BOS until BOS comes again or the steps are over.
fn greedy(mut chain: Chain) -> Vec<TokenId> {
    let mut ids = Vec::new();
    let mut token = BOS;
    while ids.len() < STEPS {
        token = argmax(&chain.logits(&[token]));
        if token == BOS {
            break;
        }
        ids.push(token);
    }
    ids
}

/// The vocabulary in the reference program's own format: the longest piece's length, then for each
/// piece a score, a length and bytes.
fn pieces(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = &bytes[4..];
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        pieces.push(String::from_utf8_lossy(&rest[8..8 + len]).into_owned());
        rest = &rest[8 + len..];
    }
    pieces
}

/// Joined pieces, without the space that the first word begins with, and with `<0x0A>` and its
/// like as bytes.
fn text(pieces: &[String], ids: &[TokenId]) -> String {
    let mut bytes = Vec::new();
    for id in ids {
        let piece = pieces[id.0 as usize].as_str();
        let byte = piece.strip_prefix("<0x").and_then(|piece| piece.strip_suffix('>'));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(piece.as_bytes()),
        }
    }
    String::from_utf8(bytes).unwrap().trim_start().to_owned()
}
