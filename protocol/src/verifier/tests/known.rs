//! Told passes: nothing is run for them, and nothing is chosen.

use super::*;

fn told(epoch: u32, text: &[u32], base: usize) -> Pass {
    Pass { ask: false, told: true, ..pass(epoch, text, base, 0, 0) }
}

/// A desk whose stage reads hidden states.
fn above_a_hop() -> Desk {
    let mut verifier =
        Verifier::new(VerifierConfig { hidden: Some((WireCodec::F16, 1)), head_alone: false });
    verifier.handle_open(&open(1, 0));
    let _ = verifier.poll_transmit();
    Desk(verifier, dawn())
}

impl Desk {
    /// Where the next work starts and how many rows it has; it must be told.
    fn look_up(&mut self) -> (u32, usize) {
        let work = self.0.poll_work(self.1).unwrap();
        assert!(work.told && work.hidden.is_none() && work.choose.is_empty(), "{work:?}");
        (work.truncate_to.0, work.tokens.len())
    }
}

#[test]
fn rows_that_are_known_are_acknowledged_and_count_as_no_pass() {
    for mut desk in [Desk::new(), above_a_hop()] {
        desk.ask(told(1, &[1, 2, 3, 4], 0));
        assert_eq!(desk.look_up(), (0, 4));
        desk.0.handle_known(desk.1, 4);
        let Some(Message::Verdict(verdict)) = desk.0.poll_transmit() else { panic!("no word") };
        assert_eq!((verdict.from, verdict.tokens, verdict.cost), (Position(4), vec![], None));
        assert_eq!((desk.0.passes(), desk.0.held()), (0, Position(4)));
    }
}

/// Goal: what follows a told pass is judged as if its rows had been run.
#[test]
fn the_next_pass_runs_its_own_rows_alone() {
    let mut desk = Desk::new();
    desk.ask(told(1, &[1, 2, 3], 0));
    desk.ask(pass(1, &[1, 2, 3, 4, 105], 3, 0, 1));
    let _ = desk.look_up();
    desk.0.handle_known(desk.1, 3);
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![])));
    assert_eq!(desk.work(), Some((3, 2, 0..2)));
    assert_eq!(desk.heard(), Some((4, vec![], 0, vec![104])));
}

#[test]
fn rows_that_are_held_already_are_acknowledged_at_once() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 4], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(told(1, &[1, 2, 3], 0));
    assert!(desk.0.poll_work(desk.1).is_none());
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![])));
    assert_eq!(desk.0.held(), Position(4));
    desk.ask(told(1, &[1, 2, 3, 7, 8], 1));
    assert_eq!(desk.look_up(), (3, 2), "only what is not held is looked for");
}

#[test]
fn rows_that_are_not_known_are_a_gap_and_void_what_waits() {
    for mut desk in [Desk::new(), above_a_hop()] {
        desk.ask(told(1, &[1, 2, 3, 4], 0));
        desk.ask(told(1, &[1, 2, 3, 4, 5], 4));
        let _ = desk.look_up();
        desk.0.handle_known(desk.1, 2);
        let prefix = PrefixHash::EMPTY.extend(&ids(&[1, 2]));
        assert_eq!(desk.gap(), (Position(2), prefix));
        assert_eq!((desk.0.waiting(), desk.0.held()), (0, Position(2)));
        assert!(desk.0.poll_work(desk.1).is_none() && desk.0.poll_transmit().is_none());
    }
}

/// The same rows with their hidden states, which the device sends when it cannot wait any longer.
#[test]
fn a_told_pass_is_not_taken_for_the_same_one_that_is_run() {
    let mut desk = above_a_hop();
    desk.ask(told(1, &[1, 2], 0));
    let _ = desk.look_up();
    desk.ask(told(1, &[1, 2], 0));
    desk.ask(with_rows(Pass { ask: false, ..pass(1, &[1, 2], 0, 0, 0) }));
    assert_eq!(desk.0.waiting(), 1);
}

#[test]
fn a_told_work_that_became_void_is_answered_with_nothing() {
    for rows in [1, 3] {
        let mut desk = Desk::new();
        desk.ask(told(1, &[1, 2, 3], 0));
        let _ = desk.look_up();
        desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(2) });
        desk.0.handle_known(desk.1, rows);
        assert!(desk.0.poll_transmit().is_none());
        assert_eq!(desk.0.held(), Position(2.min(u32::try_from(rows).unwrap())));
    }
}

#[test]
fn a_told_pass_holds_nothing_but_settled_tokens() {
    let good = told(1, &[1, 2], 0);
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 4 });
    for reads in [None, Some((WireCodec::F16, 1))] {
        for (pass, why) in [
            (Pass { ask: true, ..good.clone() }, "it asks"),
            (Pass { said: 1, ..good.clone() }, "a said token"),
            (Pass { drafts: 1, ..good.clone() }, "a draft"),
            (Pass { extend: 1, ..good.clone() }, "leave to go on"),
            (Pass { hidden, ..good.clone() }, "hidden states"),
            (Pass { tokens: Vec::new(), ..good.clone() }, "no rows"),
            (told(1, &[1; 21], 0), "past the session"),
        ] {
            let mut verifier = Verifier::new(VerifierConfig { hidden: reads, head_alone: false });
            verifier.handle_open(&open(1, 0));
            assert!(verifier.handle_pass(dawn(), pass, Bytes::new()).is_err(), "{why}");
        }
        let mut verifier = Verifier::new(VerifierConfig { hidden: reads, head_alone: false });
        verifier.handle_open(&open(1, 0));
        verifier.handle_pass(dawn(), good.clone(), Bytes::new()).unwrap();
    }
}
