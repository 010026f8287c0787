//! Another plan in mid-reply, between two tokens.
//!
//! ```text
//!   due ──▶ its first peer can be reached? ──▶ same stages: asked otherwise
//!     ▲        no: as before, until it can     other stages: a session there is opened
//!     │                                           └── refused, or lost before it answered ──┐
//!     └────────────────────────── back to the plan before ◀─────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - **The plan before is left for a peer that can be reached**, and taken up again where that refuses: a
//!   switch loses nothing.

use super::TurnLoop;
use crate::config::Switch;
use crate::course::Course;
use crate::reply::Switched;
use crate::show::Notice;
use partitioner::{Mode, Plan};
use protocol::Epoch;
use std::collections::VecDeque;
use transport::clock;

/// The plans of a request after its first.
pub(super) struct Switches {
    later: VecDeque<Switch>,
    due: Option<Due>,
    /// Whether there is one, and its link is waited for.
    awaited: Option<Course>,
    /// The mode to go back to, while the stages of the present one have not answered.
    former: Option<Mode>,
    first: String,
    made: Vec<Switched>,
}

/// It is time for another mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    mode: Mode,
    /// The one before: its link need not stand.
    back: bool,
}

impl Switches {
    /// `first` is the plan to begin with, as far as it is known.
    pub(super) fn new(later: &[Switch], first: Option<&Plan>) -> Self {
        let unknown = || "local: the target was never reached".to_owned();
        Self {
            later: later.iter().copied().collect(),
            due: None,
            awaited: None,
            former: None,
            first: first.map_or_else(unknown, Plan::to_string),
            made: Vec::new(),
        }
    }

    /// How the request was run at first.
    pub(super) fn first_plan(&self) -> &str {
        &self.first
    }

    /// How it was run later.
    pub(super) fn made(&self) -> &[Switched] {
        &self.made
    }

    /// The next change of the link that is waited for; never, where none is.
    pub(super) async fn link_changed(&mut self) {
        match &mut self.awaited {
            Some(course) => course.changed().await,
            None => std::future::pending().await,
        }
    }
}

impl TurnLoop<'_> {
    /// Goes on by the next plan, where it is time and its first peer can be reached. Whether it did.
    pub(super) async fn switch_where_due(&mut self) -> bool {
        let Some(due) = self.due() else { return false };
        let course = Course::new(self.device, due.mode, None);
        if !course.is_open() && !due.back {
            self.switches.awaited = Some(course);
            return false;
        }
        self.switches.awaited = None;
        match self.device.prepare(due.mode) {
            Ok(Some(plan)) => self.switch(due, plan).await,
            Ok(None) => return false,
            Err(error) => self.stay(&settings::chain(&error)),
        }
        true
    }

    /// The stages of the present plan have answered: there is no way back.
    pub(super) fn note_opened(&mut self, epoch: Epoch) {
        if epoch == self.drafter.epoch() {
            self.switches.former = None;
        }
    }

    /// The present plan's session is refused in `epoch`, or lost. Whether the one before is taken up
    /// again, because the present one has not begun yet.
    pub(super) fn goes_back(&mut self, epoch: Epoch, why: &str) -> bool {
        let former = self.switches.former.take_if(|_| epoch == self.drafter.epoch());
        let Some(mode) = former else { return false };
        self.stay(why);
        if !self.course.is_open() {
            // Once its link is back.
            self.switches.later.push_front(Switch { after: 0, mode: self.course.mode });
        }
        self.switches.due = Some(Due { mode, back: true });
        true
    }

    /// What it is time for: the way back, the last switch that is due, or the plan that was not known.
    fn due(&mut self) -> Option<Due> {
        let Switches { due, later, .. } = &mut self.switches;
        if self.drafter.finished().is_some() {
            return None;
        }
        if due.is_some_and(|due| due.back) {
            return *due;
        }
        let said = self.drafter.log().generated().len();
        while let Some(next) = later.pop_front_if(|next| next.after as usize <= said) {
            *due = Some(Due { mode: next.mode, back: false });
        }
        let (mode, known) = (self.course.mode, self.course.plan.is_some());
        due.take_if(|due| due.mode == mode && known);
        due.or((!known).then_some(Due { mode, back: false }))
    }

    async fn switch(&mut self, due: Due, plan: Plan) {
        self.switches.due = None;
        let route = self.device.route(&plan);
        let told = plan.to_string();
        let begins = self.course.plan.is_none();
        if route.stages == self.drafter.route().stages {
            (self.course.mode, self.course.plan) = (due.mode, Some(plan));
        } else {
            let mut course = Course::new(self.device, due.mode, Some(plan));
            if let Some(uplink) = course.uplink() {
                course.session = uplink.open_session().await;
                if course.session.is_none() && !due.back {
                    return self.stay("its first peer takes no more sessions");
                }
            }
            let before = std::mem::replace(&mut self.course, course);
            let former = self.switches.former.take().unwrap_or(before.mode);
            let may_refuse = self.course.uplink().is_some() && !begins && !due.back;
            self.switches.former = may_refuse.then_some(former);
        }
        // What the device works on is for the plan before.
        self.thought = None;
        self.drafter.switch(clock::now(), route);
        if self.course.session.is_none() && self.course.uplink().is_some() {
            self.miss();
        }
        let after = self.drafter.log().generated().len();
        self.switches.made.push(Switched { after, plan: told.clone() });
        self.show.notice(&Notice::Switched { plan: told });
    }

    fn stay(&mut self, why: &str) {
        self.switches.due = None;
        self.show.notice(&Notice::Stayed { why: why.to_owned() });
    }
}

#[cfg(test)]
mod tests;
