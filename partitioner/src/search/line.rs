//! What stages of one node add, by number of layers: after the first each adds the same.
//!
//! The first may differ: a head without layers runs for what is chosen alone (see [`crate::cost::lane`]).

use super::measure::Score;

/// A stage of any number of layers.
#[derive(Debug)]
pub(super) struct Line {
    /// Of no layers.
    none: Score,
    /// Of one.
    one: Score,
    /// What each further one adds, to the peaks as well.
    more: Score,
}

impl Line {
    /// Through what `stage` says of few layers.
    pub(super) fn through(stage: impl Fn(usize) -> Score) -> Self {
        let (none, one) = (stage(0), stage(1));
        Self { none, one, more: one.times(-1.0).plus(&stage(2)) }
    }

    /// Of so many layers.
    pub(super) fn at(&self, layers: usize) -> Score {
        if layers == 0 { self.none } else { self.one.plus(&self.further(layers - 1)) }
    }

    /// What so many further layers add.
    pub(super) fn further(&self, layers: usize) -> Score {
        self.more.times(count(layers))
    }

    /// Of no layers.
    pub(super) const fn none(&self) -> &Score {
        &self.none
    }

    /// What each further layer adds.
    pub(super) const fn more(&self) -> &Score {
        &self.more
    }
}

/// So many layers, to reckon with.
#[expect(clippy::cast_precision_loss, reason = "a model has few layers")]
pub(super) const fn count(layers: usize) -> f64 {
    layers as f64
}
