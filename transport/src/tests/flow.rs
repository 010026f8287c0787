//! Bounds and measures: windows, time, traffic, how many links.

use super::*;
use crate::{Blame, CloseCode, Flow};
use base::ByteCount;

fn small_windows() -> LinkOptions {
    LinkOptions {
        stream_window: ByteCount(64 << 10),
        link_window: ByteCount(128 << 10),
        send_window: ByteCount(128 << 10),
        ..LinkOptions::default()
    }
}

/// Goal: who sends faster than the peer reads waits, and holds no more than its windows.
/// Method: 16 passes of 256 KiB to a peer that does not read; then it reads.
#[tokio::test]
async fn a_sender_waits_for_its_reader_and_nothing_is_lost() {
    let mut world = World::with(small_windows());
    let (up, down, _dialer) = world.link().await;
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(1));

    let mut begun = 0;
    while begun < 16 && !nothing(session.send(hidden_pass(begun, 64, 9))).await {
        begun += 1;
    }
    assert_eq!(begun, 0, "the first pass fills both windows");
    // A rollback is not behind the tensor, though a send of it was given up half-way.
    session.send(Message::Close(protocol::Close {})).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, Message::Close(protocol::Close {}));

    let sending = tokio::spawn(async move {
        for base in 1..16 {
            session.send(hidden_pass(base, 64, 9)).await.unwrap();
        }
        session.finish().await
    });
    for base in 0..16 {
        let frame = soon(theirs.recv()).await.unwrap();
        assert_eq!(frame, hidden_pass(base, 64, 9), "in order, whole, none twice");
    }
    soon(sending).await.unwrap().unwrap();
    assert!(matches!(soon(theirs.recv()).await, Err(ChannelError::Ended)));
}

#[tokio::test]
async fn traffic_grows_with_what_is_sent_and_both_ends_agree_on_it() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let before = up.traffic();
    assert!(before.udp.sent.0 > 1200 && before.udp.received.0 > 1200, "the handshake counts");
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    session.send(hidden_pass(0, 16, 3)).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    soon(theirs.recv()).await.unwrap();
    soon(theirs.recv()).await.unwrap();
    let payload = 16 * 4096;
    let sent = (up.traffic() - before).udp.sent.0;
    assert!((payload..payload * 2).contains(&sent), "{sent} bytes for {payload}");
    let received = down.traffic().udp.received.0;
    assert!(received >= payload && received <= up.traffic().udp.sent.0, "{received}");
    assert!(up.rtt() > Duration::ZERO && up.rtt() < Duration::from_secs(1), "{:?}", up.rtt());
}

/// Goal: frames are counted to the byte, over all streams of a link and both ways.
#[tokio::test]
async fn the_frames_of_a_link_are_counted_as_the_protocol_makes_them() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    assert_eq!((up.traffic().frames, down.traffic().frames), <(Flow, Flow)>::default());
    let (ping, tensor) = (Message::Ping(Ping { nonce: 7 }), hidden_pass(0, 16, 3));
    let mut control = up.control().await.unwrap();
    control.send(ping.clone()).await.unwrap();
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    session.send(tensor.clone()).await.unwrap();
    let asked = [bytes_of(ping), bytes_of(open(1)), bytes_of(tensor)].concat().len() as u64;
    assert_eq!(up.traffic().frames.sent.0, asked);

    let mut their_control = soon(down.control()).await.unwrap();
    soon(their_control.recv()).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    soon(theirs.recv()).await.unwrap();
    let before = down.traffic();
    soon(theirs.recv()).await.unwrap();
    let last = (down.traffic() - before).frames.received.0;
    assert_eq!(last, bytes_of(hidden_pass(0, 16, 3)).len() as u64, "each once it is whole");
    theirs.send(opened(1)).await.unwrap();
    theirs.send(opened(1)).await.unwrap();
    soon(session.recv()).await.unwrap();
    let answered = bytes_of(opened(1)).len() as u64;
    let flow = |sent, received| Flow { sent: ByteCount(sent), received: ByteCount(received) };
    assert_eq!(up.traffic().frames, flow(asked, answered), "one answer is not read yet");
    assert_eq!(down.traffic().frames, flow(2 * answered, asked));
    assert_eq!(
        (up.traffic() + down.traffic()).frames,
        flow(asked + 2 * answered, asked + answered)
    );
}

