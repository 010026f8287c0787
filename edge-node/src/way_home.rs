//! The target's head on the device, where a plan's chain comes back for it.

use crate::compute::compute;
use crate::local_model::LocalError;
use crate::privacy::VeilSecret;
use base::{Allowed, Position, Sampling, TokenId};
use grammar::{GrammarError, Grammars, Guide, GuideError};
use kernels::wire::WireError;
use protocol::error::PeerMisbehaved;
use protocol::{
    Chosen, Constraint, FaultKind, Frame, HiddenRows, Homecoming, Message, Open, Side, Veil, Work,
};
use runtime::{HopCoder, Input, KvOptions, PoolError, Span, SpanOutput, Stage};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use transport::clock;

/// How a chain comes back to the device.
#[derive(Debug)]
pub(crate) struct WayHome {
    /// The head, and nothing else.
    pub(crate) head: Arc<Stage>,
    /// As what hidden states come back.
    pub(crate) coder: HopCoder,
    /// Chooses the ids that the chain gets in the place of tokens; `None` where it may have these.
    pub(crate) veil: Option<VeilSecret>,
    /// What replies are held to.
    pub(crate) grammars: Arc<Grammars>,
}

/// The head behind one session.
#[derive(Debug)]
pub(crate) struct AtHome {
    machine: Homecoming,
    way: Arc<WayHome>,
    sampling: Sampling,
    /// Whether verdicts say how likely their tokens were, with so many others.
    likelihoods: Option<u8>,
    /// What the reply is held to.
    guide: Result<Option<Guide>, GrammarError>,
    /// What the device knew of the text when it opened the session.
    text: Vec<TokenId>,
    /// `None` where the chain may have tokens, and before the session is opened.
    veil: Option<Veil>,
    /// What is to go up before the device hears more.
    up: VecDeque<Message>,
    down: VecDeque<Message>,
}

