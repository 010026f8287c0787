//! Many conversations on one link.

use super::*;
use crate::{CloseCode, SessionChannel};
use protocol::Close;
use tokio::task::JoinSet;

/// Answers a session's `Open` with the number that it named.
async fn answer(mut session: SessionChannel) {
    let Message::Open(open) = soon(session.recv()).await.unwrap().message else { panic!() };
    session.send(opened(open.session.0[0])).await.unwrap();
    let close = soon(session.recv()).await.unwrap().message;
    assert_eq!(close, Message::Close(Close {}));
}

#[tokio::test]
async fn fifty_sessions_share_a_link_and_each_gets_its_own_answers() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let up = up.clone();
        tasks.spawn(async move {
            let mut session = up.open_session().await.unwrap();
            session.send(open(number)).await.unwrap();
            assert_eq!(soon(session.recv()).await.unwrap().message, opened(number));
            session.send(Message::Close(Close {})).await.unwrap();
            soon(session.finish()).await.unwrap();
        });
    }
    for _ in 0..50 {
        tasks.spawn(answer(soon(down.accept_session()).await.unwrap()));
    }
    while let Some(done) = soon(tasks.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn hidden_states_join_their_session_in_any_order() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let quic = &up.connection().quic;

    // The hidden stream is whole before its session says a word, and before its session at all.
    let mut hidden = quic.open_uni().await.unwrap();
    hidden.write_all(&2u64.to_le_bytes()).await.unwrap();
    hidden.write_all(&bytes_of(hidden_pass(0, 2, 0xab))).await.unwrap();
    assert!(nothing(down.accept_session()).await);
    let mut one = up.open_session().await.unwrap();
    let mut two = quic.open_bi().await.unwrap();
    one.send(open(1)).await.unwrap();
    let open_two = bytes_of(open(2));
    two.0.write_all(&open_two[..2]).await.unwrap();

    let mut first = soon(down.accept_session()).await.unwrap();
    let mut second = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(first.recv()).await.unwrap().message, open(1));
    assert!(nothing(second.recv()).await, "the control stream begins");
    two.0.write_all(&open_two[2..]).await.unwrap();
    assert_eq!(soon(second.recv()).await.unwrap().message, open(2));
    assert_eq!(soon(second.recv()).await.unwrap(), hidden_pass(0, 2, 0xab));

    // And the other way round, through the door that nodes use.
    one.send(hidden_pass(0, 3, 0xcd)).await.unwrap();
    one.send(hidden_pass(3, 1, 0xef)).await.unwrap();
    assert_eq!(soon(first.recv()).await.unwrap(), hidden_pass(0, 3, 0xcd));
    assert_eq!(soon(first.recv()).await.unwrap(), hidden_pass(3, 1, 0xef));
    assert!(nothing(second.recv()).await, "nothing strays into the other session");
}

/// Goal: above hears a verdict before it gets the pass that builds on it, also where the pass goes on a
/// stream of its own; hidden states come down on the stream that is there.
#[tokio::test]
async fn verdicts_go_up_in_their_place_among_passes_and_hidden_states_come_down() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let mut ours = up.open_session().await.unwrap();
    ours.send(open(1)).await.unwrap();
    // No pass had hidden states yet.
    ours.send(verdict(0)).await.unwrap();
    let mut theirs = soon(down.accept_session()).await.unwrap();
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(1));
    assert_eq!(soon(theirs.recv()).await.unwrap().message, verdict(0));
    for number in 1..20 {
        ours.send(hidden_pass(number, 3, 0xab)).await.unwrap();
        ours.send(verdict(number)).await.unwrap();
    }
    for number in 1..20 {
        assert_eq!(soon(theirs.recv()).await.unwrap(), hidden_pass(number, 3, 0xab));
        assert_eq!(soon(theirs.recv()).await.unwrap().message, verdict(number));
    }
    theirs.send(hidden_pass(3, 1, 0xef)).await.unwrap();
    assert_eq!(soon(ours.recv()).await.unwrap(), hidden_pass(3, 1, 0xef));
    assert_eq!(world.listener.tally().misbehaviours, 0);
}

