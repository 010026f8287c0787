//! A node in the middle of a link, with the certificates of both ends: it passes every frame on, and keeps it.

use base::Role;
use protocol::{Frame, Message, frame};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;
use transport::{
    Dialer, Identity, Link, LinkOptions, Listener, Network, Peer, SessionChannel, SessionReceiver,
    SessionSender, Trust,
};

/// What crossed a link, in both directions.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Vec<Frame>>>);

impl Captured {
    fn keep(&self, frame: &Frame) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(frame.clone());
    }

    /// All frames so far.
    pub(super) fn frames(&self) -> Vec<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bytes of all frames so far.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let bytes = |frame: &Frame| frame::encode(frame).unwrap().concat();
        self.frames().iter().flat_map(bytes).collect()
    }
}

/// A tap before the node at `beyond`.
pub(super) struct Tap {
    /// Where it listens in that node's place.
    pub(super) address: SocketAddr,
    pub(super) captured: Captured,
    _tasks: JoinSet<()>,
}

impl Tap {
    /// Between who shows `below` and who shows `above`.
    pub(super) fn new(
        (below, above): (&Identity, &Identity),
        beyond: SocketAddr,
        trust: &Trust,
        network: &Network,
    ) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = LinkOptions { network: network.clone(), ..LinkOptions::default() };
        let roles = [Role::Device, Role::Gateway];
        let listener = Listener::bind(any, above, trust, &roles, &options).unwrap();
        let dialer = Dialer::bind(any, below, trust, &options).unwrap();
        let (address, peer) = (listener.local_addr(), above.peer().clone());
        let (captured, mut tasks) = (Captured::default(), JoinSet::new());
        let kept = captured.clone();
        tasks.spawn(async move { listen(listener, dialer, (beyond, peer), kept).await });
        Self { address, captured, _tasks: tasks }
    }
}

async fn listen(
    listener: Listener,
    dialer: Dialer,
    (beyond, peer): (SocketAddr, Peer),
    captured: Captured,
) {
    let mut links = JoinSet::new();
    while let Some(below) = listener.accept().await {
        let above = dialer.dial(beyond, &peer).await.unwrap();
        links.spawn(pass_on(below, above, captured.clone()));
    }
}

/// Until either end has had enough.
async fn pass_on(below: Link, above: Link, captured: Captured) {
    let mut sessions = JoinSet::new();
    let (mut down, mut up) = (below.control().await.unwrap(), above.control().await.unwrap());
    loop {
        let (message, goes_up): (Message, bool) = tokio::select! {
            message = down.recv() => match message { Ok(message) => (message, true), Err(_) => return },
            message = up.recv() => match message { Ok(message) => (message, false), Err(_) => return },
            session = below.accept_session() => {
                let Ok(session) = session else { return };
                sessions.spawn(serve(session, above.clone(), captured.clone()));
                continue;
            }
        };
        captured.keep(&message.clone().into());
        let sent = if goes_up { up.send(message).await } else { down.send(message).await };
        if sent.is_err() {
            return;
        }
    }
}

async fn serve(below: SessionChannel, above: Link, captured: Captured) {
    let above = above.open_session().await.unwrap();
    let ((to_below, from_below), (to_above, from_above)) = (below.split(), above.split());
    tokio::join!(
        pump(from_below, to_above, captured.clone()),
        pump(from_above, to_below, captured)
    );
}

async fn pump(mut from: SessionReceiver, mut to: SessionSender, captured: Captured) {
    while let Ok(frame) = from.recv().await {
        captured.keep(&frame);
        if to.send(frame).await.is_err() {
            return;
        }
    }
    // Whoever was sent to learns that no more comes.
    let _ = to.finish().await;
}
