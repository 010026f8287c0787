//! Whether a stage that a device planned is one that this node can run.
//!
//! Pure: an [`Open`] and what the node holds go in, a run or a fault comes out.

use crate::config::SharePrefixes;
use base::{NodeName, Privacy, Role};
use protocol::{Fault, FaultKind, Host, Open, PlannedStage, Side};
use runtime::{HopCoder, KvOptions, Lineage, PrefixScope, StageSpec};
use transport::Peer;

/// What a node compares an [`Open`] with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own<'a> {
    /// What it says of itself.
    pub(crate) host: &'a Host,
    /// What it has loaded.
    pub(crate) holds: StageSpec,
    /// The next stage's node, of a gateway.
    pub(crate) upstream: Option<&'a NodeName>,
    /// The longest session.
    pub(crate) positions_max: u32,
}

/// A stage that this node will run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Accepted {
    /// Through which layers.
    pub(crate) run: StageSpec,
    /// How hidden states come in; `None` where tokens do.
    pub(crate) reads: Option<HopCoder>,
    /// How they leave; `None` for the last stage.
    pub(crate) writes: Option<HopCoder>,
    /// Where the head is, of a stage that has not got it: below, where the chain comes back past us.
    pub(crate) head: Side,
    /// Whether no layer is behind it.
    pub(crate) last_layer: bool,
    /// How they come back into the head, where the chain comes back to us.
    pub(crate) home: Option<HopCoder>,
}

impl Accepted {
    /// Whether all layers are before it.
    pub(crate) const fn is_behind_layers(&self) -> bool {
        self.last_layer && self.run.layers.is_empty()
    }

    /// Whether the next stage is above.
    pub(crate) fn goes_on(&self) -> bool {
        self.writes.is_some() && !self.turns()
    }

    /// Whether nobody is above, and the head is below.
    pub(crate) fn turns(&self) -> bool {
        self.last_layer && self.head == Side::Down
    }
}

/// The stage of `open` that is ours, from `peer`, whose kernels are of class `numerics`.
///
/// # Errors
///
/// The fault to answer with: which part of the plan does not fit, and what would.
pub(crate) fn accept(
    own: Own<'_>,
    open: &Open,
    peer: &Peer,
    numerics: &str,
) -> Result<Accepted, Box<Fault>> {
    let fault = |kind, detail: String| Box::new(Fault::on_session(open.epoch, kind, &detail));
    let rejected = |detail| fault(FaultKind::Rejected, detail);
    let Some((stage, rest)) = open.stages.split_first() else {
        return Err(rejected("the plan has no stage for this node".to_owned()));
    };
    let name = &own.host.node;
    if stage.node != *name {
        return Err(rejected(format!("the stage is for node {}; this is {name}", stage.node)));
    }
    check_length(open, own.positions_max).map_err(rejected)?;
    check_class(own, open.class, stage, rest).map_err(rejected)?;
    let run = StageSpec { layers: stage.layers, embedding: stage.embedding, head: stage.head };
    if !is_consecutive(run, own.host.layers) {
        let layers = own.host.layers;
        return Err(rejected(format!(
            "a stage of {run} skips some of the model's {layers} layers"
        )));
    }
    if !own.holds.contains(run) {
        let holds = own.holds;
        return Err(fault(
            FaultKind::PeerIncompatible,
            format!("a stage of {run} is planned for {name}, which holds {holds}"),
        ));
    }
    let width = own.host.width;
    let coder = |stage| coder_into(stage, width).map_err(rejected);
    let reads = (!stage.embedding).then(|| coder(stage)).transpose()?;
    let onward = onward(own, stage, rest, peer).map_err(rejected)?;
    if (reads.is_some() || onward.head == Side::Down) && numerics != own.host.numerics {
        let ours = &own.host.numerics;
        return Err(fault(
            FaultKind::PeerIncompatible,
            format!("hidden states of numerics class {numerics:?} cannot go on in {ours:?}"),
        ));
    }
    let Onward { next, head, home } = onward;
    if home.is_some() && !own.holds.head {
        let holds = own.holds;
        return Err(fault(
            FaultKind::PeerIncompatible,
            format!("the head is planned for {name}, which holds {holds}"),
        ));
    }
    let (writes, home) = (next.map(coder).transpose()?, home.map(coder).transpose()?);
    let last_layer = stage.layers.end() == own.host.layers;
    Ok(Accepted { run, reads, writes, head, last_layer, home })
}

/// With whom this node shares KV.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sharing {
    /// As configured.
    pub(crate) rule: SharePrefixes,
    /// What nobody else knows: by it the texts of sessions without a tenant are named, so that no peer
    /// can ask for them.
    pub(crate) secret: [u8; 32],
}

/// How a session's KV is kept: as its device says, and shared with whom that and this node let it.
pub(crate) fn kv_options(sharing: &Sharing, host: &Host, peer: &Peer, open: &Open) -> KvOptions {
    let (scope, lineage) = (scope(sharing, host, peer, open), lineage(open));
    KvOptions { format: open.kv, stream: open.stream, scope, lineage, ..KvOptions::default() }
}

