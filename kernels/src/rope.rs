//! Rotary position embedding.
//!
//! Su et al. 2021 (arXiv:2104.09864). Pair `i` of a head is turned by `position * frequency[i]`.
//! Which two elements make a pair is a property of the weights: the wrong layout gives fluent
//! nonsense, not an error.

use crate::trigonometry::{ANGLE_MAX, sin_cos};

/// Which elements of a head make pair `i` of `R / 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// Elements `2 i` and `2 i + 1`: Llama weights in GGUF files.
    Interleaved,
    /// Elements `i` and `i + R / 2`: weights in Hugging Face folders.
    HalfSplit,
}

/// Cosines and sines of every pair at every position.
#[derive(Clone, Debug)]
pub struct RopeTable {
    /// `[P, R / 2]` pairs `(cos, sin)`.
    turns: Vec<(f32, f32)>,
    pairs: usize,
}

impl RopeTable {
    /// A table for the positions `0..positions`, with `inverse_frequencies[i]` the angle, in
    /// radians, by which pair `i` turns from one position to the next.
    ///
    /// Computed in double precision with this crate's own sine and cosine, rounded once: the same
    /// bits on every platform. The rotary width `R` is twice the number of frequencies.
    ///
    /// # Panics
    ///
    /// Where a frequency is negative or not finite, or an angle exceeds 2^20.
    #[must_use]
    pub fn new(inverse_frequencies: &[f32], positions: usize) -> Self {
        let mut turns = Vec::with_capacity(positions * inverse_frequencies.len());
        for position in 0..positions {
            #[expect(clippy::cast_precision_loss, reason = "positions are far below 2^52")]
            let position = position as f64;
            turns.extend(inverse_frequencies.iter().map(|&frequency| {
                let angle = position * f64::from(frequency);
                assert!((0.0..=ANGLE_MAX).contains(&angle), "angle {angle} is out of range");
                narrow(sin_cos(angle))
            }));
        }
        Self { turns, pairs: inverse_frequencies.len() }
    }

    /// Number of positions, `P`.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.turns.len().checked_div(self.pairs).unwrap_or(0)
    }

    fn at(&self, position: u32) -> &[(f32, f32)] {
        let position = usize::try_from(position).expect("usize has 32 bits at least");
        assert!(position < self.positions(), "position {position} of {}", self.positions());
        &self.turns[position * self.pairs..][..self.pairs]
    }
}

/// `(sin, cos)` as the table stores it.
#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the point")]
fn narrow((sin, cos): (f64, f64)) -> (f32, f32) {
    (cos as f32, sin as f32)
}

/// Turns queries or keys in place: `x` is `[T, H, E]` with `E` the `head_width`, row `t` is at
/// `positions[t]`.
///
/// Elements of a head beyond the rotary width stay as they are. A pair `(a, b)` becomes
/// `(a cos - b sin, a sin + b cos)`, each product and sum rounded on its own.
///
/// # Panics
///
/// Where `x` is not `[T, H, E]`, the rotary width exceeds `E`, or a position is not in the table.
pub fn rope(
    x: &mut [f32],
    heads: usize,
    head_width: usize,
    positions: &[u32],
    table: &RopeTable,
    layout: RopeLayout,
) {
    let rotary = 2 * table.pairs;
    assert_eq!(x.len(), positions.len() * heads * head_width, "x is [T, H, E]");
    assert!(rotary <= head_width, "rotary width {rotary} exceeds head width {head_width}");
    if x.is_empty() {
        return;
    }
    for (row, &position) in x.chunks_exact_mut(heads * head_width).zip(positions) {
        let turns = table.at(position);
        for head in row.chunks_exact_mut(head_width) {
            match layout {
                RopeLayout::Interleaved => turn_neighbours(&mut head[..rotary], turns),
                RopeLayout::HalfSplit => turn_halves(&mut head[..rotary], turns),
            }
        }
    }
}

fn turn_neighbours(head: &mut [f32], turns: &[(f32, f32)]) {
    for ([a, b], &turn) in head.as_chunks_mut().0.iter_mut().zip(turns) {
        (*a, *b) = turned(*a, *b, turn);
    }
}

fn turn_halves(head: &mut [f32], turns: &[(f32, f32)]) {
    let (first, second) = head.split_at_mut(turns.len());
    for ((a, b), &turn) in first.iter_mut().zip(second).zip(turns) {
        (*a, *b) = turned(*a, *b, turn);
    }
}

#[inline(always)]
fn turned(a: f32, b: f32, (cos, sin): (f32, f32)) -> (f32, f32) {
    (a * cos - b * sin, a * sin + b * cos)
}
