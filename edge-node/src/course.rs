//! Which plan a request is run by, and the session that carries it.

use crate::chain::Chain;
use crate::crossing::Crossing;
use crate::device::Device;
use crate::way_home::WayHome;
use base::{NodeName, Privacy};
use partitioner::{Plan, PlanRequest};
use protocol::{Close, Frame, Message};
use runtime::HopCoder;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use transport::{ChannelError, Uplink, UplinkSession, UplinkState};

/// How hidden states leave the device.
#[derive(Debug)]
pub(crate) struct WayOut {
    /// The target's layers here.
    pub(crate) layers: u32,
    /// As what they leave.
    pub(crate) coder: HopCoder,
}

/// The way that a request takes now.
pub(crate) struct Course {
    /// As it was asked for.
    pub(crate) request: PlanRequest,
    /// `None` while it depends on a peer that was never heard of: until then the device is alone.
    pub(crate) plan: Option<Plan>,
    way_out: Option<Arc<WayOut>>,
    way_home: Option<Arc<WayHome>>,
    /// To the plan's first peer; `None` where it has none.
    uplink: Option<Arc<Uplink>>,
    states: Option<watch::Receiver<UplinkState>>,
    pub(crate) session: Option<Chain>,
    /// When to ask for a session again on a link that stands.
    pub(crate) reopen_at: Option<Instant>,
}

impl Course {
    /// By `plan`, for a text of `class`, without a session so far.
    pub(crate) fn new(
        device: &Device,
        class: Privacy,
        request: PlanRequest,
        plan: Option<Plan>,
    ) -> Self {
        let uplink = device.uplink(&request);
        let states = uplink.as_ref().map(|uplink| uplink.watch());
        let way_out = plan.as_ref().and_then(|plan| device.way_out(plan)).map(Arc::new);
        let way_home = plan.as_ref().and_then(|plan| device.way_home(plan, class)).map(Arc::new);
        let (session, reopen_at) = (None, None);
        Self { request, plan, way_out, way_home, uplink, states, session, reopen_at }
    }

    /// Goes on by another plan with the same first peer.
    pub(crate) fn go_on(&mut self, request: PlanRequest, plan: Plan) {
        (self.request, self.plan) = (request, Some(plan));
    }

    /// Goes by `session` from now on, in which nothing was said yet; what it takes is part of `crossing`.
    pub(crate) fn enter(&mut self, session: Option<UplinkSession>, crossing: &Crossing) {
        session.iter().for_each(|session| crossing.note(session.tally()));
        self.session = session.map(|session| Chain::new(session, self.way_home.clone()));
    }

    /// From the device's own stage to the next, where it has one.
    pub(crate) fn way_out(&self) -> Option<Arc<WayOut>> {
        self.way_out.clone()
    }

    /// The link that sessions are opened on, once there is a plan.
    pub(crate) fn uplink(&self) -> Option<&Arc<Uplink>> {
        self.uplink.as_ref().filter(|_| self.plan.is_some())
    }

    /// Whether its first peer can be reached, or it needs none.
    pub(crate) fn is_open(&self) -> bool {
        self.uplink.as_ref().is_none_or(|uplink| uplink.is_up())
    }

    /// The next node on the way to the target.
    pub(crate) fn peer(&self) -> Option<NodeName> {
        self.uplink.as_ref().map(|uplink| uplink.peer().name.clone())
    }

    /// Why the link is down, where it is.
    pub(crate) fn why_down(&self) -> Option<String> {
        match &*self.states.as_ref()?.borrow() {
            UplinkState::Down(why) | UplinkState::Trying(why) => Some(settings::chain(&**why)),
            UplinkState::Dialling | UplinkState::Up(..) => None,
        }
    }

    /// Its next frame, or `None` with the next change of its link; never, where it has neither.
    pub(crate) async fn news(&mut self) -> Option<Result<Frame, ChannelError>> {
        let Self { session, states, .. } = self;
        tokio::select! {
            biased;
            frame = next_frame(session) => Some(frame),
            () = changed(states) => None,
        }
    }

    /// The next change of its link; never, where it has none.
    pub(crate) async fn changed(&mut self) {
        changed(&mut self.states).await;
    }
}

async fn next_frame(session: &mut Option<Chain>) -> Result<Frame, ChannelError> {
    match session {
        Some(session) => session.recv().await,
        None => std::future::pending().await,
    }
}

async fn changed(states: &mut Option<watch::Receiver<UplinkState>>) {
    if let Some(states) = states
        && states.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// How long a peer may take to hear that a session is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// Frees what a peer keeps for a session that is not gone back to, without waiting for it.
pub(crate) fn part(session: Option<Chain>) {
    let Some(mut session) = session else { return };
    let close = async move {
        session.send(Message::Close(Close {}), &[]).await?;
        session.finish().await
    };
    // A peer that is lost needs no goodbye.
    tokio::spawn(async move {
        let _ = tokio::time::timeout(FAREWELL, close).await;
    });
}
