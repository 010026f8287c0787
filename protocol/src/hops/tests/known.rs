//! Told passes through a stage in the middle: they go up as they came.

use super::*;

fn told(epoch: u32, text: &[u32], base: usize) -> Pass {
    Pass { ask: false, told: true, ..pass(epoch, text, base) }
}

impl Desk {
    /// Where the next work starts and how many rows it has; it must be told.
    fn look_up(&mut self) -> (u32, usize) {
        let work = self.0.poll_work().unwrap();
        assert!(work.told && work.hidden.is_none(), "{work:?}");
        (work.truncate_to.0, work.tokens.len())
    }
}

#[test]
fn a_told_pass_whose_rows_are_known_goes_up_as_it_is() {
    let mut desk = Desk::new();
    let sent = told(1, &[1, 2, 3], 0);
    desk.ask(sent.clone());
    assert_eq!(desk.look_up(), (0, 3));
    desk.0.handle_known(3);
    assert_eq!(desk.up(), Message::Pass(sent));
    assert_eq!((desk.0.held(), desk.0.in_flight()), (Position(3), 1));
    desk.hear(Verdict { tokens: Vec::new(), ..verdict(1, 3) });
    assert_eq!(desk.0.in_flight(), 0, "its acknowledgement frees its credit");
}

#[test]
fn a_told_pass_whose_rows_are_held_goes_up_at_once_and_only_others_are_looked_for() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0));
    let _ = desk.work();
    let sent = told(1, &[1, 2], 0);
    desk.ask(sent.clone());
    assert!(desk.0.poll_work().is_none());
    assert_eq!(desk.up(), Message::Pass(sent));
    assert_eq!(desk.0.held(), Position(2));
    desk.ask(told(1, &[1, 2, 7, 8], 1));
    assert_eq!(desk.look_up(), (2, 2));
}

#[test]
fn a_told_pass_whose_rows_are_not_known_is_a_gap_below_and_nothing_goes_up() {
    let mut desk = Desk::new();
    desk.ask(told(1, &[1, 2, 3], 0));
    desk.ask(told(1, &[1, 2, 3, 4], 3));
    let _ = desk.look_up();
    desk.0.handle_known(1);
    let Message::Fault(fault) = desk.down() else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Gap { held: Position(1), prefix: hash(&[1]) });
    assert_eq!((desk.0.held(), desk.0.in_flight(), desk.0.poll_work()), (Position(1), 0, None));
    assert!(desk.0.poll_transmit().is_none());
}

#[test]
fn a_told_work_that_became_void_goes_nowhere() {
    for rows in [1, 3] {
        let mut desk = Desk::new();
        desk.ask(told(1, &[1, 2, 3], 0));
        let _ = desk.look_up();
        desk.0.handle_rollback(Rollback { epoch: Epoch(2), to: Position(2) });
        let _ = desk.up();
        desk.0.handle_known(rows);
        assert!(desk.0.poll_transmit().is_none());
        assert_eq!(desk.0.held(), Position(2.min(u32::try_from(rows).unwrap())));
    }
}

#[test]
fn a_told_pass_holds_nothing_but_settled_tokens() {
    let good = told(1, &[1, 2], 0);
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 4 });
    for reads in [None, Some(WireCodec::F16)] {
        let hops = || {
            let mut hops = Hops::new(config(reads));
            hops.handle_open(open(1, 0));
            hops
        };
        for (pass, why) in [
            (Pass { ask: true, ..good.clone() }, "it asks"),
            (Pass { said: 1, ..good.clone() }, "a said token"),
            (Pass { drafts: 1, ..good.clone() }, "a draft"),
            (Pass { hidden, ..good.clone() }, "hidden states"),
        ] {
            assert!(hops().handle_pass(pass, Bytes::new()).is_err(), "{why}");
        }
        hops().handle_pass(good.clone(), Bytes::new()).unwrap();
    }
}