#[tokio::test]
async fn a_receive_that_is_dropped_half_way_loses_nothing() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let (mut send, _recv) = up.connection().quic.open_bi().await.unwrap();
    let whole: Vec<u8> = (0..20).flat_map(|number| bytes_of(open(number))).collect();
    let trickle = tokio::spawn(async move {
        for piece in whole.chunks(7) {
            send.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        send
    });
    let mut session = soon(down.accept_session()).await.unwrap();
    for number in 0..20 {
        let frame = loop {
            let impatient = tokio::time::timeout(Duration::from_micros(50), session.recv());
            if let Ok(frame) = impatient.await {
                break frame;
            }
        };
        assert_eq!(frame.unwrap().message, open(number));
    }
    drop(trickle.await.unwrap());
}

#[tokio::test]
async fn one_session_too_many_waits_for_another_to_end() {
    let mut world = World::with(LinkOptions { sessions_max: 2, ..LinkOptions::default() });
    let (up, down, _dialer) = world.link().await;
    let mut sessions = Vec::new();
    for number in 0..2 {
        let mut session = up.open_session().await.unwrap();
        session.send(open(number)).await.unwrap();
        sessions.push(session);
    }
    assert!(nothing(up.open_session()).await);
    let (ours, mut theirs) = (sessions.remove(0), soon(down.accept_session()).await.unwrap());
    assert_eq!(soon(theirs.recv()).await.unwrap().message, open(0));
    drop(ours);
    assert!(matches!(soon(theirs.recv()).await, Err(ChannelError::Ended)));
    drop(theirs);
    soon(up.open_session()).await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_given_up_leaves_the_link_and_the_others_alone() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let mut kept = up.open_session().await.unwrap();
    let mut dropped = up.open_session().await.unwrap();
    kept.send(open(1)).await.unwrap();
    dropped.send(open(2)).await.unwrap();
    let (kept_down, dropped_down) =
        (soon(down.accept_session()).await.unwrap(), soon(down.accept_session()).await.unwrap());
    drop(dropped_down);
    assert!(matches!(soon(dropped.recv()).await, Err(ChannelError::Ended)));
    let refused = soon(async {
        loop {
            if let Err(error) = dropped.send(Message::Close(Close {})).await {
                break error;
            }
            tokio::task::yield_now().await;
        }
    });
    assert!(matches!(refused.await, ChannelError::Withdrawn));
    let (answered, said) = tokio::join!(answer(kept_down), async {
        assert_eq!(soon(kept.recv()).await.unwrap().message, opened(1));
        kept.send(Message::Close(Close {})).await
    });
    assert_eq!((answered, said.unwrap()), ((), ()));
    assert_eq!(world.listener.tally().misbehaviours, 0);
}

#[tokio::test]
async fn a_frame_torn_by_a_dropped_sender_is_not_the_links_end() {
    let mut world = World::with(LinkOptions {
        stream_window: base::ByteCount(1 << 10),
        ..LinkOptions::default()
    });
    let (up, down, _dialer) = world.link().await;
    let mut session = up.open_session().await.unwrap();
    session.send(open(1)).await.unwrap();
    let Message::Pass(pass) = hidden_pass(0, 1, 0).message else { unreachable!() };
    let long = Pass { tokens: vec![TokenId(300); 1000], hidden: None, ..pass };
    assert!(nothing(session.send(Message::Pass(long))).await, "the window is far smaller");
    drop(session);
    let mut theirs = soon(down.accept_session()).await.unwrap();
    let gone = soon(async {
        loop {
            if let Err(error) = theirs.recv().await {
                break error;
            }
        }
    });
    assert!(matches!(gone.await, ChannelError::Withdrawn));
    assert!(nothing(down.closed()).await);
    assert_eq!(world.listener.tally().misbehaviours, 0);
}

#[tokio::test]
async fn a_link_that_nobody_holds_is_closed_and_one_with_a_session_is_not() {
    let mut world = World::new();
    let (up, down, _dialer) = world.link().await;
    let session = up.open_session().await.unwrap();
    drop(up);
    assert!(nothing(down.closed()).await);
    drop(session);
    let end = soon(down.closed()).await;
    assert!(matches!(end, LinkEnd::Theirs { code: Ok(CloseCode::Done), .. }), "{end:?}");
}
