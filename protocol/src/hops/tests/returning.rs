//! Chains whose head is below, and what leaves the last layer.

use super::*;

/// The stage with the last layer, whose head is on that side.
fn last(head: Side) -> Hops {
    let mut hops = Hops::new(HopsConfig { last_layer: true, head, ..config(None) });
    let mut open = open(1, 0);
    open.end_tokens = Vec::new();
    hops.handle_open(open);
    hops
}

fn next(hops: &mut Hops) -> (Side, Message) {
    let (side, frame) = hops.poll_transmit().expect("there is something to say");
    assert_eq!(frame.message.payload_len(), frame.payload.len());
    (side, frame.message)
}

/// Runs one work: how many of its rows leave, and what is said of them.
fn work(hops: &mut Hops) -> (usize, (Side, Message)) {
    let work = hops.poll_work().expect("there is work");
    hops.handle_output(vec![0; work.leaving * 2].into());
    (work.leaving, next(hops))
}

#[test]
fn where_the_chain_turns_an_open_is_answered_with_what_is_held() {
    let mut hops = last(Side::Down);
    let answer = |epoch, held, prefix| {
        (Side::Down, Message::Opened(Opened { epoch: Epoch(epoch), held, prefix, passes: 0 }))
    };
    assert_eq!(next(&mut hops), answer(1, Position(0), PrefixHash::EMPTY));
    hops.handle_pass(pass(1, &[1, 2, 3], 0), Bytes::new()).unwrap();
    let _ = work(&mut hops);
    for (epoch, have, held) in [(2, 9, 3), (3, 2, 2)] {
        hops.handle_open(open(epoch, have));
        let prefix = hash(&[1, 2, 3][..held]);
        assert_eq!(next(&mut hops), answer(epoch, Position::after(held), prefix));
    }
    hops.handle_rollback(Rollback { epoch: Epoch(4), to: Position(1) });
    hops.handle_close();
    assert_eq!((hops.poll_transmit(), hops.held()), (None, Position(1)), "nobody is above");
}

/// Goal: behind the last layer travel the rows that the head chooses from. Method: every shape of a pass, with
/// the head on either side.
#[test]
fn only_the_rows_that_are_chosen_from_leave_the_last_layer() {
    let text: Vec<u32> = (1..=9).collect();
    let whole = pass(1, &text, 0);
    for head in [Side::Up, Side::Down] {
        for (pass, leaving) in [
            (whole.clone(), 1),
            (Pass { ask: false, ..whole.clone() }, 0),
            (Pass { drafts: 3, ..whole.clone() }, 4),
            (Pass { said: 2, drafts: 3, ..whole.clone() }, 6),
            (Pass { said: 9, ..whole.clone() }, 9),
        ] {
            let mut hops = last(head);
            let _ = next(&mut hops);
            hops.handle_pass(pass.clone(), Bytes::new()).unwrap();
            let bytes = 2 * u32::try_from(leaving).unwrap();
            let hidden = Hidden { codec: WireCodec::F16, width: 1, bytes };
            let left = Pass { hidden: (leaving > 0).then_some(hidden), ..pass };
            assert_eq!(work(&mut hops), (leaving, (head, Message::Pass(left))));
        }
    }
}

#[test]
fn a_told_pass_goes_where_all_others_go() {
    let mut hops = last(Side::Down);
    let _ = next(&mut hops);
    let told = Pass { ask: false, told: true, ..pass(1, &[1, 2], 0) };
    hops.handle_pass(told.clone(), Bytes::new()).unwrap();
    assert!(hops.poll_work().unwrap().told);
    hops.handle_known(2);
    assert_eq!(next(&mut hops), (Side::Down, Message::Pass(told)));
}

/// A verdict frees the credit, drops what it contradicts, and is not sent back.
#[test]
fn where_the_chain_turns_a_verdict_is_heard_and_not_said() {
    let mut hops = last(Side::Down);
    let _ = next(&mut hops);
    for pass in [drafts(&[1, 2, 3], 0, 2), drafts(&[1, 2, 3, 4, 5], 3, 0)] {
        hops.handle_pass(pass, Bytes::new()).unwrap();
    }
    let _ = work(&mut hops);
    hops.handle_verdict(Side::Down, says(2, 0, 9)).unwrap();
    assert_eq!((hops.poll_work(), hops.held(), hops.in_flight()), (None, Position(2), 0));
    assert_eq!(hops.poll_transmit(), None);
}

/// A stage that the chain comes back past lets both through, of its own epoch.
#[test]
fn a_stage_in_between_lets_passes_down_and_verdicts_up() {
    let mut hops = Hops::new(HopsConfig { head: Side::Down, ..config(None) });
    hops.handle_open(open(2, 0));
    let _ = next(&mut hops);
    let back = with_row(pass(2, &[1, 2], 0));
    hops.handle_return(back.clone(), vec![0; 2].into()).unwrap();
    assert_eq!(next(&mut hops), (Side::Down, Message::Pass(back.clone())));
    hops.handle_verdict(Side::Down, verdict(2, 2)).unwrap();
    assert_eq!(next(&mut hops), (Side::Up, Message::Verdict(verdict(2, 2))));
    hops.handle_return(Pass { epoch: Epoch(1), ..back }, vec![0; 2].into()).unwrap();
    hops.handle_verdict(Side::Down, verdict(1, 2)).unwrap();
    assert_eq!(hops.poll_transmit(), None, "both are late");
}

#[test]
fn what_comes_from_the_wrong_side_is_out_of_turn() {
    let out_of_turn = |kind| Err(PeerMisbehaved::OutOfTurn { kind });
    for (head, other) in [(Side::Up, Side::Down), (Side::Down, Side::Up)] {
        let mut hops = Hops::new(HopsConfig { head, ..config(None) });
        hops.handle_open(open(1, 0));
        let outcome = hops.handle_verdict(other, verdict(1, 0));
        assert_eq!(outcome, out_of_turn(Kind::Verdict));
    }
    let mut hops = Hops::new(config(None));
    hops.handle_open(open(1, 0));
    let outcome = hops.handle_return(with_row(pass(1, &[1], 0)), vec![0; 2].into());
    assert_eq!(outcome, out_of_turn(Kind::Pass));
}

/// A relay behind the last layer passes on what the head reads: rows, or word of rows that it does not need.
#[test]
fn a_relay_behind_the_last_layer_reads_what_the_head_reads() {
    let config =
        HopsConfig { behind_layers: true, last_layer: true, ..config(Some(WireCodec::F16)) };
    let mut hops = Hops::new(config);
    hops.handle_open(open(1, 0));
    let _ = next(&mut hops);
    let unasked = Pass { ask: false, ..pass(1, &[1, 2, 3], 0) };
    hops.handle_pass(unasked.clone(), Bytes::new()).unwrap();
    assert_eq!(hops.poll_work(), None, "nothing is to be run");
    assert_eq!(next(&mut hops), (Side::Up, Message::Pass(unasked.clone())));
    let asked = with_row(pass(1, &[1, 2, 3, 4, 5], 3));
    hops.handle_pass(asked.clone(), vec![7; 2].into()).unwrap();
    let rows = hops.poll_work().unwrap().hidden.unwrap();
    assert_eq!((rows.rows, rows.payload.len()), (1, 2));
    hops.handle_output(rows.payload);
    assert_eq!(next(&mut hops), (Side::Up, Message::Pass(asked)));
    assert!(hops.handle_pass(with_row(unasked), vec![7; 2].into()).is_err());
}

/// The pass with one row of hidden states.
fn with_row(pass: Pass) -> Pass {
    Pass { hidden: Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 2 }), ..pass }
}
