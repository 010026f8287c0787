//! A prompt for the device's own layers: another node reads it too, and its KV comes over the link from the
//! back, while the device reads from the front.
//!
//! ```text
//!   the target on the device   meet, and run what is behind the last block
//!   a split                    meet, open the session, tell the other node of what it has read, and
//!                              send it the rows behind the last block
//! ```

use super::Costs;
use super::crossing::Bytes;
use super::hop::{FRAME_BYTES, Hop, TOKEN_BYTES};
use super::lane::{BLOCK_TOKENS, Lanes, Part, Prompt};
use super::room;
use super::style::Style;
use crate::{Meeting, Speculation};
use base::LayerRange;
use profile::{LinkEstimate, ModelProfile};

/// What it takes to read a prompt with somebody's help.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brought {
    /// Who reads it, too.
    pub(crate) reader: usize,
    /// Whole blocks of the prompt.
    pub(crate) meeting: Meeting,
    /// Seconds until all of them are there.
    pub(crate) blocks_s: f64,
    /// Blocks that come over the link.
    pub(crate) blocks: f64,
    pub(crate) bytes: Bytes,
    pub(crate) metered_bytes: f64,
    pub(crate) money: f64,
    pub(crate) cloud_passes: f64,
}

impl Costs<'_> {
    /// For the whole target on the device, `own`: by the node with which it is over first, where one pays.
    pub(crate) fn brought(&self, own: &ModelProfile) -> Option<Brought> {
        let part = Part { layers: own.layers, embedding: true, head: true };
        let read_by = |node: usize| self.pays_by(node, own, part);
        let readers = (1..self.graph.nodes().len()).filter_map(read_by);
        readers.min_by(|a, b| a.blocks_s.total_cmp(&b.blocks_s))
    }

    /// For a `part` of the target on the device, which `own` describes there: by `node`, where it can and that pays.
    pub(crate) fn pays_by(&self, node: usize, own: &ModelProfile, part: Part) -> Option<Brought> {
        let link = self.graph.link(0, node)?.estimate;
        let reader = self.reader(node)?;
        let brought = self.brought_by((node, reader), &link, own, part);
        brought.meeting.pays().then_some(brought)
    }

    /// The model of `node`, where it has room for all of it and may read prompts.
    fn reader(&self, node: usize) -> Option<&ModelProfile> {
        let (demand, state) = (&self.situation.demand, self.graph.nodes()[node]);
        let part = Part { layers: self.layers, embedding: true, head: true };
        let model = room::usable(state, true, demand.privacy).ok().filter(|_| demand.brings)?;
        let all = LayerRange::all(model.layers);
        let has_room = model.holds == all && room::fits(state, model, all, part, demand).is_ok();
        has_room.then_some(model)
    }

    /// By `reader`, over `link`, whether that pays or not.
    pub(crate) fn brought_by(
        &self,
        (reader, model): (usize, &ModelProfile),
        link: &LinkEstimate,
        own: &ModelProfile,
        part: Part,
    ) -> Brought {
        let demand = &self.situation.demand;
        let plain = Style::new(0, Speculation::Streaming, 0.0);
        let (hop, lanes) = (Hop::new(link), self.lanes(reader, model, &self.prompt, &plain));
        let all = Part { layers: model.layers, embedding: true, head: false };
        let (first_s, rest_s) =
            self.prompt.fill_and_tail(lanes.full.pass_s(all), lanes.last.pass_s(all));
        let text_bytes = f64::from(demand.prompt_tokens) * TOKEN_BYTES + FRAME_BYTES;
        // The session is opened, the text read, and the first segment asked for.
        let asking_s = hop.up(FRAME_BYTES).takes_s + hop.down(FRAME_BYTES).takes_s;
        let reading_s =
            hop.up(text_bytes).takes_s + first_s + rest_s + hop.down(FRAME_BYTES).takes_s;
        let blocks = demand.prompt_tokens / BLOCK_TOKENS;
        let bytes = own.weights.kv(part.layers, BLOCK_TOKENS).0;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let block_bytes = bytes as f64;
        let meeting = Meeting {
            blocks: blocks as usize,
            computed_s: self.block_s(own, part),
            brought_s: hop.down(block_bytes).fills_s,
            delay_s: 2.0 * asking_s + reading_s + hop.segments_held_back_s(),
        };
        let blocks_s = meeting.together_s();
        let brought =
            (blocks_s - meeting.delay_s).max(0.0) / meeting.brought_s.max(f64::MIN_POSITIVE);
        let brought = brought.min(f64::from(blocks));
        let down_bytes = brought * block_bytes;
        Brought {
            reader,
            meeting,
            blocks_s,
            blocks: brought,
            bytes: Bytes { prompt_up: text_bytes, prompt_down: down_bytes, ..Bytes::default() },
            metered_bytes: hop.metered(text_bytes + down_bytes),
            money: hop.money(text_bytes + down_bytes) + lanes.money(first_s + rest_s),
            cloud_passes: lanes.cloud_passes(self.prompt.passes()),
        }
    }

    /// Seconds of a block of a prompt on the device, in the middle of it.
    fn block_s(&self, own: &ModelProfile, part: Part) -> f64 {
        let half = self.situation.demand.prompt_tokens / 2;
        let block = Prompt { told: f64::from(half), ..Prompt::new(BLOCK_TOKENS) };
        let lanes = Lanes::new(self.graph.nodes()[0], own, &block, 1.0, 0.0);
        lanes.last.pass_s(Part { head: false, ..part })
    }
}
