//! The parts of a pass that are timed, and at which sizes.

use base::LayerRange;
use runtime::StageSpec;

/// Rows at which layers, embedding and head are timed: one token, a verification, a piece of a prompt.
const ROWS: [u32; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// And behind a longer text, where only attention differs.
const ROWS_BEHIND: [u32; 5] = [1, 4, 16, 64, 256];

/// Rows whose logits are timed: no more are ever wanted at once than a chunk of drafts has.
const CHOICES: [u32; 5] = [1, 2, 4, 8, 16];

/// The sizes of everything that is timed.
#[derive(Debug, Clone)]
pub struct Sizes {
    pub(crate) rounds: usize,
    /// Rows with nothing before them.
    pub(crate) rows: Vec<u32>,
    /// Rows with a text before them.
    pub(crate) rows_behind: Vec<u32>,
    /// How long that text is; ascending, none of them 0.
    pub(crate) contexts: Vec<u32>,
    /// Rows whose logits are wanted.
    pub(crate) choices: Vec<u32>,
}

/// What one timed pass runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// All layers there are.
    Layers { rows: u32, context: u32 },
    /// The first one alone, one row of nothing before.
    OneLayer,
    /// Looking tokens up.
    Embedding { rows: u32 },
    /// Norm and logits.
    Head { rows: u32 },
}

impl Sizes {
    /// For texts of up to `positions_max` positions, of a quarter of them and of all; each part is timed
    /// `rounds` times.
    pub fn up_to(positions_max: u32, rounds: usize) -> Self {
        let fitting = |rows: &[u32]| -> Vec<u32> {
            let fitting = rows.iter().copied().filter(|rows| *rows <= positions_max);
            fitting.collect()
        };
        let longest = positions_max.saturating_sub(ROWS_BEHIND[ROWS_BEHIND.len() - 1]);
        let mut contexts = vec![longest / 4, longest];
        contexts.retain(|context| *context > 0);
        contexts.dedup();
        Self {
            rounds: rounds.max(1),
            rows: fitting(&ROWS),
            rows_behind: fitting(&ROWS_BEHIND),
            contexts,
            choices: fitting(&CHOICES),
        }
    }

    /// All parts of a stage with `spec`.
    pub(crate) fn parts(&self, spec: StageSpec) -> Vec<Part> {
        let mut parts = Vec::new();
        if !spec.layers.is_empty() {
            parts.push(Part::OneLayer);
            parts.extend(self.rows.iter().map(|rows| Part::Layers { rows: *rows, context: 0 }));
            for context in &self.contexts {
                let behind = self.rows_behind.iter();
                parts.extend(behind.map(|rows| Part::Layers { rows: *rows, context: *context }));
            }
        }
        if spec.embedding {
            parts.extend(self.rows.iter().map(|rows| Part::Embedding { rows: *rows }));
        }
        if spec.head {
            parts.extend(self.choices.iter().map(|rows| Part::Head { rows: *rows }));
        }
        parts
    }
}

impl Part {
    /// What is run of a stage with `spec`, of a model with `layers` layers.
    pub(crate) fn run(self, spec: StageSpec, layers: u32) -> StageSpec {
        let start = spec.layers.start();
        let range = |start, end| LayerRange::new(start, end).expect("starts before it ends");
        match self {
            Self::Layers { .. } => StageSpec { embedding: false, head: false, ..spec },
            Self::OneLayer => {
                StageSpec { layers: range(start, start + 1), embedding: false, head: false }
            }
            Self::Embedding { .. } => {
                StageSpec { layers: range(0, 0), embedding: true, head: false }
            }
            Self::Head { .. } => {
                StageSpec { layers: range(layers, layers), embedding: false, head: true }
            }
        }
    }

    /// Its rows.
    pub(crate) const fn rows(self) -> u32 {
        match self {
            Self::Layers { rows, .. } | Self::Embedding { rows } | Self::Head { rows } => rows,
            Self::OneLayer => 1,
        }
    }

    /// Positions before its rows.
    pub(crate) const fn context(self) -> u32 {
        match self {
            Self::Layers { context, .. } => context,
            Self::OneLayer | Self::Embedding { .. } | Self::Head { .. } => 0,
        }
    }
}
