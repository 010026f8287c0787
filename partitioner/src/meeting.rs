//! A prefill from both ends: a device computes a prompt's KV from the front, what another node has
//! computed arrives from the back, and they meet (Cake, arXiv:2410.03065).
//!
//! ```text
//!   blocks   0 1 2 3 4 5 6 7 8 9
//!            ▶▶▶▶▶▶▶▶│◀◀◀◀◀◀◀◀◀◀     time = (n + delay / brought) / (1 / computed + 1 / brought)
//!            computed  brought
//! ```

use crate::{Mode, Plan};
use base::{NodeName, WireCodec};

/// What a block of a prompt takes either way, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meeting {
    /// Blocks of the prompt.
    pub blocks: usize,
    /// To compute one here.
    pub computed_s: f64,
    /// To bring one over the link.
    pub brought_s: f64,
    /// Until the first one comes: the other node reads the prompt first, and is asked.
    pub delay_s: f64,
}

/// Bringing has to take this share of the time of computing at most: it costs bytes, and the times are
/// estimates.
const WORTHWHILE: f64 = 0.9;

/// Bytes in a round trip at first, what that grows by in each, the shortest time that counts as one, and for
/// how many seconds it goes on, of segments that a node sends while it has just said something else
/// (`protocol/src/segments/pacer.rs`; `LATELY` in `cloud-node/src/segments.rs`).
const PACED_FIRST_BYTES: f64 = 4_800.0;
const PACED_GROWTH: f64 = 0.25;
const PACED_ROUND_S_MIN: f64 = 0.02;
const PACED_FOR_S: f64 = 1.0;

/// Seconds by which segments come later than a link of so many bytes a second would carry them: the peer has
/// just said that it has read, so that they begin at a slow pace.
pub fn held_back_s(rtt_s: f64, bytes_per_s: f64) -> f64 {
    let first = PACED_FIRST_BYTES / rtt_s.max(1e-3);
    if bytes_per_s <= first {
        return 0.0;
    }
    let growth_per_s = PACED_GROWTH / rtt_s.max(PACED_ROUND_S_MIN);
    let ends_s = ((bytes_per_s / first).ln() / growth_per_s).min(PACED_FOR_S);
    let carried = first * (growth_per_s * ends_s).exp_m1() / growth_per_s;
    ends_s - carried / bytes_per_s
}

impl Meeting {
    /// Blocks that are worth asking anybody about: a few round trips of a slow device's time.
    pub const BLOCKS_MIN: usize = 2;

    /// How long it takes where nothing is brought.
    #[expect(clippy::cast_precision_loss, reason = "a prompt has few blocks")]
    pub fn alone_s(&self) -> f64 {
        self.blocks as f64 * self.computed_s
    }

    /// How long it takes from both ends: no longer than alone.
    #[expect(clippy::cast_precision_loss, reason = "a prompt has few blocks")]
    pub fn together_s(&self) -> f64 {
        let Self { blocks, computed_s, brought_s, delay_s } = *self;
        if computed_s <= 0.0 {
            return 0.0;
        }
        if brought_s <= 0.0 {
            return delay_s.min(self.alone_s());
        }
        let meets = (blocks as f64 + delay_s / brought_s) / (1.0 / computed_s + 1.0 / brought_s);
        meets.min(self.alone_s())
    }

    /// How long it takes where all is brought and nothing computed.
    #[expect(clippy::cast_precision_loss, reason = "a prompt has few blocks")]
    pub fn all_brought_s(&self) -> f64 {
        self.delay_s + self.blocks as f64 * self.brought_s
    }

    /// Whether to bring all, by one who has other things to compute meanwhile.
    pub fn pays_alone(&self) -> bool {
        self.all_brought_s() < WORTHWHILE * self.alone_s()
    }

    /// Whether to bring some.
    pub fn pays(&self) -> bool {
        self.blocks >= Self::BLOCKS_MIN && self.together_s() < WORTHWHILE * self.alone_s()
    }
}

impl Plan {
    /// Who may read a prompt for the device's own layers in a split: the one other node, where hidden
    /// states reach its layers as they are. It can then be *told* of what it has read, and is sent no rows
    /// of it. A node that has not read it, or knows its KV under another name because of a lossy hop, needs
    /// the rows, and the device would have to run its layers after all.
    pub fn reader(&self) -> Option<&NodeName> {
        let [only] = self.remote_stages() else { return None };
        let own = self.device_stage().filter(|own| !own.layers.is_empty());
        let is_told = only.layers.is_empty() || only.codec == WireCodec::F32;
        (self.mode() == Mode::Split && own.is_some() && is_told).then_some(&only.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the time is when both ends meet. Method: blocks are taken from either end, one at a time,
    /// by whoever would have the next one first.
    #[test]
    fn they_meet_when_a_simulation_says() {
        for (computed_s, brought_s, delay_s) in
            [(0.64, 0.1, 0.3), (0.64, 2.0, 0.3), (0.1, 0.1, 5.0), (0.02, 0.5, 0.1), (1.0, 1.0, 0.0)]
        {
            let meeting = Meeting { blocks: 280, computed_s, brought_s, delay_s };
            let (mut front, mut back) = (0.0, delay_s);
            for _ in 0..meeting.blocks {
                match front + computed_s < back + brought_s {
                    true => front += computed_s,
                    false => back += brought_s,
                }
            }
            let simulated = f64::max(front, if back > delay_s { back } else { 0.0 });
            let within = computed_s + brought_s;
            assert!((meeting.together_s() - simulated).abs() <= within, "{meeting:?}: {simulated}");
        }
    }

    /// Goal: what is held back is what a pace that grows by a quarter in a round trip carries less than the link.
    /// Method: a millisecond after the other.
    #[test]
    fn segments_begin_at_a_slow_pace() {
        for (rtt_s, bytes_per_s) in [(0.05, 1.25e6), (0.12, 2.5e6), (0.02, 5e6), (0.001, 1.25e8)] {
            let (mut carried, mut pace) = (0.0, 4_800.0 / rtt_s);
            for _ in 0..1_000 {
                carried += f64::min(pace, bytes_per_s) / 1e3;
                pace *= (0.25_f64 * 1e-3 / f64::max(rtt_s, 0.02)).exp();
            }
            let simulated = 1.0 - carried / bytes_per_s;
            let found = held_back_s(rtt_s, bytes_per_s);
            assert!((found - simulated).abs() < 0.005, "{found} in place of {simulated}");
        }
        assert_eq!(held_back_s(0.05, 90e3), 0.0);
    }

    #[test]
    fn what_takes_longer_to_bring_than_to_compute_is_not_worth_its_bytes() {
        let meeting = |brought_s| Meeting { blocks: 28, computed_s: 0.64, brought_s, delay_s: 0.2 };
        assert!(meeting(0.3).pays());
        assert!(!meeting(20.0).pays());
        assert!(meeting(0.3).pays_alone() && !meeting(0.65).pays_alone());
        assert!(!Meeting { blocks: 2, ..meeting(0.3) }.pays() || meeting(0.3).delay_s < 0.64);
        assert!(!Meeting { computed_s: 0.0, ..meeting(0.3) }.pays());
        assert!(!Meeting { blocks: 0, ..meeting(0.3) }.pays());
    }
}
