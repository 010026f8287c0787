//! Messages about one session. The stream says which, so only [`Open`] names it.

use crate::error::LimitError;
use crate::{Epoch, PrefixCheck, PrefixHash, SessionId, TenantSecret, limits};
use base::{
    ChannelScale, Grammar, KvFormat, LayerRange, Likelihoods, NodeName, Position, Privacy,
    Sampling, StreamWindow, TokenId, WireCodec,
};
use serde::{Deserialize, Serialize};

/// Begins a session, or resumes one. Sent by the device, and by each stage to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// The conversation. A node that still holds it resumes it.
    pub session: SessionId,
    /// The epoch that starts here, above every earlier one of this session: passes of an older epoch
    /// are void from now on.
    pub epoch: Epoch,
    /// How many leading tokens of its text the sender would like to build on. The answer speaks of
    /// this many or fewer.
    pub have: Position,
    /// How the target chooses.
    pub sampling: Sampling,
    /// The stages that are still ahead: the first is the receiver's own, the last holds the head. A
    /// stage sends the rest on.
    pub stages: Vec<PlannedStage>,
    /// The target says nothing after one of these.
    #[serde(with = "crate::token_run")]
    pub end_tokens: Vec<TokenId>,
    /// The most positions that this session may hold: its KV is reserved by it.
    pub positions_max: u32,
    /// The number format of the KV, at every stage.
    pub kv: KvFormat,
    /// What a position of an endless text sees, at every stage; `None` sees all before it.
    pub stream: Option<StreamWindow>,
    /// Whose KV the session may share, and who may share the session's: those who say the same.
    /// `None`: those that the dialler's [`crate::Hello`] says, or else each node's own rule.
    pub tenant: Option<TenantSecret>,
    /// Which hops rounded the hidden states that come with passes before they left the sender's
    /// stage, as what runs the model calls it. This crate does not interpret it; `None`: none did.
    pub lineage: Option<[u8; 32]>,
    /// How far the session's text may travel. Of [`Privacy::Site`] clouds get middle layers alone, under a
    /// [`crate::Veil`]; [`Privacy::Device`] is refused by whoever gets it.
    pub class: Privacy,
    /// What the reply must be, for whoever has the head; `None`: anything.
    pub constraint: Option<Constraint>,
    /// Verdicts say how likely their tokens were, and so many of the likeliest beside each; `None`: they do
    /// not.
    pub likelihoods: Option<u8>,
    /// The sender's span in the trace of the request, where that is traced.
    pub trace: Option<TraceContext>,
}

/// What a text must be from a position on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Where it begins: the reply's first position.
    pub from: Position,
    /// What it must be, up to an end token, which is chosen only where it is complete.
    pub grammar: Grammar,
}

/// A span that others are children of, as in the W3C recommendation *Trace Context*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// Of the whole request, on all nodes. Not all zero.
    pub trace: [u8; 16],
    /// The sender's. Not all zero.
    pub span: [u8; 8],
    /// Whether somebody records it.
    pub sampled: bool,
}

/// One stage of a session: which layers run where, and how hidden states come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStage {
    /// The node that runs it; a node refuses a stage that does not name it.
    pub node: NodeName,
    /// Its layers.
    pub layers: LayerRange,
    /// Whether it looks tokens up in the embedding: then it reads tokens and no hidden states.
    pub embedding: bool,
    /// Whether it has the head: then it verifies, and is the last.
    pub head: bool,
    /// The wire codec of the hop *into* this stage; without meaning where `embedding` holds.
    pub codec: WireCodec,
    /// What is usual for each channel there, where the codec is a calibrated one; else nothing.
    pub scales: Vec<ChannelScale>,
}

/// The answer to [`Open`]: what every stage of the chain still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The epoch of the [`Open`] that this answers.
    pub epoch: Epoch,
    /// How many leading tokens have their KV in every stage: at most the `have` that was asked for.
    pub held: Position,
    /// Hash of these tokens. The device compares it with its own text, and starts from position 0
    /// where they differ.
    pub prefix: PrefixHash,
    /// Target passes of this session so far: the baseline for counting, see [`Verdict`].
    pub passes: u32,
}

