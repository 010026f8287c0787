//! How a token is chosen from logits: a pure function of logits, what is allowed, sampling parameters and
//! position.
//!
//! ```text
//! y = argmax over the survivors of  (z[v] − max z) / T + G(seed, position, v)
//! ```
//!
//! `G` is standard Gumbel noise, so `y` is an exact sample of `softmax(z / T)` over the survivors
//! of top-k and top-p. Draft and target share seed and position and thereby the noise: they agree as
//! often as their distributions are alike, and verifying a draft takes nothing but token ids
//! (Daliri, Musco, Suresh 2024, arXiv:2408.07978).
//!
//! # Invariants
//!
//! - **No state.** A position can be chosen again, after a rollback or elsewhere, with one result.
//! - **No platform mathematics.** Only integer operations and IEEE `+ - * /` and comparisons on
//!   `f64` in a fixed order, never contracted: every platform computes the same bits.
//! - **No noise is used twice.** Every (seed, position, token) has its own draw.

mod gumbel;
mod philox;
mod probability;
mod survivors;
#[cfg(test)]
mod tests;

use base::{Allowed, Position, Sampling, TokenId};
pub use probability::{likelihoods, probability};
use std::borrow::Cow;

/// Logits from which nothing can be chosen. The model or the node that ran it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// There are no logits.
    #[error("no logits to choose the token at position {position} from")]
    Empty {
        /// Of the token to be chosen.
        position: Position,
    },
    /// A logit is not a number.
    #[error("the logit of token {} at position {position} is not a number", token.0)]
    NotANumber {
        /// Of the token to be chosen.
        position: Position,
        /// The lowest token id with such a logit.
        token: TokenId,
    },
    /// Every logit of a token that is allowed is negative infinity.
    #[error("every logit of a token that is allowed at position {position} is negative infinity")]
    NoCandidate {
        /// Of the token to be chosen.
        position: Position,
    },
}

/// Chooses the token that stands at `position`, from `logits` of shape `[V]`, among those that are
/// `allowed`: the logits of all others are taken for negative infinity.
///
/// Temperature zero takes the largest logit. Ties go to the lowest token id everywhere. A logit of
/// positive infinity beats every finite one; negative infinity is never chosen.
///
/// Top-k keeps the first `k` tokens in the order (logit descending, id ascending). Top-p then keeps
/// the shortest beginning of that order whose share of what top-k left is at least `p`; weights
/// are `⌊2^32 · exp((z − max z) / T)⌋`, so tokens 2^32 times less likely than the first are cut by
/// any `p` below 1.
///
/// Costs O(V) and, with top-p, O(V log V); noise is computed where it can still win.
///
/// # Errors
///
/// [`SampleError`] where there is no logit, one of an allowed token is NaN, or all of these are negative
/// infinity.
pub fn choose(
    logits: &[f32],
    allowed: &Allowed,
    sampling: &Sampling,
    position: Position,
) -> Result<TokenId, SampleError> {
    let logits = &*masked(logits, allowed);
    let likeliest = likeliest(logits, position)?;
    if sampling.temperature() == 0.0 {
        return Ok(likeliest);
    }
    let scale = Scale::new(logits, likeliest, sampling.temperature());
    let mut race = Race::start(Noise::new(sampling.seed(), position), likeliest);
    match survivors::survivors(&scale, sampling) {
        None => scale.tokens().for_each(|token| race.enter(token, scale.of(token))),
        Some(tokens) => tokens.into_iter().for_each(|token| race.enter(token, scale.of(token))),
    }
    Ok(race.winner)
}

/// `logits`, with negative infinity for each token that is not allowed.
fn masked<'a>(logits: &'a [f32], allowed: &Allowed) -> Cow<'a, [f32]> {
    let Allowed::Only(tokens) = allowed else { return Cow::Borrowed(logits) };
    let logit = |(token, &logit)| if tokens.contains(token) { logit } else { f32::NEG_INFINITY };
    (0..).map(TokenId).zip(logits).map(logit).collect()
}

/// The largest logit's lowest token.
fn likeliest(logits: &[f32], position: Position) -> Result<TokenId, SampleError> {
    let mut best: Option<(TokenId, f32)> = None;
    for (token, &logit) in (0..).map(TokenId).zip(logits) {
        if logit.is_nan() {
            return Err(SampleError::NotANumber { position, token });
        }
        if best.is_none_or(|(_, most)| logit > most) {
            best = Some((token, logit));
        }
    }
    match best {
        None => Err(SampleError::Empty { position }),
        Some((_, f32::NEG_INFINITY)) => Err(SampleError::NoCandidate { position }),
        Some((token, _)) => Ok(token),
    }
}

/// Logits as `(z − max z) / T`: zero for the likeliest, negative for the others.
struct Scale<'a> {
    logits: &'a [f32],
    most: f32,
    temperature: f64,
}

impl<'a> Scale<'a> {
    fn new(logits: &'a [f32], likeliest: TokenId, temperature: f32) -> Self {
        let most = logits[likeliest.0 as usize];
        Self { logits, most, temperature: f64::from(temperature) }
    }

    fn tokens(&self) -> impl Iterator<Item = TokenId> + use<> {
        // A slice of f32 has fewer than 2^62 entries; a vocabulary far fewer than 2^32.
        (0..u32::try_from(self.logits.len()).unwrap_or(u32::MAX)).map(TokenId)
    }

    fn of(&self, token: TokenId) -> f64 {
        let logit = self.logits[token.0 as usize];
        if logit == self.most {
            return 0.0; // also where both are infinite
        }
        (f64::from(logit) - f64::from(self.most)) / self.temperature
    }
}

/// The noise of one position.
struct Noise {
    key: [u32; 2],
    position: u32,
    /// The counter block computed last, and its four words: two tokens share a block.
    block: Option<(u32, [u32; 4])>,
}

impl Noise {
    fn new(seed: u64, position: Position) -> Self {
        Self { key: philox::words(seed), position: position.0, block: None }
    }

    /// 64 random bits: half `v mod 2` of Philox block (⌊v / 2⌋, position, 0, 0) under the seed.
    fn bits(&mut self, token: TokenId) -> u64 {
        let index = token.0 / 2;
        let words = match self.block {
            Some((at, words)) if at == index => words,
            _ => philox::philox4x32([index, self.position, 0, 0], self.key),
        };
        self.block = Some((index, words));
        let [a, b, c, d] = words.map(u64::from);
        if token.0.is_multiple_of(2) { a << 32 | b } else { c << 32 | d }
    }
}

/// The argmax of scaled logit plus noise, over the tokens entered so far.
struct Race {
    noise: Noise,
    winner: TokenId,
    score: f64,
}

impl Race {
    /// The likeliest token survives every truncation, and a high score early spares noise later.
    fn start(mut noise: Noise, likeliest: TokenId) -> Self {
        let score = gumbel::gumbel(noise.bits(likeliest));
        Self { noise, winner: likeliest, score }
    }

    fn enter(&mut self, token: TokenId, scaled: f64) {
        // Exact pruning: both bounds lie above every score that this token could reach.
        if token == self.winner || scaled + gumbel::MAX < self.score {
            return;
        }
        let bits = self.noise.bits(token);
        if scaled + gumbel::ceiling(bits) < self.score {
            return;
        }
        let score = scaled + gumbel::gumbel(bits);
        if score > self.score || (score == self.score && token < self.winner) {
            self.score = score;
            self.winner = token;
        }
    }
}