#[tokio::test]
async fn a_silent_link_ends_by_its_timeout_or_lives_by_its_keep_alive() {
    let idle_timeout = Duration::from_millis(500);
    for keep_alive in [None, Some(Duration::from_millis(50))] {
        let options = LinkOptions { keep_alive, idle_timeout, ..LinkOptions::default() };
        let mut world = World::with(options);
        let (up, _down, _dialer) = world.link().await;
        let end = tokio::time::timeout(2 * idle_timeout, up.closed()).await;
        match keep_alive {
            None => {
                let end = end.unwrap();
                assert_eq!(end, LinkEnd::Silent);
                assert_eq!(end.blame(), Blame::Availability);
            }
            Some(_) => assert!(end.is_err(), "{end:?}"),
        }
    }
}

#[tokio::test]
async fn a_listener_that_drains_refuses_new_links_then_says_why_it_closes() {
    let mut world = World::new();
    let (up, down, dialer) = world.link().await;
    world.listener.refuse_new();
    let refused = soon(dialer.dial(world.listener.local_addr(), &cloud())).await.unwrap_err();
    assert!(matches!(refused, crate::DialError::Handshake { .. }), "{refused}");
    assert!(nothing(up.closed()).await);
    soon(world.listener.close(CloseCode::Draining, "back in a minute")).await;
    let end = soon(up.closed()).await;
    let said =
        LinkEnd::Theirs { code: Ok(CloseCode::Draining), reason: "back in a minute".to_owned() };
    assert_eq!(end, said);
    assert_eq!(end.blame(), Blame::Availability);
    assert!(matches!(soon(down.closed()).await, LinkEnd::Ours { .. }));
    assert!(soon(world.listener.accept()).await.is_none());
}

#[tokio::test]
async fn a_close_by_hand_reaches_the_peer_with_code_and_reason() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    down.close(CloseCode::Incompatible, "version 1 is spoken here");
    let (code, reason) = (CloseCode::Incompatible, "version 1 is spoken here".to_owned());
    let theirs = LinkEnd::Theirs { code: Ok(code), reason: reason.clone() };
    assert_eq!(soon(up.closed()).await, theirs);
    assert_eq!(soon(down.closed()).await, LinkEnd::Ours { code, reason });
    assert_eq!(end_of(up.open_session().await.unwrap_err()), theirs);
}

#[tokio::test]
async fn one_link_too_many_is_refused_at_the_door() {
    let mut world = World::with(LinkOptions { links_max: 1, ..LinkOptions::default() });
    let (_up, _down, dialer) = world.link().await;
    let refused = soon(dialer.dial(world.listener.local_addr(), &cloud())).await.unwrap_err();
    let crate::DialError::Handshake { source, .. } = refused else { panic!("{refused}") };
    assert_eq!(source.blame(), Blame::Availability, "{source}");
    assert_eq!(world.listener.tally().overloads, 1);
}

/// Goal: many that dial at once all get in, also past the point where each has to show that its
/// address is its own.
#[tokio::test]
async fn a_crowd_at_the_door_is_let_in() {
    let mut world = World::new();
    let (device, address) = (world.device(), world.listener.local_addr());
    let dialer = std::sync::Arc::new(world.dialer(&device));
    let mut dials = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let dialer = std::sync::Arc::clone(&dialer);
        dials.spawn(async move { dialer.dial(address, &cloud()).await });
    }
    let mut links = Vec::new();
    for _ in 0..64 {
        links.push(soon(world.listener.accept()).await.unwrap());
    }
    for dial in soon(dials.join_all()).await {
        links.push(dial.unwrap());
    }
    assert_eq!(world.listener.tally().overloads, 0);
}