/// Rows to run through the layers, and what to judge. Row `i` is the token at `base + i`; its output
/// is the target's choice for `base + i + 1`.
///
/// ```text
///  tokens:   settled …            said …                drafts …
///            run for their KV     judged, kept anyway   judged, cut at the first miss
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// A receiver drops a pass of an older epoch than the newest it has seen.
    pub epoch: Epoch,
    /// The position of the first token. What the receiver holds from here on and differs is
    /// truncated (rollback). At most one past what it holds, and one past only where the receiver
    /// itself chose the token in between; else a [`FaultKind::Gap`].
    pub base: Position,
    /// Check of all tokens before `base`.
    pub prefix: PrefixCheck,
    /// The tokens at `base..`. May be empty: then the pass only renews `extend`, or asks again.
    #[serde(with = "crate::token_run")]
    pub tokens: Vec<TokenId>,
    /// How many of the tokens were already shown to the user without the target's word. They end
    /// where the drafts begin.
    pub said: u32,
    /// How many of the tokens, at the end, are drafts.
    pub drafts: u32,
    /// Whether the target's own word is wanted. Not for the early parts of a long prompt, which are
    /// only acknowledged, and not for a renewal, which is not answered.
    pub ask: bool,
    /// How far the target may go on alone: its own tokens may fill the positions before
    /// `base + tokens.len() + extend`. The newest pass counts. Zero asks for one token.
    pub extend: u32,
    /// Nothing is run: each stage takes the rows from KV that it knows of this text, or answers with a
    /// [`FaultKind::Gap`] what of it it holds. Of settled tokens alone, and without hidden states.
    pub told: bool,
    /// The hidden states that follow as payload, where the receiver's stage starts above the
    /// embedding; behind the last layer only where the target is to choose.
    pub hidden: Option<Hidden>,
}

/// Drafts for a peer that has all layers: a [`Pass`] of nothing but drafts, which asks, in few bytes.
/// It lets the target go on alone as far past its end as the newest pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// As in [`Pass`].
    pub epoch: Epoch,
    /// The position of the first draft.
    pub base: Position,
    /// Check of all tokens before `base`, earlier drafts among them.
    pub prefix: PrefixCheck,
    /// The drafts; at least one.
    pub tokens: Vec<TokenId>,
}

/// Shape of a payload of hidden states: one row for each token of its pass; behind the last layer, for each
/// of its [`Pass::chosen_rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Number format.
    pub codec: WireCodec,
    /// Values in a row, `D`.
    pub width: u32,
    /// Bytes of the payload.
    pub bytes: u32,
}

/// What the target says, by position: it answers for every pass of its epoch up to there.
///
/// ```text
///  positions:  from …            …                  …
///              agreed (one bit   accepted (drafts   tokens: the target's own, the first of them
///              a said token)     it would have      where a draft missed or the drafts ended
///                                said itself)
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The epoch of the pass that it answers. The device drops one of an older epoch.
    pub epoch: Epoch,
    /// The first position it speaks of: of the first said token, else the first draft, else of
    /// `tokens[0]`. In an acknowledgement the position after the last row that was run.
    pub from: Position,
    /// For each said token, whether the target would have chosen it after the tokens before it.
    pub agreed: Vec<bool>,
    /// How many drafts the target would have chosen itself, up to the first that it would not.
    pub accepted: u32,
    /// The target's own tokens from `from + agreed.len() + accepted` on: a correction or bonus, then
    /// what it went on to say alone. Empty exactly in an acknowledgement of a pass that did not ask.
    pub tokens: Vec<TokenId>,
    /// Of the accepted drafts and of `tokens`, in order, how likely the target took each to be; nothing where
    /// [`Open::likelihoods`] does not ask.
    pub likelihoods: Vec<Likelihoods>,
    /// Target passes of this session so far, on the verifying node, modulo 256: they are counted by
    /// differences, from the number that [`Opened`] says.
    pub passes: u8,
    /// What the pass behind it took, where that is news.
    pub cost: Option<Cost>,
}

