//! Another plan in mid-reply, between two tokens.
//!
//! ```text
//!   due ──▶ the same stages: asked otherwise, at once
//!    │ ▲    other stages: can their first be reached? a session there reads the text ──▶ warm: taken over
//!    │ └── no: as before, until it can be; so where it is lost ◀─────────┤
//!    ▼                                                                   │
//!   overtaken by a later switch                refused: as before ◀──────┘
//! ```
//!
//! # Invariants
//!
//! - **The present plan goes on until the next one is ready**: a switch that comes to nothing costs nothing.

use super::TurnLoop;
use crate::course::{Course, part};
use crate::generate::GenerateError;
use crate::reply::Switched;
use crate::show::Notice;
use base::{Position, WireCodec};
use partitioner::{Plan, PlanRequest};
use protocol::{Frame, Message, Route, SessionId, WarmUp};
use std::collections::{BTreeSet, VecDeque};
use transport::{ChannelError, clock};

/// The plans of a request after its first.
pub(super) struct Switches {
    /// After how many tokens, and which.
    later: VecDeque<(u32, PlanRequest)>,
    due: Option<PlanRequest>,
    /// Of the plan that is due, while its link is waited for.
    awaited: Option<Course>,
    next: Option<Next>,
    first: String,
    made: Vec<Switched>,
    /// Hops of all plans so far whose codec rounds: behind so many layers, and which.
    rounded: BTreeSet<(u32, WireCodec)>,
    /// Times that a session was lost while its stages read the text.
    losses: u32,
}

/// So often a plan is tried whose session is lost: its link may come and go.
const LOSSES_MAX: u32 = 8;

/// A plan whose stages read the text.
struct Next {
    course: Course,
    warm_up: WarmUp,
}

impl Switches {
    /// `first` is the plan to begin with, as far as it is known.
    pub(super) fn new(
        later: impl Iterator<Item = (u32, PlanRequest)>,
        first: Option<&Plan>,
    ) -> Self {
        let unknown = || "local: the target was never reached".to_owned();
        Self {
            later: later.collect(),
            due: None,
            awaited: None,
            next: None,
            first: first.map_or_else(unknown, Plan::to_string),
            made: Vec::new(),
            rounded: first.map(rounded_hops).unwrap_or_default(),
            losses: 0,
        }
    }

    /// Whether another plan is on its way.
    pub(super) const fn is_busy(&self) -> bool {
        self.due.is_some() || self.next.is_some()
    }

    /// From now on this plan is due.
    pub(super) fn wish(&mut self, request: PlanRequest) {
        self.due = Some(request);
    }

    /// How the request was run at first.
    pub(super) fn first_plan(&self) -> &str {
        &self.first
    }

    /// How it was run later.
    pub(super) fn made(&self) -> &[Switched] {
        &self.made
    }

    /// Hops whose codec rounded hidden states.
    pub(super) fn rounded(&self) -> impl Iterator<Item = (u32, WireCodec)> {
        self.rounded.iter().copied()
    }

    /// What the stages of the plan that is to come say next, or `None` with the next change of its link;
    /// never, where there is none.
    pub(super) async fn news(&mut self) -> Option<Result<Frame, ChannelError>> {
        match (&mut self.next, &mut self.awaited) {
            (Some(next), _) => next.course.news().await,
            (None, Some(awaited)) => {
                awaited.changed().await;
                None
            }
            (None, None) => std::future::pending().await,
        }
    }
}

