//! Tokens with the hash of each of their prefixes: two nodes compare texts of any length in one step.

use crate::PrefixHash;
use base::{Position, TokenId};

/// Tokens from position 0 on. Twelve bytes a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    tokens: Vec<TokenId>,
    /// `hashes[n]` is of the first `n` tokens; one longer than `tokens`.
    hashes: Vec<PrefixHash>,
}

impl Default for Transcript {
    fn default() -> Self {
        Self { tokens: Vec::new(), hashes: vec![PrefixHash::EMPTY] }
    }
}

impl Transcript {
    /// All tokens.
    pub fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The position after the last token.
    pub fn end(&self) -> Position {
        Position::after(self.len())
    }

    /// The token at `position`, if there is one.
    pub fn get(&self, position: usize) -> Option<TokenId> {
        self.tokens.get(position).copied()
    }

    /// Hash of the first `length` tokens, if there are so many.
    pub fn hash(&self, length: usize) -> Option<PrefixHash> {
        self.hashes.get(length).copied()
    }

    /// Appends `tokens`.
    pub fn extend(&mut self, tokens: &[TokenId]) {
        for token in tokens {
            let hash = self.hashes[self.tokens.len()].extend(&[*token]);
            self.tokens.push(*token);
            self.hashes.push(hash);
        }
    }

    /// Cuts to `length` tokens; does nothing where there are fewer.
    pub fn truncate(&mut self, length: usize) {
        self.tokens.truncate(length);
        self.hashes.truncate(length + 1);
    }

    /// How many of `tokens` equal what stands at `from` and after.
    pub fn agreement(&self, from: usize, tokens: &[TokenId]) -> usize {
        let held = self.tokens.get(from..).unwrap_or_default();
        held.iter().zip(tokens).take_while(|(a, b)| a == b).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[u32]) -> Vec<TokenId> {
        ids.iter().copied().map(TokenId).collect()
    }

    #[test]
    fn it_knows_the_hash_of_every_prefix_after_any_cut() {
        let hash = |tokens: &[u32]| Some(PrefixHash::EMPTY.extend(&ids(tokens)));
        let mut text = Transcript::default();
        text.extend(&ids(&[1, 2, 3]));
        assert_eq!(text.hash(2), hash(&[1, 2]));
        text.truncate(1);
        assert_eq!((text.len(), text.hash(1), text.hash(2)), (1, hash(&[1]), None));
        text.extend(&ids(&[7]));
        assert_eq!(text.hash(2), hash(&[1, 7]));
        assert_eq!(text.agreement(0, &ids(&[1, 9])), 1);
        assert_eq!(text.agreement(5, &ids(&[1])), 0);
    }
}