/// What a target pass took on the verifying node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Rows of this session in it.
    pub rows: u32,
    /// Microseconds.
    pub us: u32,
}

/// Stop saying things, and forget what comes after a position: at a stop string, a cancel, a switch.
/// Not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The epoch that starts here; older passes are void.
    pub epoch: Epoch,
    /// The length that the text is cut to.
    pub to: Position,
}

/// Ends the session: its KV is freed and its id forgotten. Not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {}

/// Something went wrong. Whose fault it is decides what the receiver does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The epoch it is about, on a session; epoch 0 on a connection. A fault of an older epoch is
    /// dropped.
    pub epoch: Epoch,
    /// Blame.
    pub kind: FaultKind,
    /// One sentence for a log.
    pub detail: String,
    /// When another try makes sense.
    pub retry_after_ms: Option<u32>,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The receiver broke the protocol; the connection closes.
    PeerMisbehaved,
    /// The two cannot work together: version, model, tokenizer, numerics, layers.
    PeerIncompatible,
    /// A node further up cannot be reached.
    Unavailable,
    /// No room now.
    Overloaded,
    /// The request itself cannot be served, now or later.
    Rejected,
    /// A pass builds on tokens that the sender does not hold. Tells what it does hold, as
    /// [`Opened`] does.
    Gap {
        /// How many leading tokens it holds.
        held: Position,
        /// Hash of these.
        prefix: PrefixHash,
    },
    /// Bytes that do not decode: a payload that is not of its codec.
    Corrupt,
}

impl Open {
    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("stages", self.stages.len(), limits::STAGES_MAX)?;
        let scales = self.stages.iter().map(|stage| stage.scales.len()).sum();
        LimitError::cap("channel scales", scales, limits::SCALES_MAX)?;
        LimitError::cap("end tokens", self.end_tokens.len(), limits::END_TOKENS_MAX)?;
        let top = self.likelihoods.unwrap_or(0);
        LimitError::cap("likeliest tokens", top.into(), limits::LIKELIEST_MAX.into())?;
        if let Some(Constraint { from, grammar }) = &self.constraint {
            LimitError::cap("grammar bytes", grammar.text().len(), limits::GRAMMAR_LEN_MAX)?;
            LimitError::cap_u32("constrained positions", from.0, self.positions_max)?;
        }
        LimitError::cap_u32("session positions", self.positions_max, limits::POSITIONS_MAX)?;
        LimitError::cap_u32("held positions", self.have.0, self.positions_max)
    }
}

impl Pass {
    /// How many leading tokens are only run for their KV.
    ///
    /// # Panics
    ///
    /// Where `said` and `drafts` exceed the tokens; a decoded pass was checked.
    pub fn settled(&self) -> usize {
        let judged = self.said as usize + self.drafts as usize;
        self.tokens.len().checked_sub(judged).expect("a checked pass judges no more than it has")
    }

    /// One of settled tokens, for their KV alone: only acknowledged.
    pub(crate) fn unasked(
        epoch: Epoch,
        base: usize,
        prefix: PrefixHash,
        tokens: &[TokenId],
    ) -> Self {
        Self {
            epoch,
            base: Position::after(base),
            prefix: prefix.check(),
            tokens: tokens.to_vec(),
            said: 0,
            drafts: 0,
            ask: false,
            extend: 0,
            told: false,
            hidden: None,
        }
    }

    /// The position after its last token.
    pub fn end(&self) -> Position {
        Position::after(self.base.index() + self.tokens.len())
    }

    /// How many of its last rows the target may choose from: those before the judged tokens and the one
    /// at the end. Behind the last layer no others are of use, and no others travel.
    pub fn chosen_rows(&self) -> usize {
        let chosen = (self.said as usize).saturating_add(self.drafts as usize).saturating_add(1);
        if self.ask { self.tokens.len().min(chosen) } else { 0 }
    }

