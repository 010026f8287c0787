//! One request under way: drives a `Drafter` between the device's models and its link.
//!
//! ```text
//!   Drafter ── messages ──▶ session on the uplink     frames ──▶ Drafter
//!      ├────── wishes ────▶ thoughts of the local model (drafts, or words while alone)
//!      └────── events ────▶ transcript, show
//! ```
//!
//! The plan may be another from a token on: `switch.rs`; where the device plans itself, `replan.rs` says
//! when. What its layers have to know of the text for that may come over the link: `moving.rs`, `standby.rs`.
//!
//! # Invariants
//!
//! - **Nobody waits for the link, nor it for drafts**: each local token is followed by a look at it.
//! - What is shown is what the drafter committed, in that order, and did not take back.

mod budget;
mod ending;
mod moving;
mod replan;
mod showing;
mod standby;
mod switch;

use crate::compute::compute;
use crate::course::{Course, WayOut};
use crate::crossing::Crossing;
use crate::device::Device;
use crate::drafting::Drafting;
use crate::generate::GenerateError;
use crate::prompt::Travelling;
use crate::reply::Reply;
use crate::request::Request;
use crate::show::{Notice, Show};
use crate::spending::Spending;
use crate::thinking::Thought;
use crate::transcript::Transcript;
use base::TokenId;
use budget::ByteBudget;
use grammar::Guide;
use moving::Moving;
use partitioner::{Mode, Plan, PlanRequest};
use protocol::error::PeerMisbehaved;
use protocol::{
    Drafter, DrafterEvent, Epoch, Fault, FinishReason, Frame, Kind, Message, SessionId, Sources,
    Tuning,
};
use replan::Replanning;
use standby::Standby;
use std::sync::Arc;
use std::time::{Duration, Instant};
use switch::Switches;
use tokio_util::sync::CancellationToken;
use transport::{ChannelError, clock};

/// How long a device without a model of its own waits for a lost target.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tokens that were said alone and judged later.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    said: usize,
    agreed: usize,
    revised: usize,
}

/// Where a request began.
#[derive(Debug, Clone)]
pub(crate) struct Outset {
    /// When.
    pub(crate) at: Instant,
    /// What crosses the device's links for it.
    pub(crate) crossing: Arc<Crossing>,
}

/// What a request leaves to the session's next one.
pub(crate) struct Leftovers {
    /// What it is called where it is kept.
    pub(crate) session: SessionId,
    /// Its first epoch.
    pub(crate) epoch: Epoch,
    /// The text so far.
    pub(crate) said: Vec<TokenId>,
    /// What was measured.
    pub(crate) tuning: Tuning,
    /// What was found out of sources of drafts.
    pub(crate) sources: Sources,
}

/// One request under way.
pub(crate) struct TurnLoop<'a> {
    device: &'a mut Device,
    prompt: &'a Travelling,
    request: &'a Request,
    drafter: Drafter,
    course: Course,
    switches: Switches,
    /// `None` where no plan takes over what others have run.
    moving: Option<Moving>,
    /// `None` where the device does not keep up with the target.
    standby: Option<Standby>,
    /// `None` where plans are the configuration's.
    replanning: Option<Replanning>,
    /// Since when against the plan.
    alone_since: Option<Instant>,
    drafting: Drafting,
    /// What the reply is held to.
    guide: Option<Guide>,
    /// What the device works on for itself.
    thought: Option<Thought>,
    /// The last fault of the session, for people.
    fault: Option<Fault>,
    judged: Tally,
    crossing: Arc<Crossing>,
    /// `None` where nobody counts.
    budget: Option<ByteBudget>,
    spending: Spending,
    /// Whether by its first plan no other node has a part in it.
    stays: bool,
    transcript: Transcript,
    show: &'a mut dyn Show,
}

