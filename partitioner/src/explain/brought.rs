//! What becomes of a prompt in the device's own layers of the target: KV by transfer, or computed here.

use crate::cost::Route;
use crate::{Candidate, Costs};
use base::NodeName;
use serde::Serialize;
use std::fmt;

/// A prompt that another node reads, too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BroughtPrompt {
    /// The node.
    pub reader: NodeName,
    /// Blocks of KV in the prompt.
    pub blocks: usize,
    /// Of these, what comes over the link; the device computes the others meanwhile.
    pub brought: f64,
    /// Milliseconds by which the first token comes sooner than if the device computed them all.
    pub sooner_ms: f64,
}

impl fmt::Display for BroughtPrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reader, blocks, brought, sooner_ms } = self;
        write!(
            f,
            "{reader} reads the prompt, too: the KV of {brought:.0} of its {blocks} blocks comes over \
             the link, and the first token {sooner_ms:.0} ms sooner"
        )
    }
}

impl Costs<'_> {
    /// Whose help it takes to read the prompt of `candidate`; `None` where the device has no layers, nobody
    /// can help, or that would not pay.
    pub fn brought_prompt(&self, candidate: &Candidate) -> Option<BroughtPrompt> {
        let route = self.route(candidate).ok()?;
        let brought = route.brought?;
        let ttft_ms =
            |route: &Route<'_>| self.totals(candidate, route, &route.links).criteria.ttft_ms;
        let with_ms = ttft_ms(&route);
        Some(BroughtPrompt {
            reader: self.name(brought.reader),
            blocks: brought.meeting.blocks,
            brought: brought.blocks,
            sooner_ms: ttft_ms(&Route { brought: None, ..route }) - with_ms,
        })
    }
}
