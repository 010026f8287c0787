//! What a hop adds to a chain: passes go up over it, and verdicts come down, or hidden rows on their way home.
//!
//! ```text
//!   device ─▶ gateway ─▶ cloud        passes up, verdicts down
//!   device ─▶ gateway ─▶ cloud        the head is on the device: behind the last layer, passes
//!          ◀─         ◀─              go down with the rows that are chosen from, and verdicts up
//! ```

use super::hop::{FRAME_BYTES, Hop, TOKEN_BYTES};
use super::lane::Prompt;
use super::style::Style;

/// Tokens of a pass that tells of what is known (`TOLD_ROWS_MAX` in `protocol/src/drafter/upload.rs`).
const TOLD_ROWS_MAX: f64 = 1_024.0;

/// What messages of one direction carry beside a frame; hidden values with so many bits each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cargo {
    /// A pass of token ids.
    Tokens,
    /// These, and a hidden row for each.
    Rows(f64),
    /// These, and the rows that are chosen from: those of a chunk, and of a prompt the last one. Behind the
    /// last layer nobody needs others.
    Chosen(f64),
    /// What the target says.
    Verdicts,
}

/// Bytes of the messages of one direction.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    /// Of all that tell of what is known.
    told: f64,
    /// Of a full pass of the prompt.
    full: f64,
    /// Of its last one.
    last: f64,
    /// Of a chunk.
    round: f64,
}

/// What a hop adds to a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HopCost {
    /// Seconds of opening the session, of the prompt's first pass, and of the word back.
    pub(super) fill_s: f64,
    /// Seconds of the passes after it.
    pub(super) tail_s: f64,
    /// Seconds of a chunk, and of the verdict on it.
    pub(crate) round_s: f64,
    /// Seconds for which a chunk keeps the link busy.
    pub(super) fills_s: f64,
    pub(super) money: f64,
    pub(super) metered_bytes: f64,
    /// Up and down, for the prompt and for a token.
    pub(crate) bytes: Bytes,
}

/// Bytes over a hop.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bytes {
    pub(crate) prompt_up: f64,
    pub(crate) prompt_down: f64,
    pub(crate) token_up: f64,
    pub(crate) token_down: f64,
}

impl Cargo {
    /// Of rows of `width` values.
    fn sizes(self, width: f64, prompt: &Prompt, style: &Style) -> Sizes {
        let sizes = |in_prompt: f64, in_last: f64, bits: f64| {
            let row_bytes = bits * width / 8.0;
            let bytes =
                |tokens: f64, rows: f64| tokens * TOKEN_BYTES + rows * row_bytes + FRAME_BYTES;
            Sizes {
                told: prompt.told * TOKEN_BYTES + told_passes(prompt) * FRAME_BYTES,
                full: bytes(prompt.full_rows, in_prompt),
                last: bytes(prompt.last_rows, in_last),
                round: bytes(style.rows(), style.rows()),
            }
        };
        match self {
            Self::Tokens => sizes(0.0, 0.0, 0.0),
            Self::Rows(bits) => sizes(prompt.full_rows, prompt.last_rows, bits),
            Self::Chosen(bits) => sizes(0.0, 1.0, bits),
            Self::Verdicts => {
                let said = TOKEN_BYTES + FRAME_BYTES;
                let told = told_passes(prompt) * said;
                Sizes { told, full: said, last: said, ..Self::Tokens.sizes(width, prompt, style) }
            }
        }
    }
}

fn told_passes(prompt: &Prompt) -> f64 {
    (prompt.told / TOLD_ROWS_MAX).ceil()
}

impl Sizes {
    /// All of a prompt.
    fn of_prompt(&self, prompt: &Prompt) -> f64 {
        self.told + prompt.full_passes * self.full + self.last
    }
}

impl HopCost {
    /// Of a hop that `up` crosses towards the target, and `down` from there, in rows of `width` values.
    pub(crate) fn new(
        hop: &Hop,
        (up, down): (Cargo, Cargo),
        width: f64,
        prompt: &Prompt,
        style: &Style,
        later: f64,
    ) -> Self {
        let sizes = |cargo: Cargo| cargo.sizes(width, prompt, style);
        let (turns, word) = (down != Cargo::Verdicts, sizes(Cargo::Verdicts));
        let (up, down) = (sizes(up), sizes(down));
        let both_ways_s = |up, down| hop.up(up).takes_s + hop.down(down).takes_s;
        let opening_s = both_ways_s(FRAME_BYTES, FRAME_BYTES);
        // Rows wait until it is sure that nothing before them is missing.
        let told_s = if prompt.told > 0.0 { both_ways_s(up.told, down.told) } else { 0.0 };
        let (up_full, up_last, up_round) = (hop.up(up.full), hop.up(up.last), hop.up(up.round));
        let (down_full, down_last, down_round) =
            (hop.down(down.full), hop.down(down.last), hop.down(down.round));
        // The last pass is the larger one where it alone has a row.
        let (up_s, _) = prompt.fill_and_tail(up_full.takes_s, up_last.takes_s);
        let (first, _) = prompt.fill_and_tail(up.full, up.last);
        let waits_s = hop.slow_start_up_s(first.max(up.last)) + hop.slow_start_down_s(down.last);
        let (_, up_tail_s) = prompt.fill_and_tail(up_full.fills_s, up_last.fills_s);
        let (_, down_tail_s) = prompt.fill_and_tail(down_full.fills_s, down_last.fills_s);
        // Where rows go down, the word on them goes up, and nobody waits for it.
        let (said, judged) = match turns {
            true => (word.of_prompt(prompt), style.judged_per_token * word.round),
            false => (0.0, 0.0),
        };
        let answered = if turns { style.sent_per_token } else { style.judged_per_token };
        let bytes = Bytes {
            prompt_up: FRAME_BYTES + up.of_prompt(prompt) + said,
            prompt_down: FRAME_BYTES + down.of_prompt(prompt),
            token_up: style.sent_per_token * up.round + judged,
            token_down: answered * down.round,
        };
        let all = bytes.of_reply(later);
        Self {
            fill_s: opening_s + told_s + waits_s + up_s.max(up_last.takes_s) + down_last.takes_s,
            tail_s: up_tail_s.max(down_tail_s),
            round_s: up_round.takes_s + down_round.takes_s,
            fills_s: up_round.fills_s.max(down_round.fills_s),
            money: hop.money(all),
            metered_bytes: hop.metered(all),
            bytes,
        }
    }
}

impl Bytes {
    /// All of a reply.
    pub(crate) fn of_reply(&self, later: f64) -> f64 {
        self.prompt_up + self.prompt_down + later * (self.token_up + self.token_down)
    }

    /// Those of another hop as well.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            prompt_up: self.prompt_up + other.prompt_up,
            prompt_down: self.prompt_down + other.prompt_down,
            token_up: self.token_up + other.token_up,
            token_down: self.token_down + other.token_down,
        }
    }
}
