//! A test drafter: a model that is right at a set rate.
//!
//! To measure what a share of right drafts is worth, apart from any draft model, the device drafts with
//! the target's own weights and errs on purpose, each token on its own and from a seed.

use crate::local_model::Next;
use base::TokenId;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// When to err.
#[derive(Debug)]
pub(crate) struct Erring {
    accept: f64,
    dice: ChaCha8Rng,
}

impl Erring {
    /// Right with the chance `accept`, 0 to 1.
    pub(crate) fn new(accept: f64, seed: u64) -> Self {
        Self { accept, dice: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The same token, or another one. How sure the drafter is of it is how often it is right.
    pub(crate) fn pass(&mut self, right: Next) -> Next {
        let TokenId(id) = right.token;
        // Every vocabulary has a token 0 and a token 1.
        let wrong = TokenId(u32::from(id == 0));
        let token = if self.dice.random::<f64>() < self.accept { right.token } else { wrong };
        #[expect(clippy::cast_possible_truncation, reason = "a share needs no more digits")]
        let probability = self.accept as f32;
        Next { token, probability }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_right_at_its_rate_and_repeats_by_its_seed() {
        let rights = |seed| -> Vec<bool> {
            let mut erring = Erring::new(0.75, seed);
            let right = |id| Next { token: TokenId(id), probability: 1.0 };
            (0..4000).map(|id| erring.pass(right(id % 7)).token == TokenId(id % 7)).collect()
        };
        let first = rights(1);
        let share = first.iter().filter(|right| **right).count();
        assert!((2900..3100).contains(&share), "{share} of 4000");
        assert_eq!(rights(1), first);
        assert_ne!(rights(2), first);
    }
}
