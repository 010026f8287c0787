//! Links over loopback: real sockets, real TLS.

mod comeback;
mod early;
mod flow;
mod garbage;
mod network;
mod peers;
mod sessions;

use crate::ca::EphemeralAuthority;
use crate::{ChannelError, Dialer, Identity, Link, LinkEnd, LinkOptions, Listener, Peer, Trust};
use base::{KvFormat, NodeName, Position, Privacy, Role, Sampling, TokenId, WireCodec};
use bytes::Bytes;
use protocol::{
    Epoch, Frame, Hidden, Message, Open, Opened, Pass, Ping, Pong, PrefixHash, SessionId, Verdict,
};
use std::net::SocketAddr;
use std::time::Duration;

/// Long enough for anything on loopback, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to see that nothing happens.
const MOMENT: Duration = Duration::from_millis(150);

/// A CA with a listening cloud named `cloud`, which takes devices.
struct World {
    authority: EphemeralAuthority,
    trust: Trust,
    options: LinkOptions,
    cloud: Identity,
    listener: Listener,
}

impl World {
    fn new() -> Self {
        Self::with(LinkOptions::default())
    }

    fn with(options: LinkOptions) -> Self {
        let mut authority = EphemeralAuthority::new().unwrap();
        let trust = authority.trust().unwrap();
        let cloud = authority.identity(Role::Cloud, &name("cloud")).unwrap();
        let listener = listen(&cloud, &trust, &options);
        Self { authority, trust, options, cloud, listener }
    }

    fn device(&mut self) -> Identity {
        self.authority.identity(Role::Device, &name("car")).unwrap()
    }

    fn dialer(&self, identity: &Identity) -> Dialer {
        Dialer::bind(loopback(), identity, &self.trust, &self.options).unwrap()
    }

    /// Both ends of a link, and the dialler that must outlive it.
    async fn link(&mut self) -> (Link, Link, Dialer) {
        let device = self.device();
        let dialer = self.dialer(&device);
        let up = dialer.dial(self.listener.local_addr(), &cloud()).await.unwrap();
        let down = soon(self.listener.accept()).await.unwrap();
        (up, down, dialer)
    }

    /// A good peer is served: it says something and is answered.
    async fn serves(&mut self) {
        let (up, down, dialer) = self.link().await;
        assert_eq!(*down.peer(), Peer::new(Role::Device, name("car")));
        let mut up = up.control().await.unwrap();
        up.send(Message::Ping(Ping { nonce: 7 })).await.unwrap();
        let mut down = soon(down.control()).await.unwrap();
        assert_eq!(soon(down.recv()).await.unwrap(), Message::Ping(Ping { nonce: 7 }));
        down.send(Message::Pong(Pong { nonce: 7, load: 0 })).await.unwrap();
        assert_eq!(soon(up.recv()).await.unwrap(), Message::Pong(Pong { nonce: 7, load: 0 }));
        drop(dialer);
    }
}

fn listen(identity: &Identity, trust: &Trust, options: &LinkOptions) -> Listener {
    Listener::bind(loopback(), identity, trust, &[Role::Device, Role::Gateway], options).unwrap()
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn cloud() -> Peer {
    Peer::new(Role::Cloud, name("cloud"))
}

/// What must happen, and fails the test where it does not.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened for ten seconds")
}

/// Whether nothing happens for a moment.
async fn nothing<F: Future>(future: F) -> bool {
    tokio::time::timeout(MOMENT, future).await.is_err()
}

/// How a link ended, out of a channel's error.
fn end_of(error: ChannelError) -> LinkEnd {
    let ChannelError::Link(end) = error else { panic!("the link lives on: {error:?}") };
    end
}

/// The first message of session `number`.
fn open(number: u8) -> Message {
    Message::Open(Open {
        session: SessionId([number; 16]),
        epoch: Epoch(1),
        have: Position(0),
        sampling: Sampling::GREEDY,
        stages: Vec::new(),
        end_tokens: vec![TokenId(2)],
        positions_max: 1024,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    })
}

fn opened(number: u8) -> Message {
    Message::Opened(Opened {
        epoch: Epoch(1),
        held: Position(u32::from(number)),
        prefix: PrefixHash::EMPTY,
        passes: 0,
    })
}

/// A pass with `rows` of hidden states of 1,024 values, each byte of them `fill`.
fn hidden_pass(base: u32, rows: u32, fill: u8) -> Frame {
    const WIDTH: u32 = 1024;
    let bytes = rows * WIDTH * 4;
    let message = Message::Pass(Pass {
        epoch: Epoch(1),
        base: Position(base),
        prefix: PrefixHash::EMPTY.check(),
        tokens: vec![TokenId(5); rows as usize],
        said: 0,
        drafts: 0,
        ask: true,
        extend: 0,
        told: false,
        hidden: Some(Hidden { codec: WireCodec::F32, width: WIDTH, bytes }),
    });
    Frame { message, payload: Bytes::from(vec![fill; bytes as usize]) }
}

/// A frame as bytes.
fn bytes_of(frame: impl Into<Frame>) -> Vec<u8> {
    protocol::frame::encode(&frame.into()).unwrap().concat()
}

fn verdict(from: u32) -> Message {
    Message::Verdict(Verdict {
        epoch: Epoch(1),
        from: Position(from),
        agreed: Vec::new(),
        accepted: 0,
        tokens: vec![TokenId(5)],
        likelihoods: Vec::new(),
        passes: 1,
        cost: None,
    })
}
