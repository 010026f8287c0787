//! One session channel, from its first Open to its end.
//!
//! ```text
//!   Open ─▶ fits? ─▶ admitted? ─▶ state: kept or fresh ─▶ verify / hop until
//!             no: Fault, wait for another Open               Close        all is freed
//!                                                            link lost    state waits for a resume
//!                                                            Open         the next turn
//!                                                            later turn   the channel ends
//! ```
//!
//! # Invariants
//!
//! - **A turn's state is taken out while it is driven and put back at its end**: a driver that
//!   panics leaves nothing behind, and a resume starts afresh.
//! - **What a peer does wrong in a session ends that session.** It also costs a device its link,
//!   but not a gateway, whose link is that of many devices.

mod held;
mod home;
mod hop;
mod traced;
mod verify;

use crate::engine::{Choose, Done, EngineError, Job, Sequence};
use crate::node::{Home, Kept, Machine, Node, Seat};
use crate::registry::{Refusal, SessionKey, Turn};
use crate::segments::{self, LastWord};
use crate::stages::{self, Accepted};
use crate::store::Asked;
use base::{ByteCount, Position, Privacy, Role, TokenId};
use bytes::Bytes;
use held::Held;
use protocol::error::PeerMisbehaved;
use protocol::{
    Draft, Epoch, Fault, FaultKind, Frame, HiddenRows, Homecoming, Hops, HopsConfig, Kind, Message,
    Open, Pass, Rollback, SegmentRequest, SessionId, TenantSecret, Veil, Verdict, Verifier,
    VerifierConfig,
};
use runtime::{ForwardError, HopCoder, KvOptions};
use settings::chain;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use transport::{
    ChannelError, CloseCode, Link, SessionChannel, SessionReceiver, SessionSender, clock,
};

/// How long a fault may take to leave before the link is closed over it.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(2);

/// A peer that has shaken hands.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// Its link; says who it is.
    pub(crate) link: Link,
    /// The numerics class of its kernels.
    pub(crate) numerics: Arc<str>,
    /// Whose KV its sessions may share, where they do not say.
    pub(crate) tenant: Option<TenantSecret>,
    /// When a session of its said something.
    pub(crate) last_word: Arc<LastWord>,
}

/// Both directions of the channel to whoever opened it.
pub(crate) struct Ends {
    pub(crate) sender: SessionSender,
    pub(crate) receiver: SessionReceiver,
    /// Touched by what is said here.
    last_word: Arc<LastWord>,
}

/// What a channel without a turn says.
enum Begins {
    /// A session, or its next turn.
    Session(Box<Open>),
    /// A channel of segments; it carries no session.
    Segments(SegmentRequest),
    /// It carries sessions and asks for segments.
    Wrongly(Kind),
}

/// How a turn ended.
enum End {
    /// The peer closed the session.
    Closed,
    /// The channel is gone.
    Lost(ChannelError),
    /// The peer opened the session on another channel.
    Superseded,
    /// The peer opened a session on this channel.
    Reopened(Box<Open>),
    /// The peer broke the rules.
    Misbehaved(PeerMisbehaved),
}

/// Something in the engine.
type Running = Pin<Box<dyn Future<Output = Result<Outcome, EngineError>> + Send>>;

/// What the engine gave.
enum Outcome {
    /// Of rows that were run.
    Ran(Done),
    /// So many of the rows that were asked for are known.
    Known(usize),
}