    /// Whether it has rows and, where it is told, nothing that a told pass has not.
    pub(crate) const fn may_be_told(&self) -> bool {
        let Self {
            epoch: _,
            base: _,
            prefix: _,
            tokens,
            said,
            drafts,
            ask,
            extend,
            told: _,
            hidden,
        } = self;
        let settled = *said == 0 && *drafts == 0;
        !tokens.is_empty() && settled && !*ask && *extend == 0 && hidden.is_none()
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        let rows = self.tokens.len();
        LimitError::cap("pass rows", rows, limits::PASS_ROWS_MAX)?;
        LimitError::cap("drafts", self.drafts as usize, limits::DRAFTS_MAX)?;
        LimitError::cap_u32("extension", self.extend, limits::EXTEND_MAX)?;
        LimitError::cap_u32("base position", self.base.0, limits::POSITIONS_MAX)?;
        let judged = (self.said as usize).saturating_add(self.drafts as usize);
        LimitError::cap("judged tokens", judged, rows)?;
        self.hidden.map_or(Ok(()), |hidden| hidden.check(rows))
    }
}

impl Draft {
    /// The position after its last token.
    pub fn end(&self) -> Position {
        Position::after(self.base.index() + self.tokens.len())
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("drafts", self.tokens.len(), limits::DRAFTS_MAX)?;
        LimitError::cap_u32("base position", self.base.0, limits::POSITIONS_MAX)
    }
}

impl Hidden {
    fn check(&self, rows: usize) -> Result<(), LimitError> {
        LimitError::cap_u32("width", self.width, limits::WIDTH_MAX)?;
        let cap = hidden_row_len_max(self.codec, self.width).saturating_mul(rows);
        LimitError::cap("hidden bytes", self.bytes as usize, cap.min(limits::HIDDEN_LEN_MAX))
    }
}

/// The most bytes that a row of `width` values takes: a bound that does not know the codecs' details.
/// Outliers travel with an index, but never more than all of them.
const fn hidden_row_len_max(codec: WireCodec, width: u32) -> usize {
    let width = width as usize;
    match codec {
        WireCodec::F32 => width * 4,
        WireCodec::F16 => width * 2,
        WireCodec::Int8 | WireCodec::Int4 | WireCodec::Scaled(_) => width * 8 + 64,
    }
}

impl Verdict {
    /// The position of `tokens[0]`.
    pub fn at(&self) -> Position {
        Position::after(self.from.index() + self.agreed.len() + self.accepted as usize)
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap_u32("verdict position", self.from.0, limits::POSITIONS_MAX)?;
        LimitError::cap("agreed marks", self.agreed.len(), limits::PASS_ROWS_MAX)?;
        LimitError::cap("accepted drafts", self.accepted as usize, limits::DRAFTS_MAX)?;
        LimitError::cap("target tokens", self.tokens.len(), 1 + limits::EXTEND_MAX as usize)?;
        let spoken = self.accepted as usize + self.tokens.len();
        LimitError::cap("likelihoods", self.likelihoods.len(), spoken)?;
        for Likelihoods { top, .. } in &self.likelihoods {
            LimitError::cap("likeliest tokens", top.len(), limits::LIKELIEST_MAX.into())?;
        }
        let rows = self.cost.map_or(0, |cost| cost.rows as usize);
        LimitError::cap("rows of a cost", rows, limits::PASS_ROWS_MAX)
    }
}

impl Fault {
    /// A fault about the connection, or about a session before its first epoch. `detail` is cut to
    /// its limit.
    pub fn on_link(kind: FaultKind, detail: &str) -> Self {
        Self::on_session(Epoch::default(), kind, detail)
    }

    /// A fault about a session in `epoch`. `detail` is cut to its limit.
    pub fn on_session(epoch: Epoch, kind: FaultKind, detail: &str) -> Self {
        let cut = detail.floor_char_boundary(limits::DETAIL_LEN_MAX);
        Self { epoch, kind, detail: detail[..cut].to_owned(), retry_after_ms: None }
    }

    /// The same fault, worth another try after `ms`.
    #[must_use]
    pub fn retry_after(mut self, ms: u32) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        LimitError::cap("fault detail bytes", self.detail.len(), limits::DETAIL_LEN_MAX)
    }
}
