//! Peers with a good certificate and bad manners.

use super::*;
use crate::close::text_chain;
use crate::options::Side;
use crate::tls;
use crate::{Blame, CloseCode, Misbehaviour};
use protocol::{Kind, limits};
use std::sync::Arc;

/// A connection of a good device, to write anything into.
async fn raw(world: &mut World) -> (quinn::Connection, Link) {
    let device = world.device();
    let (config, _) = tls::client(&device, &world.trust, Arc::default()).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(config));
    config.transport_config(world.options.transport(Side::Dialler));
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let address = world.listener.local_addr();
    let quic = endpoint.connect_with(config, address, "cloud").unwrap().await.unwrap();
    (quic, soon(world.listener.accept()).await.unwrap())
}

/// The stream that bytes are written to.
#[derive(Debug, Clone, Copy)]
enum Stream {
    Control,
    Session,
    Hidden,
}

/// Goal: bad bytes close the link with a reason, are counted, and the listener lives on.
async fn is_closed_on(stream: Stream, bytes: &[u8]) -> Misbehaviour {
    let mut world = World::new();
    let (quic, link) = raw(&mut world).await;
    let (mut control, _control_in) = quic.open_bi().await.unwrap();
    let misbehaved = match stream {
        Stream::Control => {
            control.write_all(bytes).await.unwrap();
            control.finish().unwrap();
            let mut channel = soon(link.control()).await.unwrap();
            soon(channel.recv()).await.unwrap_err()
        }
        Stream::Session => {
            let (mut session, _session_in) = quic.open_bi().await.unwrap();
            session.write_all(bytes).await.unwrap();
            session.finish().unwrap();
            let mut channel = soon(link.accept_session()).await.unwrap();
            soon(channel.recv()).await.unwrap_err()
        }
        Stream::Hidden => {
            let (mut session, _session_in) = quic.open_bi().await.unwrap();
            session.write_all(&bytes_of(open(1))).await.unwrap();
            let mut hidden = quic.open_uni().await.unwrap();
            hidden.write_all(bytes).await.unwrap();
            hidden.finish().unwrap();
            let mut channel = soon(link.accept_session()).await.unwrap();
            assert_eq!(soon(channel.recv()).await.unwrap().message, open(1));
            soon(channel.recv()).await.unwrap_err()
        }
    };
    let end = LinkEnd::from_quic(&soon(quic.closed()).await);
    let LinkEnd::Theirs { code: Ok(CloseCode::Misbehaved), reason } = &end else {
        panic!("{end:?}")
    };
    assert!(!reason.is_empty());
    assert_eq!(end.blame(), Blame::Us);
    assert_eq!(soon(link.closed()).await.blame(), Blame::Peer);
    assert_eq!(world.listener.tally().misbehaviours, 1);
    world.serves().await;
    match misbehaved {
        ChannelError::Misbehaved(misbehaviour) => misbehaviour,
        // The task that sorts streams saw it first.
        ChannelError::Link(_) => Misbehaviour::Truncated,
        other @ (ChannelError::Ended | ChannelError::Withdrawn | ChannelError::Encode(_)) => {
            panic!("{other:?}")
        }
    }
}

fn header(kind: Kind, body_len: usize) -> Vec<u8> {
    let [low, high] = u16::try_from(body_len).unwrap().to_le_bytes();
    match high {
        0 => vec![protocol::frame::MARK | kind.code(), low],
        _ => vec![protocol::frame::MARK_LONG | kind.code(), low, high],
    }
}

fn in_hidden_stream(frame: &[u8]) -> Vec<u8> {
    [&1u64.to_le_bytes(), frame].concat()
}

#[tokio::test]
async fn bytes_that_are_no_frames() {
    for stream in [Stream::Control, Stream::Session] {
        let found = is_closed_on(stream, b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(matches!(found, Misbehaviour::Frame(_)), "{stream:?}: {found}");
    }
    let found = is_closed_on(Stream::Hidden, &in_hidden_stream(&[0; 100])).await;
    assert!(matches!(found, Misbehaviour::Frame(_)), "{found}");
}

#[tokio::test]
async fn frames_over_their_limit_are_refused_by_their_header() {
    let limit = limits::body_len_max(Kind::Ping);
    let found = is_closed_on(Stream::Control, &header(Kind::Ping, limit + 1)).await;
    assert!(text_chain(&found).contains("exceeds the limit"), "{found:?}");
    let limit = limits::body_len_max(Kind::Open);
    let found = is_closed_on(Stream::Session, &header(Kind::Open, limit + 1)).await;
    assert!(text_chain(&found).contains("exceeds the limit"), "{found}");
}

#[tokio::test]
async fn a_payload_over_its_limit_is_refused_by_its_announcement() {
    // Two bytes of the body are raised: the payload it announces is larger than its rows can be.
    let frame = hidden_pass(0, 1, 0);
    let [head, _] = protocol::frame::encode(&frame).unwrap();
    let mut bytes = head.to_vec();
    let length = bytes.windows(2).rposition(|pair| pair == [0x00, 0x10]).unwrap();
    bytes[length..length + 2].copy_from_slice(&[0xff, 0xff]);
    let found = is_closed_on(Stream::Hidden, &in_hidden_stream(&bytes)).await;
    assert!(text_chain(&found).contains("breaks a limit"), "{found}");
}

#[tokio::test]
async fn messages_where_they_do_not_belong() {
    for (stream, message) in [
        (Stream::Control, open(1)),
        (Stream::Session, Message::Ping(Ping { nonce: 1 })),
        (Stream::Session, opened(1)),
    ] {
        let found = is_closed_on(stream, &bytes_of(message.clone())).await;
        assert!(matches!(found, Misbehaviour::Misplaced { .. }), "{message:?}: {found}");
    }
    let found = is_closed_on(Stream::Session, &bytes_of(hidden_pass(0, 1, 0))).await;
    assert!(matches!(found, Misbehaviour::Lane { kind: Kind::Pass }), "{found}");
    let found = is_closed_on(Stream::Hidden, &in_hidden_stream(&bytes_of(open(1)))).await;
    assert!(matches!(found, Misbehaviour::Lane { kind: Kind::Open }), "{found}");
}

#[tokio::test]
async fn streams_that_end_too_early() {
    let whole = bytes_of(open(1));
    for length in [1, 2, 3, whole.len() - 1] {
        let found = is_closed_on(Stream::Session, &whole[..length]).await;
        assert!(matches!(found, Misbehaviour::Truncated), "{length}: {found}");
    }
    let half_a_header = &header(Kind::Open, 300)[..2];
    let found = is_closed_on(Stream::Session, half_a_header).await;
    assert!(matches!(found, Misbehaviour::Truncated), "{found}");
    let whole = bytes_of(hidden_pass(0, 1, 0));
    let found = is_closed_on(Stream::Hidden, &in_hidden_stream(&whole[..whole.len() - 1])).await;
    assert!(matches!(found, Misbehaviour::Truncated), "{found}");
    is_closed_on(Stream::Hidden, &[1, 0, 0]).await;
}
