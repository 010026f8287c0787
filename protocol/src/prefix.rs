//! A hash of the tokens before a position: do two nodes speak of the same text?
//!
//! `h(empty) = 0x9e3779b97f4a7c15`, `h(t_0..t_n) = mix(h(t_0..t_(n-1)) + t_n + 1)` in 64-bit wrapping
//! arithmetic, with the finalizer of SplitMix64 as `mix` (Steele, Lea, Flood 2014: a bijection, so
//! that two prefixes that differ in one token always differ in their hash). It guards against
//! mistakes and lost state; it is not a cryptographic hash and nothing relies on it for safety.

use base::TokenId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Hash of a token prefix, extended token by token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PrefixHash(pub u64);

impl PrefixHash {
    /// The hash of no tokens.
    pub const EMPTY: Self = Self(0x9e37_79b9_7f4a_7c15);

    /// The hash of this prefix followed by `tokens`.
    #[must_use]
    pub fn extend(self, tokens: &[TokenId]) -> Self {
        tokens.iter().fold(self, |hash, token| {
            Self(mix(hash.0.wrapping_add(u64::from(token.0)).wrapping_add(1)))
        })
    }

    /// The 32 bits of it that every pass carries.
    pub const fn check(self) -> PrefixCheck {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        PrefixCheck([a, b, c, d])
    }
}

impl fmt::Debug for PrefixHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrefixHash({:016x})", self.0)
    }
}

/// Always eight bytes on the wire: a variable-length integer would take nine.
impl Serialize for PrefixHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_le_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PrefixHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 8]>::deserialize(deserializer).map(|bytes| Self(u64::from_le_bytes(bytes)))
    }
}

/// The low 32 bits of a [`PrefixHash`]. Enough where a difference is a mistake already; a resume,
/// where differences are common, compares all 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrefixCheck(pub [u8; 4]);

/// The finalizer of SplitMix64.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extending_by_parts_equals_extending_at_once() {
        let tokens: Vec<TokenId> = (0..50).map(|i| TokenId(i * 77 % 4096)).collect();
        for cut in 0..=tokens.len() {
            let (head, tail) = tokens.split_at(cut);
            assert_eq!(
                PrefixHash::EMPTY.extend(head).extend(tail),
                PrefixHash::EMPTY.extend(&tokens)
            );
        }
    }

    #[test]
    fn order_length_and_every_token_count() {
        let hash = |ids: &[u32]| {
            PrefixHash::EMPTY.extend(&ids.iter().copied().map(TokenId).collect::<Vec<_>>())
        };
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[0]), hash(&[]));
        assert_ne!(hash(&[0, 0]), hash(&[0]));
        assert_ne!(hash(&[7, 1]), hash(&[8, 1]));
        // The values are part of the wire.
        assert_eq!(hash(&[]).0, 0x9e37_79b9_7f4a_7c15);
    }
}
