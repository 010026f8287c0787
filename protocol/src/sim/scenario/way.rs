//! By which way a request is run, out of all that a scenario may have.

use super::{Fate, Scenario};
use crate::dice::Dice;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) struct Way {
    pub(in crate::sim) hop: bool,
    pub(in crate::sim) head_stage: bool,
    pub(in crate::sim) ring: bool,
    pub(in crate::sim) local: Option<bool>,
    pub(in crate::sim) draft_length: u32,
    pub(in crate::sim) chunks: u32,
    pub(in crate::sim) auto: bool,
    pub(in crate::sim) extend: u32,
}

impl Way {
    /// Who runs what, and how drafts and verdicts follow each other.
    pub(super) fn any(dice: &mut Dice) -> Self {
        let (hop, head_stage) = (dice.percent(25), dice.percent(20));
        let ring = hop && dice.percent(40);
        let extend = if hop || head_stage { 0 } else { 1 + dice.below_u32(40) };
        // Of a window of all that may be under way to single chunks; without drafts it is remote.
        let (draft_length, chunks, extend) = match dice.below(4) {
            0 => (1 + dice.below_u32(8), 1, 0),
            1 => (1 + dice.below_u32(8), 1 + dice.below_u32(7), 0),
            2 => (1 + dice.below_u32(8), 1 + dice.below_u32(7), extend),
            _ => (0, 1, extend),
        };
        let auto = draft_length > 0 && dice.percent(40);
        Self { hop, head_stage, ring, local: None, draft_length, chunks, auto, extend }
    }

    /// The device alone; whether it runs the whole target.
    pub(in crate::sim) const fn alone(vouched: bool) -> Self {
        let (hop, head_stage, ring) = (false, false, false);
        let local = Some(vouched);
        Self { hop, head_stage, ring, local, draft_length: 0, chunks: 1, auto: false, extend: 0 }
    }

    /// How many drafts may wait.
    pub(in crate::sim) const fn window(&self) -> u32 {
        self.draft_length * self.chunks
    }
}

impl Scenario {
    pub(in crate::sim) const fn way(&self) -> Way {
        let Self { hop, head_stage, ring, local, draft_length, chunks, auto, extend, .. } = *self;
        Way { hop, head_stage, ring, local, draft_length, chunks, auto, extend }
    }

    pub(in crate::sim) const fn go(&mut self, way: Way) {
        let Way { hop, head_stage, ring, local, draft_length, chunks, auto, extend } = way;
        (self.hop, self.head_stage, self.ring) = (hop, head_stage, ring);
        self.local = local;
        (self.draft_length, self.chunks) = (draft_length, chunks);
        (self.auto, self.extend) = (auto, extend);
    }

    /// Those that it may take, sooner or later.
    pub(in crate::sim) fn ways(&self) -> impl Iterator<Item = Way> {
        let later = self.fates.iter().filter_map(|(_, fate)| match fate {
            Fate::Switch(way) => Some(*way),
            Fate::Cut(_)
            | Fate::Restart
            | Fate::RestartUpstream
            | Fate::Move
            | Fate::Refuse(_)
            | Fate::Stop => None,
        });
        std::iter::once(self.way()).chain(later)
    }

    /// The most drafts that may wait on any of them.
    pub(in crate::sim) fn window_max(&self) -> usize {
        self.ways().map(|way| way.window()).max().unwrap_or(0) as usize
    }
}
