//! A permutation of the vocabulary for each text: swap-or-not, which needs no more than a coin for each pair
//! (Hoang, Morris, Rogaway: An Enciphering Scheme Based on a Card Shuffle, CRYPTO 2012).

use crate::PrefixHash;
use base::TokenId;

/// Rounds for each bit of the vocabulary: the paper's bound is then far below what anybody can count.
const ROUNDS_PER_BIT: u32 = 6;

/// Keyed permutations of `0..vocab`.
#[derive(Clone)]
pub(super) struct Shuffle {
    secret: [u8; 32],
    vocab: u32,
}

/// What one text's rounds are drawn from.
struct Deck {
    key: [u8; 32],
    vocab: u32,
}

impl Shuffle {
    pub(super) const fn new(secret: [u8; 32], vocab: u32) -> Self {
        assert!(vocab > 0, "a vocabulary has tokens");
        Self { secret, vocab }
    }

    /// The id that stands for `token` after the text `before`. One that is no token stays as it is.
    pub(super) fn veiled(&self, before: PrefixHash, token: TokenId) -> TokenId {
        self.deck(before).deal(token, self.rounds())
    }

    const fn rounds(&self) -> u32 {
        ROUNDS_PER_BIT * (u32::BITS - self.vocab.leading_zeros())
    }

    fn deck(&self, before: PrefixHash) -> Deck {
        let key = *blake3::keyed_hash(&self.secret, &before.0.to_le_bytes()).as_bytes();
        Deck { key, vocab: self.vocab }
    }
}

impl std::fmt::Debug for Shuffle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shuffle(of {} tokens)", self.vocab)
    }
}

impl Deck {
    /// Each round pairs `x` with `k - x`, and a coin that the two share swaps them or not.
    fn deal(&self, token: TokenId, rounds: u32) -> TokenId {
        let TokenId(mut x) = token;
        if x >= self.vocab {
            return token;
        }
        for round in 0..rounds {
            let partner =
                (u64::from(self.vocab) + self.offset(round) - u64::from(x)) % u64::from(self.vocab);
            let partner = u32::try_from(partner).expect("below the vocabulary");
            if self.coin(round, x.max(partner)) {
                x = partner;
            }
        }
        TokenId(x)
    }

    /// `k` of a round, below the vocabulary.
    fn offset(&self, round: u32) -> u64 {
        self.draw(round, u32::MAX) % u64::from(self.vocab)
    }

    fn coin(&self, round: u32, of: u32) -> bool {
        self.draw(round, of) & 1 == 1
    }

    fn draw(&self, round: u32, of: u32) -> u64 {
        let input = (u64::from(round) << 32 | u64::from(of)).to_le_bytes();
        let [a, b, c, d, e, f, g, h, ..] = *blake3::keyed_hash(&self.key, &input).as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const BEFORE: PrefixHash = PrefixHash(7);

    /// Goal: any two tokens have two ids, below the vocabulary.
    #[test]
    fn it_permutes_vocabularies_of_any_size() {
        for vocab in [1, 2, 3, 64, 100, 4096] {
            let shuffle = Shuffle::new([1; 32], vocab);
            let mut ids = BTreeSet::new();
            for token in (0..vocab).map(TokenId) {
                let veiled = shuffle.veiled(BEFORE, token);
                assert!(veiled.0 < vocab && ids.insert(veiled.0));
            }
        }
        let shuffle = Shuffle::new([1; 32], 100);
        assert_eq!(shuffle.veiled(BEFORE, TokenId(100)), TokenId(100), "no token, no id");
    }

    /// Goal: the id of a token tells nothing without secret and text. Method: over many texts a token's ids are
    /// spread as dice are (chi squared of 64 sides, 40 a side: 63, and 121 once in 100,000 times).
    #[test]
    fn a_token_has_any_id() {
        let shuffle = Shuffle::new([2; 32], 64);
        let mut counts = [0_f64; 64];
        for text in 0..64 * 40 {
            counts[shuffle.veiled(PrefixHash(text), TokenId(5)).0 as usize] += 1.0;
        }
        let chi: f64 = counts.iter().map(|count| (count - 40.0).powi(2) / 40.0).sum();
        assert!(chi < 121.0, "{chi}");
        let other = Shuffle::new([3; 32], 64);
        let same = (0..64).filter(|token| {
            shuffle.veiled(BEFORE, TokenId(*token)) == other.veiled(BEFORE, TokenId(*token))
        });
        assert!(same.count() < 8, "another secret is another permutation");
    }
}