/// Rows from which nothing can be chosen.
#[derive(Debug, thiserror::Error)]
enum ChoiceError {
    /// They are not of their codec.
    #[error("what came back is no hidden states")]
    Coded(#[from] WireError),
    /// The head has no room.
    #[error("the head cannot be run")]
    Pool(#[from] PoolError),
    /// The head refuses them.
    #[error(transparent)]
    Head(#[from] LocalError),
    /// The reply's grammar cannot be used.
    #[error(transparent)]
    Grammar(#[from] GrammarError),
    /// It leads no further.
    #[error(transparent)]
    Guide(#[from] GuideError),
}

impl ChoiceError {
    /// What the session is told: the same as by a head elsewhere.
    const fn kind(&self) -> FaultKind {
        match self {
            // Hidden states that are not finite are none, either.
            Self::Coded(_) | Self::Head(LocalError::Sample(_)) => FaultKind::Corrupt,
            Self::Grammar(GrammarError::Busy) => FaultKind::Overloaded,
            Self::Grammar(_) | Self::Guide(_) | Self::Head(LocalError::Guide(_)) => {
                FaultKind::Rejected
            }
            Self::Pool(_) | Self::Head(LocalError::Forward(_)) => FaultKind::Unavailable,
        }
    }
}

impl AtHome {
    /// Of a session that is not opened yet.
    pub(crate) fn new(way: Arc<WayHome>) -> Self {
        let width = u32::try_from(way.head.config().width).expect("rows are far shorter");
        let machine = Homecoming::new(way.coder.codec(), width);
        let (text, sampling, guide) = (Vec::new(), Sampling::GREEDY, Ok(None));
        let (likelihoods, veil) = (None, None);
        let (up, down) = (VecDeque::new(), VecDeque::new());
        Self { machine, way, sampling, likelihoods, guide, text, veil, up, down }
    }

    /// The device, which knows the text `log`, sends `message`. What goes up in its place.
    pub(crate) fn goes_up(&mut self, message: Message, log: &[TokenId]) -> Message {
        if let Message::Open(open) = &message {
            self.text = log[..open.have.index().min(log.len())].to_vec();
            (self.sampling, self.likelihoods) = (open.sampling, open.likelihoods);
            self.guide = self.guide_of(open);
            let vocab = u32::try_from(self.way.head.config().vocab).expect("ids are 32 bits");
            let veil = |secret: VeilSecret| Veil::new(secret.of(open.session), vocab, &self.text);
            self.veil = self.way.veil.map(veil);
        }
        self.machine.handle_going_up(&message);
        self.veiled(message)
    }

    /// What the reply of a session is held to. Compiled when the request began, and kept.
    fn guide_of(&self, open: &Open) -> Result<Option<Guide>, GrammarError> {
        let Some(Constraint { from, grammar }) = &open.constraint else { return Ok(None) };
        let compiled = compute(|| self.way.grammars.compile(grammar))?;
        Ok(Some(Guide::new(compiled, *from, open.end_tokens.clone())))
    }

    fn veiled(&mut self, message: Message) -> Message {
        match &mut self.veil {
            Some(veil) => veil.up(message),
            None => message,
        }
    }

    /// Takes what came down: the device hears it once the head has had its say.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved`] where it breaks the session's rules.
    pub(crate) fn take(&mut self, Frame { message, payload }: Frame) -> Result<(), PeerMisbehaved> {
        let now = clock::now();
        let kind = message.kind();
        let message = match &mut self.veil {
            Some(veil) => veil.down(message),
            None => message,
        };
        match message {
            Message::Opened(opened) => self.machine.handle_opened(&opened, &self.text)?,
            Message::Pass(pass) => self.machine.handle_pass(now, pass, payload)?,
            // The head is here.
            Message::Verdict(_) => return Err(PeerMisbehaved::OutOfTurn { kind }),
            message @ (Message::Hello(_)
            | Message::Welcome(_)
            | Message::Open(_)
            | Message::Draft(_)
            | Message::Rollback(_)
            | Message::Close(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Fault(_)
            | Message::SegmentRequest(_)
            | Message::SegmentPart(_)
            | Message::Receipt(_)) => self.down.push_back(message),
        }
        while let Some(work) = self.machine.poll_work(clock::now()) {
            let began = clock::now();
            match compute(|| self.choose(&work)) {
                Ok(chosen) => {
                    let us = (clock::now() - began).as_micros();
                    let us = u32::try_from(us).unwrap_or(u32::MAX);
                    self.machine.handle_chosen(clock::now(), chosen, us);
                }
                Err(error) => {
                    let why = settings::chain(&error);
                    self.machine.handle_refused(error.kind(), &why, None);
                }
            }
        }
        while let Some((side, message)) = self.machine.poll_transmit() {
            match side {
                Side::Up => {
                    let message = self.veiled(message);
                    self.up.push_back(message);
                }
                Side::Down => self.down.push_back(message),
            }
        }
        Ok(())
    }

    /// The next message that is to go up; it stays the next one until it is [`Self::sent`].
    pub(crate) fn up(&self) -> Option<&Message> {
        self.up.front()
    }

    /// The next message that was to go up has gone.
    pub(crate) fn sent(&mut self) {
        self.up.pop_front();
    }

    /// What the device hears next.
    pub(crate) fn down(&mut self) -> Option<Message> {
        self.down.pop_front()
    }

    /// The target's tokens after the rows of `work`. Without layers they leave no KV behind.
    fn choose(&mut self, work: &Work) -> Result<Chosen, ChoiceError> {
        let first = work.truncate_to.index() + work.choose.start + 1;
        let allowed = self.allowed(first..first + work.choose.len())?;
        let WayHome { head, coder, .. } = &*self.way;
        let config = head.config();
        let HiddenRows { rows, skip, payload, .. } =
            work.hidden.as_ref().expect("a head alone reads hidden states");
        let values = coder.decode(payload, *rows, config.width)?;
        let mut pool = head.new_pool(0)?;
        let sequence = pool.open(&KvOptions::default());
        let (input, base) = (Input::Hidden(&values[skip * config.width..]), work.truncate_to);
        let span = Span { sequence, base, input, logits: work.choose.clone() };
        let mut outputs =
            head.forward(head.spec(), &[span], &mut pool).map_err(LocalError::from)?;
        let Some(SpanOutput::Logits(logits)) = outputs.pop() else {
            unreachable!("a head gives logits")
        };
        let mut chosen = Chosen::default();
        for ((at, logits), allowed) in
            (first..).zip(logits.chunks_exact(config.vocab)).zip(&allowed)
        {
            let token = head.choose(logits, allowed, &self.sampling, Position::after(at));
            let token = token.map_err(LocalError::from)?;
            chosen.tokens.push(token);
            if let Some(top) = self.likelihoods {
                let likelihoods = head.likelihoods(logits, allowed, token, top.into());
                chosen.likelihoods.push(likelihoods);
            }
        }
        Ok(chosen)
    }

    /// Which tokens may stand at each of these positions.
    fn allowed(&mut self, at: Range<usize>) -> Result<Vec<Allowed>, ChoiceError> {
        let guide = self.guide.as_mut().map_err(|error| error.clone())?;
        let Some(guide) = guide else { return Ok(vec![Allowed::Any; at.len()]) };
        let text = self.machine.verifier().text();
        let allowed: Result<_, _> = at.map(|at| guide.allowed_after(&text[..at])).collect();
        Ok(allowed?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{ByteCount, Position};
    use runtime::sampler::SampleError;

    #[test]
    fn a_head_at_home_says_what_is_wrong_as_one_elsewhere() {
        let empty = SampleError::Empty { position: Position(1) };
        let refused = GrammarError::NoSchema("null");
        for (error, kind) in [
            (LocalError::from(empty).into(), FaultKind::Corrupt),
            (ChoiceError::from(refused), FaultKind::Rejected),
            (GrammarError::Busy.into(), FaultKind::Overloaded),
            (PoolError::Memory(ByteCount(1)).into(), FaultKind::Unavailable),
        ] {
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
