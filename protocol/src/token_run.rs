//! How a run of token ids is written: varints, back to back.
//!
//! Ids are most of what a speculative round sends, and bincode's own integers take three bytes from 251
//! on. Used as `#[serde(with = "crate::token_run")]` on a `Vec<TokenId>`, where the run is one byte
//! string.

use crate::varint;
use base::TokenId;
use serde::{Deserializer, Serializer, de};
use std::fmt;

/// Bytes of the longest id.
pub(crate) const ID_LEN_MAX: usize = varint::LEN_MAX;

pub(crate) fn serialize<S: Serializer>(
    tokens: &[TokenId],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(tokens.len() * 2);
    put(&mut bytes, tokens);
    serializer.serialize_bytes(&bytes)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<TokenId>, D::Error> {
    deserializer.deserialize_bytes(RunVisitor)
}

/// Writes a run without its length.
pub(crate) fn put(bytes: &mut Vec<u8>, tokens: &[TokenId]) {
    tokens.iter().for_each(|token| varint::put(bytes, token.0));
}

/// All of `bytes` as a run; `None` where they are none.
pub(crate) fn parse(mut bytes: &[u8]) -> Option<Vec<TokenId>> {
    let mut tokens = Vec::with_capacity(varint::count(bytes));
    while !bytes.is_empty() {
        tokens.push(TokenId(varint::take(&mut bytes)?));
    }
    Some(tokens)
}

struct RunVisitor;

impl de::Visitor<'_> for RunVisitor {
    type Value = Vec<TokenId>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("token ids as varints")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        parse(bytes).ok_or_else(|| E::custom("token id is not a varint of at most 32 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Run(#[serde(with = "crate::token_run")] Vec<TokenId>);

    #[test]
    fn a_run_is_a_byte_string_and_comes_back() {
        let run = Run([0, 127, 128, 16_384, u32::MAX].map(TokenId).to_vec());
        let bytes = codec::encode(&run).unwrap();
        assert_eq!(bytes.len(), 1 + 1 + 1 + 2 + 3 + 5);
        assert_eq!(codec::decode::<Run>(&bytes).unwrap(), run);
    }

    #[test]
    fn a_run_that_ends_within_an_id_is_refused() {
        assert_eq!(parse(&[5, 0x80]), None);
    }
}
