//! Which positions a row sees.

use std::ops::Range;

use super::STRETCH;
use crate::kv::BLOCK_SLOTS;

/// What rows of a sequence see of the positions up to their own.
///
/// The row at position `p` sees `j <= p` where `window` is `None`, or `j > p - window`, or `j < sinks`.
/// A window with a few sinks keeps an endless stream coherent (StreamingLLM, arXiv:2309.17453).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// How many positions a row sees before sinks, its own included; at least one.
    pub window: Option<u32>,
    /// How many of the first positions every row sees; zero without a window.
    pub sinks: u32,
}

impl View {
    /// Everything up to the row itself.
    pub const ALL: Self = Self { window: None, sinks: 0 };

    /// The slots of the block at `start` that a row at `position` sees: bit `j` is position `start + j`.
    pub(super) fn seen(self, position: u32, start: usize) -> u32 {
        let position = index(position);
        let causal = first_bits((position + 1).saturating_sub(start));
        let outside = first_bits(self.first(position).saturating_sub(start));
        let sinks = first_bits(index(self.sinks).saturating_sub(start));
        causal & (!outside | sinks)
    }

    /// The stretches that any row at a position in `first..=last` sees part of.
    pub(super) fn stretches(self, first: u32, last: u32) -> Stretches {
        let end = index(last) / STRETCH + 1;
        let from = self.first(index(first)) / STRETCH;
        let sinks = index(self.sinks).div_ceil(STRETCH).min(from);
        Stretches { sinks, window: from..end }
    }

    /// The first position in the window of the row at `position`.
    fn first(self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(index(window)))
    }
}

/// Indices of stretches, ascending: those of the sinks, then those of the window.
pub(super) struct Stretches {
    sinks: usize,
    window: Range<usize>,
}

impl Stretches {
    pub(super) fn len(&self) -> usize {
        self.sinks + self.window.len()
    }

    /// The stretch that comes `nth`.
    pub(super) fn nth(&self, nth: usize) -> usize {
        if nth < self.sinks { nth } else { self.window.start + nth - self.sinks }
    }
}

/// The lowest `count` bits.
fn first_bits(count: usize) -> u32 {
    if count >= BLOCK_SLOTS { u32::MAX } else { (1 << count) - 1 }
}

fn index(position: u32) -> usize {
    usize::try_from(position).expect("usize has 32 bits at least")
}