/// Serves a channel until it ends.
pub(crate) async fn serve(node: Arc<Node>, guest: Guest, channel: SessionChannel) {
    let (sender, receiver) = channel.split();
    let mut ends = Ends { sender, receiver, last_word: Arc::clone(&guest.last_word) };
    let (mut next, mut begun) = (None, false);
    loop {
        let mut open = match next.take() {
            Some(open) => open,
            None => match ends.begins(&mut begun).await {
                Some(Begins::Session(open)) => *open,
                Some(Begins::Segments(request)) => {
                    return segments::serve(node, guest, ends, request).await;
                }
                Some(Begins::Wrongly(kind)) => {
                    let error = PeerMisbehaved::OutOfTurn { kind };
                    return expel(&guest, ends, Epoch::default(), &error).await;
                }
                None => return,
            },
        };
        let (session, epoch) = (open.session, open.epoch);
        let span = traced::begin(&node, &guest, &mut open);
        let end = turn(&node, &guest, &mut ends, open).instrument(span.clone()).await;
        let within = span.enter();
        match end {
            Ok(End::Closed) => {}
            Ok(End::Reopened(open)) => next = Some(*open),
            Ok(End::Superseded) => return,
            Ok(End::Lost(error)) => {
                tracing::info!(%session, why = %chain(&error), "session left");
                return;
            }
            Ok(End::Misbehaved(error)) => {
                tracing::warn!(%session, peer = %guest.link.peer(), %error, "peer misbehaved");
                drop(within);
                node.counters.misbehaved.add(1);
                return expel(&guest, ends, epoch, &error).await;
            }
            Err(fault) => {
                // Its detail, which is the peer's to read, may quote a grammar.
                tracing::info!(%session, kind = ?fault.kind, "refused");
                drop(within);
                if ends.sender.send(Message::Fault(*fault)).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// One turn; the fault to answer with, where the session is not admitted.
async fn turn(
    node: &Arc<Node>,
    guest: &Guest,
    ends: &mut Ends,
    open: Open,
) -> Result<End, Box<Fault>> {
    let open = Open { tenant: open.tenant.or(guest.tenant), ..open };
    let peer = guest.link.peer();
    let accepted = stages::accept(node.own(), &open, peer, &guest.numerics)
        .inspect_err(|_| node.counters.refuse("plan"))?;
    let held = held::accept(node, &open, &accepted)
        .await
        .inspect_err(|_| node.counters.refuse("grammar"))?;
    let key = SessionKey { peer: guest.link.peer().clone(), session: open.session };
    let kv = stages::kv_options(&node.sharing, &node.host, guest.link.peer(), &open);
    let admitted = {
        let mut registry = node.registry();
        let reserved = match accepted.run.layers.is_empty() {
            true => ByteCount(0),
            false => node.engine.kv_bytes(&kv, open.positions_max),
        };
        let admitted = registry.admit(&key, open.epoch, reserved, Seat::new);
        admitted.map(|(turn, seat)| (turn, seat.next_turn(), seat))
    };
    let (turn, stop, seat) = admitted.map_err(|refusal| refused(node, &open, refusal))?;
    node.counters.admitted.add(1);
    let leaving = Leaving { node, key, turn };
    tracing::info!(session = %open.session, peer = %guest.link.peer(), run = %accepted.run, "session");

    let mut slot = tokio::select! {
        biased;
        () = stop.cancelled() => return Ok(End::Superseded),
        slot = Arc::clone(&seat.kept).lock_owned() => slot,
    };
    let kept = slot.take().filter(|kept| kept.is_of(&open, &kv));
    let mut kept = kept.unwrap_or_else(|| fresh(node, &open, kv, &accepted));
    let driver = Driver { node, accepted, open: &open, held, sequence: &kept.sequence, stop };
    let end = match &mut kept.machine {
        Machine::Verifier(verifier) => verify::drive(driver, verifier, ends).await,
        Machine::Hops { hops, home, veil, upstream_id } => {
            let place = hop::Place { home: home.as_mut(), veil, upstream_id: *upstream_id };
            hop::drive(driver, hops, place, ends).await
        }
    };
    match end {
        End::Lost(_) | End::Superseded | End::Reopened(_) => *slot = Some(kept),
        End::Closed | End::Misbehaved(_) => {
            // Its KV goes before its room is given to others.
            drop((kept, slot));
            leaving.remove();
        }
    }
    Ok(end)
}

/// What both drivers work with.
struct Driver<'a> {
    node: &'a Arc<Node>,
    accepted: Accepted,
    open: &'a Open,
    /// What the reply is held to, where the head is here.
    held: Option<Held>,
    sequence: &'a Arc<Sequence>,
    /// Cancelled when a later turn begins.
    stop: CancellationToken,
}

impl Driver<'_> {
    /// The values `[T, D]` of the rows that are needed.
    fn decode(&self, rows: &HiddenRows) -> Result<Vec<f32>, Trouble> {
        let coder = self.accepted.reads.as_ref();
        decode(coder.expect("the machine takes hidden states where the stage reads them"), rows)
    }

    /// The blocks of `text` that rows from `base` on may take from KV that is known, of those on disk.
    fn asked(&self, text: &[TokenId], base: Position) -> Option<Asked> {
        let kv = *self.sequence.options();
        let (layers, base) = (self.accepted.run.layers, base.index());
        let stored = self.node.store.is_some() && !layers.is_empty();
        stored.then(|| Asked { kv, layers, text: text.to_vec(), base })
    }

    /// Runs `job`, once what `asked` is about is there, and it is known what its `rows` may choose.
    fn submit(&self, asked: Option<Asked>, rows: Option<held::Rows>, mut job: Job) -> Running {
        let node = Arc::clone(self.node);
        Box::pin(async move {
            node.bring(asked).await;
            if let (Some(choose), Some(rows)) = (&mut job.choose, rows) {
                choose.allowed = rows.allowed(&node).await?;
            }
            let base = job.base;
            let done = node.engine.run(job).await?;
            tracing::debug!(%base, took = ?done.took, "pass");
            Ok(Outcome::Ran(done))
        })
    }

    /// How the rows `rows` of a job choose.
    fn choose(&self, rows: Range<usize>) -> Option<Choose> {
        let Open { sampling, likelihoods, .. } = self.open;
        let likelihoods = likelihoods.map(usize::from);
        Some(Choose { rows, allowed: Vec::new(), sampling: *sampling, likelihoods })
    }

    /// Looks for KV of `tokens`, which follow the first `base` of the session's `text`.
    fn look_up(&self, text: &[TokenId], base: Position, tokens: Vec<TokenId>) -> Running {
        let (node, sequence) = (Arc::clone(self.node), Arc::clone(self.sequence));
        let (layers, asked) = (self.accepted.run.layers, self.asked(text, base));
        Box::pin(async move {
            node.bring(asked).await;
            node.engine.adopt(&sequence, layers, base, tokens).await.map(Outcome::Known)
        })
    }
}

/// The values `[T, D]` of the rows that are needed, which came as `coder` says.
fn decode(coder: &HopCoder, rows: &HiddenRows) -> Result<Vec<f32>, Trouble> {
    let width = rows.width as usize;
    let values = coder.decode(&rows.payload, rows.rows, width);
    let mut values = values.map_err(|error| Trouble::corrupt(&error))?;
    values.drain(..rows.skip * width);
    Ok(values)
}

/// Gives the seat up at the end of a turn, however it ends.
struct Leaving<'a> {
    node: &'a Node,
    key: SessionKey,
    turn: Turn,
}

impl Leaving<'_> {
    /// The session is over and leaves nothing.
    fn remove(self) {
        self.node.registry().remove(&self.key, self.turn);
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.node.registry().leave(&self.key, self.turn, clock::now());
        self.node.left.notify_waiters();
    }
}

