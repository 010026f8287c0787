//! What a model that lies on one node takes: alone on the device, streaming its words, or with drafts
//! that flow past it.

use super::brought::Brought;
use super::chain::energy_j;
use super::crossing::Bytes;
use super::hop::{FRAME_BYTES, Hop, TOKEN_BYTES};
use super::lane::{Lanes, Part, Prompt};
use super::pace::{COVERED_MAX, Flow, Pace};
use super::style::{AHEAD_MAX, IN_FLIGHT_MAX, Style, ahead};
use super::{Costs, Route, Totals};
use crate::{Criteria, NodeState, Speculation};
use base::DraftLength;
use profile::{LinkEstimate, ModelProfile};

/// Tokens for which a target gets leave at once: half of what it may say (`extend` in
/// `protocol/src/drafter/talk.rs`).
const LEAVE_TOKENS: f64 = 16.0;

/// How many drafts go out together, and how many may wait for the target's word, where somebody has fixed
/// the first.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 64")]
fn fixed_chunk(length: u32) -> (usize, usize) {
    let chunk = length.max(1) as usize;
    let most = AHEAD_MAX.min(IN_FLIGHT_MAX * f64::from(length)) as usize;
    (chunk, most.max(chunk))
}

/// Seconds in which `model` alone on `node` reads a prompt and makes a token, and money for a second.
pub(super) fn alone(
    node: &NodeState,
    model: &ModelProfile,
    prompt: &Prompt,
    context: f64,
) -> (f64, f64, Lanes) {
    let lanes = Lanes::new(node, model, prompt, 1.0, context);
    let all = Part { layers: model.layers, embedding: true, head: true };
    let (first, rest) = prompt.fill_and_tail(lanes.full.pass_s(all), lanes.last.pass_s(all));
    (first + rest, lanes.round.pass_s(all), lanes)
}

