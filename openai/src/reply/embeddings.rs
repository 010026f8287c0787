//! Vectors of texts, as numbers or as the base64 (RFC 4648, 4) of their bytes.

use crate::json;
use crate::request::Encoding;
use serde::Serialize;

/// The body of an answer of `/v1/embeddings`.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingsReply {
    /// Who made them.
    pub model: String,
    /// How they are written.
    pub encoding: Encoding,
    /// One a text, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub prompt_tokens: u64,
}

impl EmbeddingsReply {
    /// Its JSON text.
    pub fn json(&self) -> String {
        let vectors = self.vectors.iter().enumerate();
        let data = vectors.map(|(index, vector)| Item {
            object: "embedding",
            index,
            embedding: match self.encoding {
                Encoding::Float => Vector::Float(vector),
                Encoding::Base64 => Vector::Base64(base64(vector)),
            },
        });
        let usage = Usage { prompt_tokens: self.prompt_tokens, total_tokens: self.prompt_tokens };
        json::text(&List { object: "list", data: data.collect(), model: &self.model, usage })
    }
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Float(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Four letters for each three bytes, the last ones filled up with `=`.
fn base64(vector: &[f32]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