impl Ends {
    /// What the channel says next; `None` where it ends first. What else still comes is late: it
    /// belongs to a session that was refused or is over. `begun`: whether something came already.
    async fn begins(&mut self, begun: &mut bool) -> Option<Begins> {
        loop {
            let message = self.receiver.recv().await.ok()?.message;
            let first = !std::mem::replace(begun, true);
            if let Message::Open(open) = message {
                return Some(Begins::Session(Box::new(open)));
            }
            if let Message::SegmentRequest(request) = message {
                return Some(match first {
                    true => Begins::Segments(request),
                    false => Begins::Wrongly(Kind::SegmentRequest),
                });
            }
        }
    }

    /// Sends down, unless a later turn begins first.
    async fn send(&mut self, frame: impl Into<Frame>, stop: &CancellationToken) -> Result<(), End> {
        let frame = frame.into();
        if matches!(frame.message.kind(), Kind::Verdict | Kind::Pass) {
            self.last_word.touch();
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Superseded),
            sent = self.sender.send(frame) => sent.map_err(End::Lost),
        }
    }
}

/// State of a session that nothing is kept of.
fn fresh(node: &Node, open: &Open, kv: KvOptions, accepted: &Accepted) -> Kept {
    let width = node.host.width;
    let reads = accepted.reads.as_ref().map(HopCoder::codec);
    let machine = match &accepted.writes {
        None => {
            let hidden = reads.map(|codec| (codec, width));
            let head_alone = accepted.run.layers.is_empty();
            Machine::Verifier(Box::new(Verifier::new(VerifierConfig { hidden, head_alone })))
        }
        Some(writes) => {
            let config = HopsConfig {
                reads,
                writes: writes.codec(),
                width,
                behind_layers: accepted.is_behind_layers(),
                last_layer: accepted.last_layer,
                head: accepted.head,
            };
            let home = accepted.home.as_ref().map(|coder| Home {
                homecoming: Box::new(Homecoming::new(coder.codec(), width)),
                sequence: node.engine.open(kv),
            });
            let upstream_id = SessionId(node.network.random());
            let veil = (accepted.goes_on() && open.class == Privacy::Site)
                .then(|| Box::new(Veil::new(node.network.random(), node.host.vocab, &[])));
            Machine::Hops { hops: Box::new(Hops::new(config)), home, veil, upstream_id }
        }
    };
    let (stages, class) = (open.stages.clone(), open.class);
    Kept { stages, class, kv, sequence: node.engine.open(kv), machine }
}

fn refused(node: &Node, open: &Open, refusal: Refusal) -> Box<Fault> {
    node.counters.refuse(refusal.reason());
    let fault = |kind| Fault::on_session(open.epoch, kind, &refusal.to_string());
    Box::new(match refusal {
        Refusal::Draining
        | Refusal::Sessions { .. }
        | Refusal::PeerSessions { .. }
        | Refusal::Memory { .. } => fault(FaultKind::Overloaded).retry_after(node.retry_after_ms()),
        Refusal::Outdated { .. } | Refusal::TooMuch { .. } => fault(FaultKind::Rejected),
    })
}