impl TurnLoop<'_> {
    /// Takes the next plan up, where it is time, or ready. Whether it did.
    pub(super) async fn switch_where_due(&mut self) -> bool {
        if let Some(next) = self.switches.next.take_if(|next| next.warm_up.is_warm()) {
            self.take_over(next);
            return true;
        }
        let Some(request) = self.due() else { return false };
        let course = Course::new(self.device, self.prompt.class(), request.clone(), None);
        if !course.is_open() {
            self.switches.awaited = Some(course);
            return false;
        }
        let prepared = self.device.prepare(&request).and_then(|plan| {
            plan.iter().try_for_each(|plan| self.device.may_carry(plan, self.prompt.class()))?;
            Ok(plan)
        });
        match prepared {
            Ok(Some(plan)) if self.awaits_kv(&request, &plan) => return false,
            Ok(Some(plan)) => self.begin(request, plan).await,
            Ok(None) => return false,
            Err(error) => self.stay(&settings::chain(&error)),
        }
        true
    }

    /// Sends what is to be sent to the stages of the plan that is to come. Whether anything was.
    pub(super) async fn deliver_to_next(&mut self) -> Result<bool, GenerateError> {
        let mut any = false;
        while let Some(Next { course, warm_up }) = &mut self.switches.next
            && let Some(message) = warm_up.poll_transmit()
        {
            any = true;
            let way_out = course.way_out();
            let frame = self.frame(message, way_out).await?;
            if let Some(Next { course, .. }) = &mut self.switches.next
                && let Some(session) = &mut course.session
                && session.send(frame, self.drafter.log().tokens()).await.is_err()
            {
                self.lose_next();
            }
        }
        Ok(any)
    }

    /// Takes what happened to the plan that is to come.
    pub(super) fn take_news(&mut self, news: Option<Result<Frame, ChannelError>>) {
        let Some(Next { warm_up, .. }) = &mut self.switches.next else { return };
        match news {
            Some(Ok(frame)) => match frame.message {
                Message::Opened(opened) => warm_up.handle_opened(&self.drafter, &opened),
                Message::Verdict(verdict) => warm_up.handle_verdict(&self.drafter, &verdict),
                Message::Fault(fault) => warm_up.handle_fault(&self.drafter, &fault),
                // Segments have a stream of their own; passes come back to a head that is here.
                Message::SegmentPart(_) | Message::Pass(_) => self.lose_next(),
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
                | Message::Receipt(_) => {}
            },
            Some(Err(_)) => self.lose_next(),
            None => {}
        }
        let next = self.switches.next.as_ref();
        if let Some(why) = next.and_then(|next| next.warm_up.refused()).map(str::to_owned) {
            self.give_up_next();
            self.stay(&why);
        }
    }

    /// The plan that it is time for: the last one that is due, or the one that was not known.
    fn due(&mut self) -> Option<PlanRequest> {
        let Switches { due, later, .. } = &mut self.switches;
        if self.drafter.finished().is_some() {
            return None;
        }
        let said = self.drafter.log().generated().len();
        while let Some((_, request)) = later.pop_front_if(|(after, _)| *after as usize <= said) {
            *due = Some(request);
        }
        let (request, known) = (&self.course.request, self.course.plan.is_some());
        let is_there = due.take_if(|due| due == request && known).is_some();
        let due = due.clone().or_else(|| (!known).then(|| request.clone()));
        if is_there {
            self.give_up_next();
        }
        due
    }

    /// Goes on by `plan`, or has its stages read the text first.
    async fn begin(&mut self, request: PlanRequest, plan: Plan) {
        self.give_up_next();
        (self.switches.due, self.switches.awaited) = (None, None);
        let route = self.device.route(&plan);
        if route.stages == self.drafter.route().stages || route.is_local() {
            return self.go(request, plan, route);
        }
        let begins = self.course.plan.is_none();
        let mut course = Course::new(self.device, self.prompt.class(), request.clone(), Some(plan));
        let session = match course.uplink() {
            Some(uplink) => uplink.open_session().await,
            None => None,
        };
        course.enter(session, &self.crossing);
        if begins {
            // The device is alone: nobody waits while it is read.
            self.course = course;
            self.drafter.switch(clock::now(), route);
            if self.course.session.is_none() {
                self.lose();
            }
            return self.note_switch();
        }
        match course.session {
            Some(_) => {}
            None if course.is_open() => return self.stay("its first peer takes no more sessions"),
            // Lost just now.
            None => return self.switches.due = Some(request),
        }
        let session = SessionId(self.device.config.network.random());
        let told = course.plan.as_ref().map_or(0, |plan| self.told(plan));
        let warm_up = self.drafter.warm_up(route, session, Position::after(told));
        self.switches.next = Some(Next { course, warm_up });
    }

    /// The stages stay, or the device needs none.
    fn go(&mut self, request: PlanRequest, plan: Plan, route: Route) {
        if route.is_local() {
            let course = Course::new(self.device, self.prompt.class(), request, Some(plan));
            part(std::mem::replace(&mut self.course, course).session);
        } else {
            self.course.go_on(request, plan);
        }
        // What the device works on may be the word of another model.
        self.thought = None;
        self.drafter.switch(clock::now(), route);
        self.note_switch();
    }

    /// The stages have read the text.
    fn take_over(&mut self, next: Next) {
        let before = std::mem::replace(&mut self.course, next.course);
        part(before.session);
        self.drafter.switch_to(clock::now(), next.warm_up);
        self.note_switch();
    }

    fn note_switch(&mut self) {
        self.moving = None;
        if let Some(replanning) = &mut self.replanning {
            replanning.moved(clock::now());
        }
        if let Some(plan) = &self.course.plan {
            self.device.keep_stages_of(plan);
            self.switches.rounded.extend(rounded_hops(plan));
        }
        let after = self.drafter.log().generated().len();
        let plan = self.course.plan.as_ref().map_or_else(String::new, Plan::to_string);
        self.switches.made.push(Switched { after, plan: plan.clone(), pause_ms: None });
        self.show.notice(&Notice::Switched { plan });
    }

    /// The channel to the stages that read the text is gone: they are asked again, once their link is back.
    fn lose_next(&mut self) {
        let Some(Next { course, .. }) = self.switches.next.take() else { return };
        self.switches.losses += 1;
        match self.switches.losses <= LOSSES_MAX {
            true => drop(self.switches.due.get_or_insert(course.request)),
            false => self.stay("its session is lost again and again"),
        }
    }

    /// Nobody reads the text any more for a plan to come.
    pub(super) fn give_up_next(&mut self) {
        part(self.switches.next.take().and_then(|next| next.course.session));
    }

    fn stay(&mut self, why: &str) {
        (self.switches.due, self.moving) = (None, None);
        if let Some(replanning) = &mut self.replanning {
            replanning.failed(clock::now());
        }
        self.show.notice(&Notice::Stayed { why: why.to_owned() });
    }
}

fn rounded_hops(plan: &Plan) -> BTreeSet<(u32, WireCodec)> {
    let hops = plan.stages().iter().filter(|stage| !stage.embedding);
    let hops = hops.map(|stage| (stage.layers.start(), stage.codec));
    hops.filter(|(_, codec)| *codec != WireCodec::F32).collect()
}

#[cfg(test)]
mod tests;
