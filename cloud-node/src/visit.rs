//! One link from a peer: handshake, signs of life, and its sessions.
//!
//! # Invariants
//!
//! - **No session before the handshake**, and no compute on this task: a ping is answered at once,
//!   however busy the engine is.

use crate::node::Node;
use crate::session::{self, Guest};
use protocol::error::PeerMisbehaved;
use protocol::{FaultKind, Hello, Message, Pong, Welcome, negotiate};
use settings::chain;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use transport::{ChannelError, CloseCode, ControlChannel, Link};

/// How long a peer may take to say hello: its certificate is good, so it is slow, not hostile.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a refusal may take to reach the peer before the link is closed over it.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves a link until it ends.
pub(crate) async fn serve(
    node: Arc<Node>,
    link: Link,
    sessions: TaskTracker,
    stop: CancellationToken,
) {
    let greeted = tokio::time::timeout(HELLO_TIMEOUT, greet(&node, &link)).await;
    let (mut control, hello) = match greeted {
        Ok(Some(greeted)) => greeted,
        Ok(None) => return,
        Err(_) => return link.close(CloseCode::Unresponsive, "no hello came in time"),
    };
    tracing::info!(peer = %link.peer(), address = %link.remote_address(), "link");
    let _entered = node.links.enter(&link);
    let (numerics, last_word) = (hello.numerics.into(), Arc::default());
    let guest = Guest { link: link.clone(), numerics, tenant: hello.tenant, last_word };
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return link.close(CloseCode::Draining, "this node stops"),
            message = control.recv() => {
                if let Err(error) = take(&node, &mut control, message).await {
                    tracing::info!(peer = %link.peer(), why = %chain(&error), "link ended");
                    return;
                }
            }
            receipt = link.receipt() => {
                if let Err(error) = control.send(Message::Receipt(receipt)).await {
                    tracing::info!(peer = %link.peer(), why = %chain(&error), "link ended");
                    return;
                }
            }
            channel = link.accept_session() => match channel {
                Ok(channel) => {
                    sessions.spawn(session::serve(Arc::clone(&node), guest.clone(), channel));
                }
                Err(end) => {
                    tracing::info!(peer = %link.peer(), why = %chain(&end), "link ended");
                    return;
                }
            },
        }
    }
}

/// The handshake; `None` where the link was closed over it, or ended.
async fn greet(node: &Node, link: &Link) -> Option<(ControlChannel, Hello)> {
    let mut control = link.control().await.ok()?;
    let message = control.recv().await.ok()?;
    let Message::Hello(hello) = message else {
        link.close(CloseCode::Misbehaved, "the first message must be a hello");
        return None;
    };
    let peer = link.peer();
    match negotiate(&node.host, &hello, (peer.role, &peer.name)) {
        Ok(welcome) => {
            let welcome = Welcome { reach: node.reach(), ..welcome };
            control.send(Message::Welcome(welcome)).await.ok()?;
            Some((control, hello))
        }
        Err(error) => {
            tracing::warn!(%peer, %error, "handshake refused");
            node.counters.hellos_refused.add(1);
            let fault = error.fault();
            let code = match fault.kind {
                FaultKind::PeerIncompatible => CloseCode::Incompatible,
                FaultKind::PeerMisbehaved
                | FaultKind::Unavailable
                | FaultKind::Overloaded
                | FaultKind::Rejected
                | FaultKind::Gap { .. }
                | FaultKind::Corrupt => CloseCode::Misbehaved,
            };
            let last_word = async {
                control.send(Message::Fault(fault)).await?;
                control.finish().await
            };
            // Whoever does not take it gets the close all the same.
            let _ = tokio::time::timeout(LAST_WORD_TIMEOUT, last_word).await;
            link.close(code, &error.to_string());
            None
        }
    }
}

/// Answers a message of the link's own channel.
async fn take(
    node: &Node,
    control: &mut ControlChannel,
    message: Result<Message, ChannelError>,
) -> Result<(), ChannelError> {
    match message? {
        Message::Ping(ping) => {
            let pong = Pong { nonce: ping.nonce, load: node.load_byte() };
            control.send(Message::Pong(pong)).await
        }
        Message::Pong(_) => Ok(()),
        Message::Fault(fault) => {
            tracing::warn!(kind = ?fault.kind, detail = fault.detail, "the peer reports a fault");
            Ok(())
        }
        // The channel lets nothing else through, but for a hello that comes twice.
        message @ (Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Opened(_)
        | Message::Pass(_)
        | Message::Draft(_)
        | Message::Verdict(_)
        | Message::Rollback(_)
        | Message::Close(_)
        | Message::SegmentRequest(_)
        | Message::SegmentPart(_)
        | Message::Receipt(_)) => {
            let error = PeerMisbehaved::OutOfTurn { kind: message.kind() };
            control.link().close(CloseCode::Misbehaved, &error.to_string());
            Ok(())
        }
    }
}