/// Tells a peer what it did wrong, and ends the channel; of a device, the whole link.
pub(crate) async fn expel(guest: &Guest, mut ends: Ends, epoch: Epoch, error: &PeerMisbehaved) {
    let reason = error.to_string();
    let fault = Fault::on_session(epoch, FaultKind::PeerMisbehaved, &reason);
    // The peer may be gone already, or not listen; the close says the same.
    let _ = tokio::time::timeout(LAST_WORD_TIMEOUT, ends.sender.send(Message::Fault(fault))).await;
    match guest.link.peer().role {
        Role::Device => guest.link.close(CloseCode::Misbehaved, &reason),
        Role::Gateway | Role::Cloud => {}
    }
}

/// What a peer says within a turn.
enum Said {
    /// Rows, with their hidden states where they have some.
    Pass(Pass, Bytes),
    /// Drafts to judge.
    Draft(Draft),
    /// What the head says, where that is below.
    Verdict(Verdict),
    /// What to forget.
    Rollback(Rollback),
    /// Nothing that changes the session.
    Nothing,
}

/// Reads what came from the peer below; the end of the turn, where that is it.
fn said(frame: Result<Frame, ChannelError>) -> Result<Said, End> {
    let Frame { message, payload } = frame.map_err(End::Lost)?;
    match message {
        Message::Pass(pass) => Ok(Said::Pass(pass, payload)),
        Message::Draft(draft) => Ok(Said::Draft(draft)),
        Message::Verdict(verdict) => Ok(Said::Verdict(verdict)),
        Message::Rollback(rollback) => Ok(Said::Rollback(rollback)),
        Message::Open(open) => Err(End::Reopened(Box::new(open))),
        Message::Close(_) => Err(End::Closed),
        Message::Fault(fault) => {
            // Its detail may quote what somebody said.
            tracing::warn!(kind = ?fault.kind, "the peer reports a fault");
            Ok(Said::Nothing)
        }
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Opened(_)
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::SegmentRequest(_)
        | Message::SegmentPart(_)
        | Message::Receipt(_) => Err(out_of_turn(message.kind())),
    }
}

/// A message that no peer may send here now.
fn out_of_turn(kind: Kind) -> End {
    End::Misbehaved(PeerMisbehaved::OutOfTurn { kind })
}

/// The answer to what is running, once; waits forever where nothing is.
async fn finish(running: &mut Option<Running>) -> Result<Outcome, EngineError> {
    let Some(job) = running else { return std::future::pending().await };
    let done = job.await;
    *running = None;
    done
}

/// What a peer is told of a job that gave nothing.
struct Trouble {
    kind: FaultKind,
    detail: String,
    retry_after_ms: Option<u32>,
}

impl Trouble {
    /// More than one frame carries.
    fn too_long(bytes: usize) -> Self {
        let most = protocol::limits::HIDDEN_LEN_MAX;
        let detail = format!("the pass's hidden states have {bytes} bytes, a frame {most}");
        Self { kind: FaultKind::Rejected, detail, retry_after_ms: None }
    }

    /// Bytes that are no hidden states.
    fn corrupt(error: &kernels::wire::WireError) -> Self {
        Self { kind: FaultKind::Corrupt, detail: error.to_string(), retry_after_ms: None }
    }

    fn of(node: &Node, error: &EngineError) -> Self {
        let kind = match error {
            EngineError::Forward(error) => match error {
                ForwardError::PoolFull { .. } => FaultKind::Overloaded,
                ForwardError::Input { .. } | ForwardError::ContextFull { .. } => {
                    FaultKind::Rejected
                }
                ForwardError::Stage { .. }
                | ForwardError::UnknownSequence { .. }
                | ForwardError::DuplicateSequence { .. }
                | ForwardError::Gap { .. }
                | ForwardError::OtherLayers { .. }
                | ForwardError::Abandoned
                | ForwardError::Tensor(_) => FaultKind::Unavailable,
            },
            EngineError::Guide(_) => FaultKind::Rejected,
            // Hidden states that are not finite.
            EngineError::Sample { .. } => FaultKind::Corrupt,
            EngineError::Gap { .. } | EngineError::Panicked | EngineError::Stopped => {
                FaultKind::Unavailable
            }
        };
        let retry = matches!(kind, FaultKind::Overloaded | FaultKind::Unavailable);
        let retry_after_ms = retry.then(|| node.retry_after_ms());
        Self { kind, detail: chain(error), retry_after_ms }
    }
}
