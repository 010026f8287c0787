//! How long a model's parts take on a node, and how much room they need there.

use crate::figure::figure;
use crate::{Curve, Surface};
use base::{ByteCount, LayerRange, ModelFingerprint};
use serde::{Deserialize, Serialize};

/// A model as one node runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelProfile {
    /// The file.
    pub model: ModelFingerprint,
    /// Its layers `L`.
    pub layers: u32,
    /// Its width `D`.
    pub width: u32,
    /// The layers that the node can run.
    pub holds: LayerRange,
    /// How long passes take.
    pub times: PassTimes,
    /// How much room its parts need.
    pub weights: Weights,
    /// Whether times are those of an emulated machine.
    pub paced: bool,
}

/// How long the parts of a forward pass take, in microseconds. A pass of `r` rows behind `c` positions
/// through `n` layers takes `overhead + n * layer(r, c)`, and `embedding(r)` and `head(rows with
/// logits)` where the stage has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassTimes {
    /// Of one pass, whatever it runs.
    #[serde(deserialize_with = "figure")]
    pub overhead_us: f32,
    /// Of one layer, over rows, for contexts.
    pub layer: Surface,
    /// Of looking tokens up, over rows.
    pub embedding: Curve,
    /// Of norm, head and choice, over rows that are asked for logits.
    pub head: Curve,
}

/// Room, each part as if it were alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Of one layer.
    pub layer: ByteCount,
    /// Of the embedding.
    pub embedding: ByteCount,
    /// Of the head.
    pub head: ByteCount,
    /// Of keys and values of one position in one layer, in the format that sessions use.
    pub kv_position: ByteCount,
}

impl ModelProfile {
    /// The same of an emulated machine, on which a pass of `rows` rows through all layers takes at
    /// least `base_ms + rows * row_ms`, and one through some layers their share of it.
    #[must_use]
    pub fn paced(self, base_ms: f64, row_ms: f64) -> Self {
        let share = 1e3 / f64::from(self.layers.max(1));
        #[expect(clippy::cast_possible_truncation, reason = "a time in microseconds")]
        let least = |rows: u32| ((base_ms + f64::from(rows) * row_ms) * share) as f32;
        let layer = self.times.layer.at_least(least);
        Self { times: PassTimes { layer, ..self.times }, paced: true, ..self }
    }
}

impl PassTimes {
    /// Of a machine on which nothing takes time: what a pace is put on.
    ///
    /// # Panics
    ///
    /// Never: the curves are right.
    pub fn nothing() -> Self {
        let nothing = || Curve::line(0.0, 0.0).expect("no time is a time");
        let layer = Surface::flat(nothing());
        Self { overhead_us: 0.0, layer, embedding: nothing(), head: nothing() }
    }

    /// Seconds of a pass of `rows` rows behind `context` positions through `layers` layers.
    pub fn layers_s(&self, layers: u32, rows: f64, context: f64) -> f64 {
        f64::from(layers) * self.layer.at(rows, context) / 1e6
    }

    /// Seconds that looking up `rows` tokens adds.
    pub fn embedding_s(&self, rows: f64) -> f64 {
        self.embedding.at(rows) / 1e6
    }

    /// Seconds that logits of `rows` rows add.
    pub fn head_s(&self, rows: f64) -> f64 {
        self.head.at(rows) / 1e6
    }

    /// Seconds of a pass of nothing.
    pub fn overhead_s(&self) -> f64 {
        f64::from(self.overhead_us) / 1e6
    }

    /// Seconds of a pass of `rows` rows through all of a model of `layers` layers, with logits of
    /// `choices` of them.
    pub fn whole_s(&self, layers: u32, rows: f64, choices: f64, context: f64) -> f64 {
        let ends = self.embedding_s(rows) + self.head_s(choices);
        self.overhead_s() + self.layers_s(layers, rows, context) + ends
    }
}

impl Weights {
    /// Room for the keys and values of `positions` positions in `layers` layers.
    pub fn kv(&self, layers: u32, positions: u32) -> ByteCount {
        let cells = u64::from(layers) * u64::from(positions);
        ByteCount(self.kv_position.0.saturating_mul(cells))
    }
}
