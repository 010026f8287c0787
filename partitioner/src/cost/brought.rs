//! A prompt for a target that the device has all of: another node reads it too, and its KV comes over the
//! link from the back, while the device reads from the front.

use super::hop::{FRAME_BYTES, Hop, TOKEN_BYTES};
use super::lane::{Lanes, Part};
use super::room;
use super::style::Style;
use super::{Costs, RouteStage};
use crate::{Meeting, Speculation};
use base::LayerRange;

/// Positions that travel together (`BLOCK_SLOTS` in `runtime/src/kv/mod.rs`).
const BLOCK_TOKENS: u32 = 32;

/// What it takes to read a prompt with somebody's help.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brought {
    /// Seconds until all whole blocks are there.
    pub(super) blocks_s: f64,
    /// Rows behind them.
    pub(super) rows_left: f64,
    pub(super) up_bytes: f64,
    pub(super) down_bytes: f64,
    pub(super) metered_bytes: f64,
    pub(super) money: f64,
    pub(super) cloud_passes: f64,
}

impl Costs<'_> {
    /// By the node with which it is over first, where one pays; `own` are the device's passes.
    pub(super) fn brought(&self, stage: &RouteStage<'_>, own: &Lanes) -> Option<Brought> {
        let readers =
            (1..self.graph.nodes().len()).filter_map(|node| self.read_by(node, stage, own));
        readers.min_by(|a, b| a.blocks_s.total_cmp(&b.blocks_s))
    }

    fn read_by(&self, node: usize, stage: &RouteStage<'_>, own: &Lanes) -> Option<Brought> {
        let (demand, state) = (&self.situation.demand, self.graph.nodes()[node]);
        let model = room::usable(state, demand.privacy).ok()?;
        if model.holds != LayerRange::all(model.layers) {
            return None;
        }
        let link = self.graph.link(0, node)?.estimate;
        let plain = Style::new(0, Speculation::Streaming, 0.0);
        let (hop, lanes) = (Hop::new(&link), self.lanes(node, model, &plain));
        let all = Part { layers: model.layers, embedding: true, head: true };
        let (first_s, rest_s) =
            self.prompt.fill_and_tail(lanes.full.pass_s(all), lanes.last.pass_s(all));
        let text_bytes = f64::from(demand.prompt_tokens) * TOKEN_BYTES + FRAME_BYTES;
        let opening_s = hop.up(FRAME_BYTES).takes_s + hop.down(FRAME_BYTES).takes_s;
        let asking_s = hop.up(FRAME_BYTES).takes_s + hop.down(FRAME_BYTES).takes_s;
        let reading_s =
            hop.up(text_bytes).takes_s + first_s + rest_s + hop.down(FRAME_BYTES).takes_s;
        let blocks = demand.prompt_tokens / BLOCK_TOKENS;
        let bytes = stage.model.weights.kv(model.layers, BLOCK_TOKENS).0;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let block_bytes = bytes as f64;
        let full_s = own.full.pass_s(stage.part) * f64::from(BLOCK_TOKENS);
        let meeting = Meeting {
            blocks: blocks as usize,
            computed_s: full_s / self.prompt.full_rows,
            brought_s: hop.down(block_bytes).fills_s,
            delay_s: opening_s + reading_s + asking_s,
        };
        if !meeting.pays() {
            return None;
        }
        let blocks_s = meeting.together_s();
        let brought =
            (blocks_s - meeting.delay_s).max(0.0) / meeting.brought_s.max(f64::MIN_POSITIVE);
        let down_bytes = brought.min(f64::from(blocks)) * block_bytes;
        let all_bytes = text_bytes + down_bytes;
        Some(Brought {
            blocks_s,
            rows_left: f64::from(demand.prompt_tokens % BLOCK_TOKENS),
            up_bytes: text_bytes,
            down_bytes,
            metered_bytes: hop.metered(all_bytes),
            money: hop.money(all_bytes) + lanes.money(first_s + rest_s),
            cloud_passes: lanes.cloud_passes(self.prompt.passes()),
        })
    }
}