impl<'a> TurnLoop<'a> {
    /// A request of which nothing has been sent yet.
    pub(crate) fn new(
        device: &'a mut Device,
        (prompt, request): (&'a Travelling, &'a Request),
        (wanted, plan): (PlanRequest, Option<Plan>),
        (drafter, guide): (Drafter, Option<Guide>),
        show: &'a mut dyn Show,
        began: Outset,
    ) -> Self {
        let stream = device.models.tokenizer.stream_after(prompt.tokens());
        let drafting = Drafting::new(
            device.config.plan.source,
            device.draft.is_some(),
            device.learnt().sources.clone(),
            device.models.tokenizer.end_tokens(),
        );
        let (config, stays) = (&device.config, request.stays);
        let later = config.later_requests().filter(|_| !stays);
        Self {
            transcript: Transcript::new(stream, &request.stop, began.at),
            crossing: began.crossing,
            spending: Spending::since(began.at),
            stays: wanted.mode == Mode::Local,
            budget: request.bytes_max.map(|bytes_max| ByteBudget::new(bytes_max, began.at)),
            replanning: (config.plan.auto && !stays).then(|| Replanning::new(began.at)),
            moving: None,
            standby: (config.segments.standby && !stays).then(Standby::default),
            switches: Switches::new(later, plan.as_ref()),
            course: Course::new(device, prompt.class(), wanted, plan),
            device,
            prompt,
            request,
            drafter,
            alone_since: None,
            drafting,
            guide,
            thought: None,
            fault: None,
            judged: Tally::default(),
            show,
        }
    }

    /// Generates until the text ends.
    ///
    /// # Errors
    ///
    /// [`GenerateError`].
    pub(crate) async fn run_to_end(
        &mut self,
        cancel: &CancellationToken,
    ) -> Result<Reply, GenerateError> {
        // Of what is too little for a beginning, nothing is taken.
        self.stay_within_budget();
        if self.drafter.finished().is_none() {
            self.open(true).await;
        }
        let reason = self.run(cancel).await?;
        self.leave().await;
        Ok(self.reply(reason, cancel.is_cancelled()))
    }

    /// How the request is run now.
    pub(crate) const fn plan(&self) -> Option<&Plan> {
        self.course.plan.as_ref()
    }

    /// What the session's next request goes on from.
    pub(crate) fn into_leftovers(self) -> Leftovers {
        Leftovers {
            session: self.drafter.session(),
            epoch: self.drafter.newest_epoch().next(),
            said: self.drafter.log().tokens().to_vec(),
            tuning: self.drafter.tuning().clone(),
            sources: self.drafting.sources().clone(),
        }
    }

    async fn run(&mut self, cancel: &CancellationToken) -> Result<FinishReason, GenerateError> {
        loop {
            loop {
                let sent = self.deliver().await?;
                let prepared = self.deliver_to_next().await?;
                let reacted = self.react().await?;
                if !sent && !prepared && !reacted {
                    break;
                }
            }
            match self.drafter.finished() {
                Some(FinishReason::Rejected) => {
                    return Err(GenerateError::Rejected(self.why_lost()));
                }
                Some(reason) => return Ok(reason),
                None => {}
            }
            self.keep_up();
            self.reconsider();
            if self.switch_where_due().await {
                continue;
            }
            self.think().await?;
            self.wait(cancel).await;
        }
    }

    /// Ends a reply that would take more of the links than it may.
    fn stay_within_budget(&mut self) {
        let Some(budget) = &mut self.budget else { return };
        if budget.look(clock::now(), &self.crossing) {
            tracing::warn!("a reply is cut short: what it may take of the links is used up");
            self.drafter.stop(clock::now());
        }
    }

    /// Sends what the drafter has to say. Whether it had anything.
    async fn deliver(&mut self) -> Result<bool, GenerateError> {
        let mut any = false;
        loop {
            self.stay_within_budget();
            let Some(message) = self.drafter.poll_transmit() else { return Ok(any) };
            any = true;
            let frame = self.frame(message, self.course.way_out()).await?;
            let Some(session) = &mut self.course.session else { continue };
            if session.send(frame, self.drafter.log().tokens()).await.is_err() {
                self.lose();
            }
        }
    }

