//! Where a middle stage stands in its chain.

use super::Side;
use crate::Pass;
use base::WireCodec;

/// What a middle stage reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HopsConfig {
    /// `None`: tokens, the stage has the embedding. Else hidden states in this codec.
    pub reads: Option<WireCodec>,
    /// Codec of the hop into the next stage.
    pub writes: WireCodec,
    /// Width `D` of both.
    pub width: u32,
    /// Whether all layers are before it: it is a relay to the head, and reads only what that chooses from.
    pub behind_layers: bool,
    /// Whether no layer is behind it: of what it gives, only the rows leave that the head chooses from.
    pub last_layer: bool,
    /// Where the head is. [`Side::Down`]: at a node that the chain crossed before, so that passes return
    /// from where the last layer is, and verdicts go up there.
    pub head: Side,
}

impl HopsConfig {
    /// Whether the chain turns here: nobody is above.
    pub fn turns(&self) -> bool {
        self.last_layer && self.head == Side::Down
    }

    /// Where passes go that were run here.
    pub(super) const fn onward(&self) -> Side {
        if self.last_layer { self.head } else { Side::Up }
    }

    /// How many rows of a `pass` that was run here leave.
    pub(super) fn leaving(&self, pass: &Pass) -> usize {
        if self.last_layer { pass.chosen_rows() } else { pass.tokens.len() }
    }
}
