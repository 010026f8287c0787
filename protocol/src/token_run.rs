//! How a run of token ids is written: LEB128 varints, back to back, as one byte string.
//!
//! An id below 128 takes one byte, below 16,384 two, below 2,097,152 three. bincode's own integers
//! take three from 251 on, and ids are most of what a speculative round sends. Used as
//! `#[serde(with = "crate::token_run")]` on a `Vec<TokenId>`.
//!
//! There is one spelling for each id: padded or overlong varints are refused.

use base::TokenId;
use serde::{Deserializer, Serializer, de};
use std::fmt;

/// Bytes of the longest id.
pub(crate) const ID_LEN_MAX: usize = 5;

pub(crate) fn serialize<S: Serializer>(
    tokens: &[TokenId],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(tokens.len() * 2);
    for token in tokens {
        let mut rest = token.0;
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                bytes.push(low);
                break;
            }
            bytes.push(low | 0x80);
        }
    }
    serializer.serialize_bytes(&bytes)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<TokenId>, D::Error> {
    deserializer.deserialize_bytes(RunVisitor)
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

fn parse(bytes: &[u8]) -> Option<Vec<TokenId>> {
    let count = bytes.iter().filter(|byte| **byte < 0x80).count();
    let mut tokens = Vec::with_capacity(count);
    let mut id: u64 = 0;
    let mut len = 0;
    for byte in bytes {
        if len == ID_LEN_MAX {
            return None;
        }
        id |= u64::from(byte & 0x7f) << (7 * len);
        len += 1;
        if byte & 0x80 == 0 {
            if *byte == 0 && len > 1 {
                return None;
            }
            tokens.push(TokenId(u32::try_from(id).ok()?));
            (id, len) = (0, 0);
        }
    }
    (len == 0).then_some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Run(#[serde(with = "crate::token_run")] Vec<TokenId>);

    #[test]
    fn ids_at_every_length_boundary_come_back() {
        let ids = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, u32::MAX - 1, u32::MAX];
        let run = Run(ids.map(TokenId).to_vec());
        let bytes = codec::encode(&run).unwrap();
        assert_eq!(bytes.len(), 1 + 1 + 1 + 1 + 2 + 2 + 3 + 3 + 4 + 5 + 5);
        assert_eq!(codec::decode::<Run>(&bytes).unwrap(), run);
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (bytes, why) in [
            (&[0x80][..], "cut short"),
            (&[0x80, 0x00], "padded"),
            (&[0xff, 0xff, 0xff, 0xff, 0x1f], "33 bits"),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], "six bytes"),
        ] {
            assert_eq!(parse(bytes), None, "{why}");
        }
    }
}
