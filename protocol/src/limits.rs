//! Every cap on what a peer may make us hold, each with its reason.
//!
//! A message over a limit is an error, never cut to size. Lengths are compared with these before
//! anything of that length is allocated.

use crate::message::LIKELY_LEN_MAX;
use crate::token_run::ID_LEN_MAX;
use crate::{Kind, TextName};

/// Bytes of a body: what a long header's 16-bit length can say, so that no frame can claim more.
pub const BODY_LEN_MAX: usize = u16::MAX as usize;

/// Rows of one pass. A thousand prompt rows already fill the widest matmul tiles many times over,
/// and a longer prompt comes in chunks, so that other sessions' rows get their turn between them.
pub const PASS_ROWS_MAX: usize = 1024;

/// Drafted tokens of one pass. Acceptance falls geometrically: at 0.95 a token, the 64th draft is
/// reached in one pass of thirty.
pub const DRAFTS_MAX: usize = 64;

/// Tokens that the target may add alone for one pass: about a minute of speech. The device renews it
/// long before; a device that vanished costs the target no more than this.
pub const EXTEND_MAX: u32 = 256;

/// Passes of one session that wait for their verdict: 64-row drafts every 20 ms over a link of 300 ms.
/// A device that sends more without listening is refused.
pub const PASSES_IN_FLIGHT_MAX: usize = 16;

/// Positions of one session: eight times the longest context of the models we load, for streams that
/// forget. A node remembers 20 bytes of text for each.
pub const POSITIONS_MAX: u32 = 1 << 20;

/// Values in a row of hidden states. Llama 3 405B has 16,384.
pub const WIDTH_MAX: u32 = 16_384;

/// Bytes of one pass's hidden states: 1,024 rows of 4,096 values as f32. A wider model sends fewer rows.
pub const HIDDEN_LEN_MAX: usize = 16 << 20;

/// Stages that one session's layers may be spread over. Three tiers need three.
pub const STAGES_MAX: usize = 8;

/// Channel scales of all hops of one session: two hops of the widest model.
pub const SCALES_MAX: usize = 2 * WIDTH_MAX as usize;

/// End tokens of one session. Models have one to five.
pub const END_TOKENS_MAX: usize = 32;

/// The likeliest tokens that a verdict names beside each of its own: as many as OpenAI's API.
pub const LIKELIEST_MAX: u8 = 20;

/// Bytes of a grammar. JSON schemas of large tool sets have some KiB; the body of an `Open` holds this beside the scales.
pub const GRAMMAR_LEN_MAX: usize = 24 << 10;

/// Bytes of a numerics class's name.
pub const NUMERICS_LEN_MAX: usize = 32;

/// Bytes of a fault's text: enough for one sentence in a log.
pub const DETAIL_LEN_MAX: usize = 256;

/// Layers of a model. The deepest we know has 126.
pub const LAYERS_MAX: u32 = 1024;

/// Bytes of what a node says of itself and of the one above it: four surfaces of 16 curves of 16 points
/// with 5 and 4 bytes each, and as much again for everything else.
pub const REACH_LEN_MAX: usize = 2 * 4 * 16 * 16 * 9;

/// Texts of one segment request: 32,768 positions, and a body of 32 KiB. Who wants more asks again.
pub const SEGMENTS_MAX: usize = 1024;

/// Bytes of one segment: 32 positions of a model of 70 billion parameters in half precision have 10 MiB.
pub const SEGMENT_LEN_MAX: u32 = 64 << 20;

/// Bytes of one part of a segment: what a link of 50 Mbit/s carries in 10 ms. The frame around it is a
/// thousandth of that.
pub const SEGMENT_PART_LEN_MAX: u32 = 64 << 10;

/// Fixed fields of the messages that carry token runs or names, rounded up.
const FIXED_LEN: usize = 64;

/// Bytes of a body of `kind`: its largest legal message, rounded up.
pub const fn body_len_max(kind: Kind) -> usize {
    match kind {
        Kind::Hello => 256,
        Kind::Welcome => REACH_LEN_MAX + 256,
        Kind::Open => SCALES_MAX + GRAMMAR_LEN_MAX + 2048,
        Kind::Opened
        | Kind::Rollback
        | Kind::Close
        | Kind::Ping
        | Kind::Pong
        | Kind::SegmentPart
        | Kind::Receipt => FIXED_LEN,
        Kind::Pass => PASS_ROWS_MAX * ID_LEN_MAX + FIXED_LEN,
        Kind::Draft => DRAFTS_MAX * ID_LEN_MAX + FIXED_LEN,
        Kind::Verdict => {
            let own = 1 + EXTEND_MAX as usize;
            PASS_ROWS_MAX / 8 + own * ID_LEN_MAX + (DRAFTS_MAX + own) * LIKELY_LEN_MAX + FIXED_LEN
        }
        Kind::Fault => DETAIL_LEN_MAX + FIXED_LEN,
        Kind::SegmentRequest => SEGMENTS_MAX * TextName::LEN + FIXED_LEN,
    }
}