    /// A pass of a split gets its hidden states on the device, as they leave it.
    async fn frame(
        &mut self,
        message: Message,
        way_out: Option<Arc<WayOut>>,
    ) -> Result<Frame, GenerateError> {
        let Message::Pass(pass) = message else { return Ok(message.into()) };
        if pass.told {
            return Ok(Message::Pass(pass).into());
        }
        let Some(way_out) = way_out else { return Ok(Message::Pass(pass).into()) };
        let turn = self.device.turn_to_compute().await;
        let stage = self.device.stages.get_mut(&way_out.layers);
        let stage = stage.expect("loaded as its plan was made ready");
        let log = self.drafter.log().tokens().iter();
        let text: Vec<_> = log.copied().chain(self.drafter.ahead()).collect();
        let _turn = turn;
        let begun = clock::now();
        let frame = compute(|| stage.attach(pass, &text, &way_out.coder))?;
        clock::reached(Some((clock::now() + stage.take_owed(), ()))).await;
        self.spending.compute(clock::now() - begun);
        Ok(frame)
    }

    /// Does what the drafter asks for. Whether it asked.
    async fn react(&mut self) -> Result<bool, GenerateError> {
        let mut any = false;
        while let Some(event) = self.drafter.poll_event() {
            any = true;
            match event {
                DrafterEvent::Commit { tokens, verified, .. } => {
                    for token in tokens {
                        self.show(token, verified);
                    }
                    self.follow().await?;
                }
                DrafterEvent::Judged { from, agreed } => {
                    self.note_vouched(from, agreed.len());
                    let said = agreed.len();
                    let agreed = agreed.into_iter().filter(|agreed| *agreed).count();
                    self.judged.said += said;
                    self.judged.agreed += agreed;
                    self.show.notice(&Notice::Judged { said, agreed });
                }
                DrafterEvent::Revised { at, removed } => {
                    let kept = self.transcript.cut(at.index() - self.prompt.len());
                    self.judged.revised += removed;
                    self.show.notice(&Notice::Revised { removed, kept });
                }
                DrafterEvent::Alone { .. } => self.note_alone(),
                DrafterEvent::Rejoined => {
                    if let (Some(_), Some(peer)) = (self.alone_since.take(), self.course.peer()) {
                        self.show.notice(&Notice::Rejoined { peer });
                    }
                }
                DrafterEvent::Finished(_) => {}
            }
            if self.transcript.is_stopped() && self.drafter.finished().is_none() {
                self.drafter.stop(clock::now());
            }
        }
        Ok(any)
    }

    /// Keeps the device's own model close behind a text that the target leads, or a look-up drafts.
    async fn follow(&mut self) -> Result<(), GenerateError> {
        let log = self.drafter.log().tokens();
        let is_far = self.device.draft.as_ref().is_some_and(|draft| draft.is_far_behind(log));
        if !is_far || self.drafter.is_alone() {
            return Ok(());
        }
        let _turn = self.device.turn_to_compute().await;
        let Device { draft: Some(draft), .. } = &mut *self.device else { return Ok(()) };
        let begun = clock::now();
        compute(|| draft.follow(log))?;
        self.spending.compute(clock::now() - begun);
        // Nobody waits for it.
        draft.take_owed();
        Ok(())
    }

    /// Sets the device's own model to work on what the drafter wants of it.
    async fn think(&mut self) -> Result<(), GenerateError> {
        if self.thought.as_ref().is_some_and(|thought| thought.is_wanted(&self.drafter)) {
            return Ok(());
        }
        self.thought = None;
        if !Thought::is_due(&self.drafter) {
            return Ok(());
        }
        let _turn = self.device.turn_to_compute().await;
        let model = match self.drafter.speaks_as_target() {
            true => self.device.target.as_mut(),
            false => self.device.draft.as_mut(),
        };
        let (guide, sampling, begun) = (self.guide.as_mut(), &self.request.sampling, clock::now());
        self.thought = Thought::begin(&self.drafter, &mut self.drafting, model, guide, sampling)?;
        let ready = self.thought.as_ref().map_or_else(clock::now, Thought::ready);
        self.spending.compute(ready.saturating_duration_since(begun));
        let lonely = self.drafter.is_alone() && self.thought.is_none();
        if lonely { self.be_patient() } else { Ok(()) }
    }