/// Whose KV a session may find, and who may find the session's.
fn scope(sharing: &Sharing, host: &Host, peer: &Peer, open: &Open) -> PrefixScope {
    let vouched = open.stages.first().is_some_and(|stage| stage.embedding);
    // Longer than any tenant's secret, so that none is the same.
    let of = |whom: &str| {
        PrefixScope::tenant(&[&sharing.secret, whom.as_bytes()].concat(), host.tokenizer)
    };
    match (sharing.rule, &open.tenant) {
        (SharePrefixes::Off, _) => PrefixScope::NOBODY,
        (_, Some(secret)) => PrefixScope::tenant(&secret.0, host.tokenizer),
        // What was computed from hidden states is no better than whoever sent them: a stranger's are
        // for nobody else, and which of its devices sent them, a gateway does not say.
        (_, None) if !vouched && peer.role != Role::Device => PrefixScope::NOBODY,
        (SharePrefixes::All, None) if vouched => of("all"),
        (SharePrefixes::Peer | SharePrefixes::All, None) => of(&peer.to_string()),
    }
}

/// Through which lossy hops the session's hidden states come into this node's stage.
fn lineage(open: &Open) -> Lineage {
    match open.stages.first() {
        Some(stage) if !stage.embedding => {
            let before = open.lineage.map_or(Lineage::EXACT, Lineage::from_bytes);
            before.hop(stage.layers.start(), stage.codec, &stage.scales)
        }
        Some(_) | None => Lineage::EXACT,
    }
}

/// A text goes no further than its class lets it: here, and from here on.
fn check_class(
    own: Own<'_>,
    class: Privacy,
    stage: &PlannedStage,
    rest: &[PlannedStage],
) -> Result<(), String> {
    let reads = |stage: &PlannedStage| stage.embedding || stage.head || stage.layers.start() == 0;
    let may = |role, stage: &&PlannedStage| class.allows_stage(role, reads(stage));
    // Above a gateway is a cloud.
    let next = rest.first().filter(|next| own.upstream == Some(&next.node));
    let next = next.filter(|next| !may(Role::Cloud, next));
    let reader = Some(stage).filter(|stage| !may(own.host.role, stage)).or(next);
    let (class, forbidden) = (class.as_str(), "may not be read by");
    reader
        .map_or(Ok(()), |stage| Err(format!("a text of class {class} {forbidden} {}", stage.node)))
}

/// A session is at most `most` positions long; one that forgets sees at most so many.
fn check_length(open: &Open, most: u32) -> Result<(), String> {
    let asked = open.positions_max;
    match open.stream {
        None if asked > most => {
            Err(format!("{asked} positions are asked for; sessions have at most {most}"))
        }
        Some(stream) if stream.seen_max().min(asked) > most => {
            Err(format!("a stream of {stream} is asked for; here one sees at most {most}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// How hidden states come into `stage`, of a model with rows of `width`.
fn coder_into(stage: &PlannedStage, width: u32) -> Result<HopCoder, String> {
    HopCoder::new(stage.codec, &stage.scales, width as usize).map_err(|error| error.to_string())
}

/// What is behind a stage.
#[derive(Debug)]
struct Onward<'a> {
    /// The next stage; `None` behind the last.
    next: Option<&'a PlannedStage>,
    head: Side,
    /// The head, where that is ours as well.
    home: Option<&'a PlannedStage>,
}

/// What is behind `stage`, which `peer` opened: a stage of the upstream's; or, where the chain turns, the
/// head of a node that it crossed before us.
fn onward<'a>(
    own: Own<'_>,
    stage: &PlannedStage,
    rest: &'a [PlannedStage],
    peer: &Peer,
) -> Result<Onward<'a>, String> {
    let all = own.host.layers;
    let is_below = |last: &PlannedStage| {
        let is_head = last.head && !last.embedding && last.layers.is_empty();
        is_head && last.layers.start() == all && is_before(own, &last.node, peer)
    };
    let next = match (stage.head, rest.first()) {
        (true, None) => return Ok(Onward { next: None, head: Side::Up, home: None }),
        (true, Some(next)) => {
            return Err(format!("the stage with the head is the last, but {} follows", next.node));
        }
        (false, None) => {
            return Err("the last stage of the plan must have the head".to_owned());
        }
        (false, Some(next)) => next,
    };
    if let ([head], false) = (rest, stage.layers.is_empty())
        && stage.layers.end() == all
        && is_below(head)
    {
        return Ok(Onward { next: Some(head), head: Side::Down, home: None });
    }
    let Some(upstream) = own.upstream else {
        return Err(format!("this node has no upstream to reach {}", next.node));
    };
    if next.node != *upstream {
        return Err(format!("the next stage is for {}; the upstream is {upstream}", next.node));
    }
    if next.embedding || next.layers.start() != stage.layers.end() {
        let (here, there) = (stage.layers, next.layers);
        return Err(format!("layers {there} do not follow layers {here} of the stage before"));
    }
    let last = rest.last().filter(|last| rest.len() > 1 && last.layers.start() == all);
    let home =
        last.filter(|last| last.head && last.layers.is_empty() && last.node == own.host.node);
    let head = if last.is_some_and(is_below) { Side::Down } else { Side::Up };
    Ok(Onward { next: Some(next), head, home })
}

/// Whether a chain that `peer` opened may have crossed `node` before us. Of a gateway's devices we know no
/// names.
fn is_before(own: Own<'_>, node: &NodeName, peer: &Peer) -> bool {
    let is_ahead = *node == own.host.node || own.upstream == Some(node);
    !is_ahead && (*node == peer.name || peer.role != Role::Device)
}

/// Nothing is skipped between embedding, layers and head. A stage without layers stands somewhere
/// too, and does one thing at most.
fn is_consecutive(run: StageSpec, layers: u32) -> bool {
    let both = run.layers.is_empty() && run.embedding && run.head;
    !both
        && (!run.embedding || run.layers.start() == 0)
        && (!run.head || run.layers.end() == layers)
}

#[cfg(test)]
mod tests;