impl Costs<'_> {
    /// A model on the device. Where it is the target, another node may read the prompt as well.
    pub(super) fn local(&self, route: &Route<'_>) -> Totals {
        let stage = route.stages[0];
        let context = self.situation.demand.context();
        let device = self.graph.nodes()[stage.node];
        let (alone_s, token_s, lanes) = alone(device, stage.model, &self.prompt, context);
        let brought = route.brought;
        let with_help_s = |brought: &Brought| {
            let rest = Lanes::new(device, stage.model, &self.rest, 1.0, context);
            brought.blocks_s + rest.last.pass_s(stage.part)
        };
        let ttft_s = brought.as_ref().map_or(alone_s, |brought| alone_s.min(with_help_s(brought)));
        let reply_s = ttft_s + self.later * token_s;
        let of = |figure: fn(&Brought) -> f64| brought.as_ref().map_or(0.0, figure);
        let criteria = Criteria {
            ttft_ms: ttft_s * 1e3,
            itl_ms: token_s * 1e3,
            money: lanes.money(reply_s) + of(|brought| brought.money),
            device_energy_j: energy_j(self.power(), reply_s, reply_s),
            metered_bytes: of(|brought| brought.metered_bytes),
            cloud_passes: of(|brought| brought.cloud_passes),
        };
        let bytes = brought.map_or_else(Bytes::default, |brought| brought.bytes);
        Totals { criteria, bytes, passes_per_token: 1.0 }
    }

    /// A target that streams its words: the way to it shows in the first token alone.
    pub(super) fn remote(&self, route: &Route<'_>, links: &[LinkEstimate]) -> Totals {
        let stage = route.stages[0];
        let style = Style::new(0, Speculation::Streaming, 0.0);
        let pass_s =
            self.lanes(stage.node, stage.model, &self.prompt, &style).round.pass_s(stage.part);
        // On a long way the target has said all that it may before it hears that it may say more.
        let hop = Hop::new(&links[0]);
        let leave_s = hop.up(FRAME_BYTES).takes_s + hop.down(FRAME_BYTES + TOKEN_BYTES).takes_s;
        let token_s = pass_s.max(leave_s / LEAVE_TOKENS);
        let pace = Pace { token_s, target_s: pass_s, passes: 1.0, drafts: 0.0 };
        let up = FRAME_BYTES / LEAVE_TOKENS;
        self.at_pace(route, links, &pace, (up, FRAME_BYTES + TOKEN_BYTES))
    }

    /// Drafts that flow past a target, so many together.
    pub(super) fn flowing(
        &self,
        route: &Route<'_>,
        links: &[LinkEstimate],
        draft_length: DraftLength,
        work_conserving: bool,
    ) -> Totals {
        let (stage, hop) = (route.stages[0], Hop::new(&links[0]));
        let acceptance = self.situation.demand.acceptance;
        let mut pass_s = [0.0; COVERED_MAX + 1];
        for (drafts, pass) in (0..).zip(&mut pass_s) {
            let style = Style::new(drafts, Speculation::Rounds, acceptance);
            *pass =
                self.lanes(stage.node, stage.model, &self.prompt, &style).round.pass_s(stage.part);
        }
        let message = FRAME_BYTES + TOKEN_BYTES;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 24")]
        let (chunk, window) = match draft_length {
            DraftLength::Fixed(length) => fixed_chunk(length),
            // Each as soon as the target can use it; what is hardly ever right is not drafted.
            DraftLength::Auto => (1, ahead(acceptance) as usize),
        };
        let flow = Flow {
            draft_s: self.drafting().draft_s,
            up_s: hop.up(message).takes_s,
            down_s: hop.down(message).takes_s,
            pass_s,
            acceptance,
            window,
            chunk,
            work_conserving,
        };
        let pace = match draft_length {
            DraftLength::Auto if work_conserving => flow.in_chunks_that_pay().pace(),
            DraftLength::Auto | DraftLength::Fixed(_) => flow.pace(),
        };
        // A chunk goes up for each pass that takes drafts in, and a verdict comes down from every pass.
        let chunks = pace.passes.min(pace.drafts);
        let up = chunks * FRAME_BYTES + pace.drafts * TOKEN_BYTES;
        let down = pace.passes * FRAME_BYTES + TOKEN_BYTES;
        self.at_pace(route, links, &pace, (up, down))
    }

    /// A reply that begins as any on this node, and goes on at `pace` with so many bytes a token.
    fn at_pace(
        &self,
        route: &Route<'_>,
        links: &[LinkEstimate],
        pace: &Pace,
        (up, down): (f64, f64),
    ) -> Totals {
        let (stage, hop, later) = (route.stages[0], Hop::new(&links[0]), self.later);
        let style = Style::new(0, Speculation::Streaming, 0.0);
        let (tally, bytes) = self.tally(route, links, &style);
        let lanes = self.lanes(stage.node, stage.model, &self.prompt, &style);
        let first = lanes.stage(stage.part, &self.prompt, &style, 0.0);
        let bytes = Bytes { token_up: up, token_down: down, ..bytes };
        let drafting = self.drafting();
        let reads_s = if pace.drafts > 0.0 { drafting.prompt_s } else { 0.0 };
        let busy_s = reads_s + later * pace.drafts * drafting.draft_s;
        let (ttft_s, all) = (tally.ttft_s(), bytes.of_reply(later));
        let criteria = Criteria {
            ttft_ms: ttft_s * 1e3,
            itl_ms: pace.token_s * 1e3,
            money: first.money + lanes.money(later * pace.target_s) + hop.money(all),
            device_energy_j: energy_j(self.power(), ttft_s + later * pace.token_s, busy_s),
            metered_bytes: hop.metered(all),
            cloud_passes: first.cloud_passes + lanes.cloud_passes(later * pace.passes),
        };
        Totals { criteria, bytes, passes_per_token: pace.passes }
    }
}
