//! Which tokens may stand at a position: what a grammar leaves a sampler to choose from.

use crate::TokenId;
use std::sync::Arc;

/// Which tokens may stand at a position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Allowed {
    /// Any token.
    #[default]
    Any,
    /// These alone.
    Only(TokenSet),
}

/// Some tokens of a vocabulary. Clones share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSet {
    words: Arc<[u32]>,
}

impl Allowed {
    /// Whether `token` may stand there.
    pub fn permits(&self, token: TokenId) -> bool {
        match self {
            Self::Any => true,
            Self::Only(tokens) => tokens.contains(token),
        }
    }
}

impl TokenSet {
    /// Bit `i` of word `w` stands for token `32 w + i`; what is past the last word is not in it.
    pub fn from_words(words: impl Into<Arc<[u32]>>) -> Self {
        Self { words: words.into() }
    }

    /// Whether `token` is in it.
    pub fn contains(&self, token: TokenId) -> bool {
        let word = self.words.get(token.0 as usize / 32);
        word.is_some_and(|word| word >> (token.0 % 32) & 1 == 1)
    }
}

/// For sets that are listed: of a vocabulary, words are.
impl FromIterator<TokenId> for TokenSet {
    fn from_iter<I: IntoIterator<Item = TokenId>>(tokens: I) -> Self {
        let mut words = Vec::new();
        for TokenId(token) in tokens {
            let word = token as usize / 32;
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            words[word] |= 1 << (token % 32);
        }
        Self::from_words(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_it_was_made_of_and_nothing_else() {
        let tokens = [0, 31, 32, 63, 95].map(TokenId);
        let set: TokenSet = tokens.into_iter().collect();
        let only = Allowed::Only(set.clone());
        for token in (0..200).map(TokenId) {
            assert_eq!(set.contains(token), tokens.contains(&token), "{token:?}");
            assert_eq!(only.permits(token), tokens.contains(&token), "{token:?}");
            assert!(Allowed::Any.permits(token));
        }
        assert_eq!(TokenSet::from_words([1 << 31 | 1, 1 | 1 << 31, 1 << 31]), set);
        assert!(!TokenSet::from_iter([]).contains(TokenId(0)));
    }
}