    /// Without a model of its own the device can only wait, and not for ever.
    fn be_patient(&self) -> Result<(), GenerateError> {
        match self.alone_since {
            Some(since) if clock::now() >= since + PATIENCE => {
                Err(GenerateError::Unreachable(self.why_lost()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Until something happens.
    async fn wait(&mut self, cancel: &CancellationToken) {
        let impatient = self.alone_since.map(|since| (since + PATIENCE, ()));
        let ready = self.thought.as_ref().map(|thought| (thought.ready(), ()));
        let reopen_at = self.course.reopen_at.map(|at| (at, ()));
        let look_at = self.replanning.as_ref().map(|replanning| (replanning.next(), ()));
        let count_at = self.budget.as_ref().and_then(ByteBudget::next).map(|at| (at, ()));
        tokio::select! {
            biased;
            () = cancel.cancelled() => self.drafter.stop(clock::now()),
            news = self.course.news() => match news {
                Some(frame) => self.take(frame),
                None => self.open(false).await,
            },
            news = self.switches.news() => self.take_news(news),
            () = clock::reached(reopen_at) => self.open(false).await,
            _ = clock::reached(self.drafter.poll_timeout()) => {
                self.drafter.handle_timeout(clock::now());
            }
            () = clock::reached(ready) => {
                let thought = self.thought.take().expect("it was just waited for");
                thought.tell(&mut self.drafter);
                // Frames that came meanwhile are looked at before the next one.
                tokio::task::yield_now().await;
            }
            () = clock::reached(impatient), if ready.is_none() => {}
            () = clock::reached(look_at) => {}
            () = clock::reached(count_at) => {}
        }
    }

    fn take(&mut self, frame: Result<Frame, ChannelError>) {
        let now = clock::now();
        let Ok(frame) = frame else { return self.lose() };
        let taken = match frame.message {
            Message::Opened(opened) => self.drafter.handle_opened(now, &opened),
            Message::Verdict(verdict) => {
                let us = verdict.cost.map_or(0, |cost| cost.us);
                self.spending.target(Duration::from_micros(us.into()));
                self.drafter.handle_verdict(now, &verdict)
            }
            Message::Fault(fault) => {
                // Its detail may quote a grammar.
                tracing::debug!(kind = ?fault.kind, "a fault");
                self.drafter.handle_fault(now, &fault);
                self.fault = Some(fault);
                Ok(())
            }
            // They have a stream of their own.
            Message::SegmentPart(_) => Err(PeerMisbehaved::OutOfTurn { kind: Kind::SegmentPart }),
            // The head is not here, or took it.
            Message::Pass(_) => Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass }),
            // The channel lets nothing else down.
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Open(_)
            | Message::Draft(_)
            | Message::Rollback(_)
            | Message::Close(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::SegmentRequest(_)
            | Message::Receipt(_) => Ok(()),
        };
        if let (Err(misbehaved), Some(session)) = (taken, &self.course.session) {
            tracing::warn!(%misbehaved, "the peer breaks the protocol");
            session.accuse(&misbehaved.to_string());
            self.lose();
        }
    }

    /// The session's channel is gone, with its link or without, or there is none to be had now.
    fn lose(&mut self) {
        self.course.session = None;
        let now = clock::now();
        self.course.reopen_at = Some(now + self.device.config.link.reconnect());
        self.drafter.handle_link_lost(now);
    }

    /// Asks for a session where there is none and the link stands, or is being dialled. On the latter
    /// nobody counts: the device is alone until it is answered.
    async fn open(&mut self, first: bool) {
        self.course.reopen_at = None;
        if self.course.session.is_some() {
            return;
        }
        let uplink = self.course.uplink().cloned();
        let up = uplink.as_ref().is_some_and(|uplink| uplink.is_up());
        let session = match &uplink {
            Some(uplink) => uplink.try_session().await,
            None => None,
        };
        self.course.enter(session, &self.crossing);
        if first && !up {
            self.drafter.handle_link_lost(clock::now());
        }
        match (&self.course.session, uplink) {
            (Some(_), _) if !first || !up => self.drafter.handle_link_back(clock::now()),
            (Some(_), _) => {}
            (None, Some(uplink)) if uplink.is_up() => self.lose(),
            (None, _) => self.drafter.handle_link_lost(clock::now()),
        }
    }
}

#[cfg(test)]
mod tests;
