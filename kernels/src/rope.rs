//! Rotary position embedding.
//!
//! Su et al. 2021 (arXiv:2104.09864). Pair `i` of a head is turned by `position * frequency[i]`.
//! Which two elements make a pair is a property of the weights: the wrong layout gives fluent
//! nonsense, not an error.

use crate::disjoint::Disjoint;
use crate::pool::Pool;
use crate::share::share_rows;
use crate::table::{self, Table};
use crate::trigonometry::{ANGLE_MAX, sin_cos};

/// Which elements of a head make pair `i` of `R / 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopeLayout {
    /// Elements `2 i` and `2 i + 1`: Llama weights in GGUF files.
    Interleaved,
    /// Elements `i` and `i + R / 2`: weights in Hugging Face folders.
    HalfSplit,
}

/// Cosines and sines of every pair at the positions of a pass's rows.
#[derive(Clone, Debug)]
pub struct RopeTurns {
    /// `[T, R / 2]` each.
    cosines: Vec<f32>,
    sines: Vec<f32>,
    pairs: usize,
}

impl RopeTurns {
    /// The turns of rows at `positions`, with `inverse_frequencies[i]` the angle, in radians, by which
    /// pair `i` turns from one position to the next.
    ///
    /// Computed in double precision with this crate's own sine and cosine, rounded once: the same
    /// bits on every platform, and as exact at position 2^32 as at 0. All layers of a pass share them.
    /// The rotary width `R` is twice the number of frequencies.
    ///
    /// # Panics
    ///
    /// Where a frequency is negative or not finite, or an angle exceeds 2^32.
    #[must_use]
    pub fn new(inverse_frequencies: &[f32], positions: &[u32]) -> Self {
        let pairs = inverse_frequencies.len();
        let mut turns = Self { cosines: Vec::new(), sines: Vec::new(), pairs };
        turns.cosines.reserve_exact(positions.len() * pairs);
        turns.sines.reserve_exact(positions.len() * pairs);
        for &position in positions {
            for &frequency in inverse_frequencies {
                let angle = f64::from(position) * f64::from(frequency);
                assert!((0.0..=ANGLE_MAX).contains(&angle), "angle {angle} is out of range");
                let (sin, cos) = sin_cos(position, frequency);
                turns.cosines.push(narrow(cos));
                turns.sines.push(narrow(sin));
            }
        }
        turns
    }

    /// Those of row `t`.
    fn row(&self, t: usize) -> Turns<'_> {
        let row = t * self.pairs..(t + 1) * self.pairs;
        Turns { cosines: &self.cosines[row.clone()], sines: &self.sines[row] }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the point")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// The turns of one row, `[R / 2]` each.
pub(crate) struct Turns<'a> {
    cosines: &'a [f32],
    sines: &'a [f32],
}

/// Turns queries or keys in place: `x` is `[T, H, E]` with `E` the `head_width`, and row `t` is turned
/// by row `t` of `turns`.
///
/// Elements of a head beyond the rotary width stay as they are. A pair `(a, b)` becomes
/// `(a cos - b sin, a sin + b cos)`, each product and sum rounded on its own.
///
/// # Panics
///
/// Where `x` is not `[T, H, E]` or the rotary width exceeds `E`.
pub fn rope(
    pool: &Pool,
    x: &mut [f32],
    heads: usize,
    head_width: usize,
    turns: &RopeTurns,
    layout: RopeLayout,
) {
    rope_with(table::current(), pool, x, heads, head_width, turns, layout);
}

/// [`rope`] by the functions of `table`.
pub(crate) fn rope_with(
    table: &Table,
    pool: &Pool,
    x: &mut [f32],
    heads: usize,
    head_width: usize,
    turns: &RopeTurns,
    layout: RopeLayout,
) {
    let (rotary, row) = (2 * turns.pairs, heads * head_width);
    assert!(rotary <= head_width, "rotary width {rotary} exceeds head width {head_width}");
    if rotary == 0 {
        return;
    }
    let rows = turns.cosines.len() / turns.pairs;
    assert_eq!(x.len(), rows * row, "x is [T, H, E]");
    let x = &Disjoint::new(x);
    share_rows(pool, rows, row, |rows| {
        // SAFETY: no other piece has these rows.
        let x = unsafe { x.slice(rows.start * row..rows.end * row) };
        for (t, x) in rows.zip(x.chunks_exact_mut(row)) {
            (table.turn)(x, head_width, &turns.row(t), layout);
        }
    });
}

/// Turns one row, `[H, E]`.
#[inline(always)]
pub(crate) fn turn(row: &mut [f32], head_width: usize, turns: &Turns<'_>, layout: RopeLayout) {
    let pairs = turns.cosines.len();
    for head in row.chunks_exact_mut(head_width) {
        let turns = turns.cosines.iter().zip(turns.sines);
        match layout {
            RopeLayout::Interleaved => {
                for ([a, b], (cos, sin)) in head.as_chunks_mut().0.iter_mut().zip(turns) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
            RopeLayout::HalfSplit => {
                let (first, second) = head[..2 * pairs].split_at_mut(pairs);
                for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(turns) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}
