//! The head of a chain that comes back to this node: its first layers are here, and the head.
//!
//! What it computes is short, and needs no KV: whatever ends the turn ends it.

use super::verify::chosen;
use super::{Driver, Outcome, Running, Trouble, decode};
use crate::engine::{EngineError, Job, Rows};
use crate::node::Home;
use protocol::error::PeerMisbehaved;
use protocol::{Hops, Message, Opened, Pass, Side, Work};
use runtime::StageSpec;
use transport::clock;

/// It, in a turn.
pub(super) struct AtHome<'a> {
    home: &'a mut Home,
    running: Option<Running>,
}

impl<'a> AtHome<'a> {
    pub(super) const fn new(home: &'a mut Home) -> Self {
        Self { home, running: None }
    }

    /// What goes up, it sees.
    pub(super) fn goes_up(&mut self, message: &Message) {
        self.home.homecoming.handle_going_up(message);
    }

    /// From above: what the stages there hold of the text that `hops` hold.
    pub(super) fn take_opened(
        &mut self,
        opened: &Opened,
        hops: &Hops,
    ) -> Result<(), PeerMisbehaved> {
        self.home.homecoming.handle_opened(opened, hops.text())
    }

    /// From above: a pass that comes back.
    pub(super) fn take_pass(
        &mut self,
        pass: Pass,
        payload: bytes::Bytes,
    ) -> Result<(), PeerMisbehaved> {
        self.home.homecoming.handle_pass(clock::now(), pass, payload)
    }

    /// At the end of a turn: nobody waits for anything any more.
    pub(super) fn leave(&mut self) {
        self.give_up();
        while self.home.homecoming.poll_transmit().is_some() {}
    }

    /// Leaves a running job to itself: the engine ends what nobody waits for.
    fn give_up(&mut self) {
        if self.running.take().is_some() {
            self.home.homecoming.handle_abandoned();
        }
    }

    fn refuse(&mut self, trouble: &Trouble) {
        let Trouble { kind, detail, retry_after_ms } = trouble;
        self.home.homecoming.handle_refused(*kind, detail, *retry_after_ms);
    }
}

/// The answer to what the head is running, once; waits forever where it runs nothing, or is not here.
pub(super) async fn finish(home: &mut Option<AtHome<'_>>) -> Result<Outcome, EngineError> {
    match home {
        Some(home) => super::finish(&mut home.running).await,
        None => std::future::pending().await,
    }
}

impl Driver<'_> {
    /// Runs what the head has to run. What it says next, and to whom.
    pub(super) fn judge(&self, home: &mut AtHome<'_>) -> Option<(Side, Message)> {
        if home.home.homecoming.is_obsolete() {
            home.give_up();
        }
        while home.running.is_none()
            && let Some(work) = home.home.homecoming.poll_work(clock::now())
        {
            match self.decide(home.home, work) {
                Ok(running) => home.running = Some(running),
                Err(trouble) => home.refuse(&trouble),
            }
        }
        home.home.homecoming.poll_transmit()
    }

    /// Has the engine choose.
    fn decide(&self, home: &Home, work: Work) -> Result<Running, Trouble> {
        let rows = work.hidden.as_ref().expect("a head alone reads hidden states");
        let coder = self.accepted.home.as_ref().expect("the head is here");
        let values = decode(coder, rows)?;
        let text = home.homecoming.verifier().text();
        let chosen = self.rows(text, work.truncate_to, &work.choose);
        let job = Job {
            sequence: home.sequence.clone(),
            run: StageSpec::head_alone(self.node.host.layers),
            base: work.truncate_to,
            rows: Rows::Hidden { values, tokens: work.tokens },
            choose: self.choose(work.choose),
        };
        Ok(self.submit(None, chosen, job))
    }

    pub(super) fn take_choice(
        &self,
        home: &mut Option<AtHome<'_>>,
        done: Result<Outcome, EngineError>,
    ) {
        let Some(home) = home else { return };
        match done {
            Ok(Outcome::Ran(done)) => {
                let (chosen, us) = chosen(done);
                home.home.homecoming.handle_chosen(clock::now(), chosen, us);
            }
            Ok(Outcome::Known(_)) => unreachable!("a head alone knows every text that it is told"),
            Err(error) => home.refuse(&Trouble::of(self.node, &error)),
        }
    }
}
