//! A head without layers: the text is all that it holds, and only rows that it chooses from come.

use super::*;

fn desk() -> Desk {
    let config = VerifierConfig { hidden: Some((WireCodec::F16, 1)), head_alone: true };
    let mut verifier = Verifier::new(config);
    verifier.handle_open(&open(1, 0));
    let _ = verifier.poll_transmit();
    Desk(verifier, dawn())
}

/// The pass with as many rows as the head chooses from, two bytes each.
fn with_chosen(pass: Pass) -> Pass {
    let bytes = u32::try_from(2 * pass.chosen_rows()).unwrap();
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 1, bytes });
    Pass { hidden: hidden.filter(|_| bytes > 0), ..pass }
}

/// Goal: settled rows are not run. Method: the first rows of a work, and how many, for each shape of a pass.
#[test]
fn of_a_pass_only_the_rows_that_are_chosen_from_are_run() {
    let text: Vec<u32> = (1..=6).collect();
    for (said, drafts, start, rows) in [(0, 0, 5, 1), (0, 2, 3, 3), (2, 0, 3, 3), (1, 2, 2, 4)] {
        let mut desk = desk();
        desk.ask(with_chosen(pass(1, &text, 0, said, drafts)));
        assert_eq!(desk.work(), Some((start, rows, 0..rows)), "{said} said, {drafts} drafts");
        assert!(desk.heard().is_some());
        assert_eq!(desk.0.held(), Position(6), "and the text is known");
    }
}

#[test]
fn what_is_not_asked_is_known_and_acknowledged_without_rows() {
    let mut desk = desk();
    desk.ask(Pass { ask: false, ..pass(1, &[1, 2, 3], 0, 0, 0) });
    desk.ask(Pass { ask: false, told: true, ..pass(1, &[1, 2, 3, 4, 5], 3, 0, 0) });
    assert_eq!((desk.work(), desk.0.held()), (None, Position(5)));
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![])));
    assert_eq!(desk.heard(), Some((5, vec![], 0, vec![])));
    desk.ask(with_chosen(pass(1, &[1, 2, 3, 4, 5, 6], 5, 0, 0)));
    assert_eq!(desk.work(), Some((5, 1, 0..1)));
    assert_eq!(desk.0.passes(), 1);
}

/// Goal: asked twice it says the same, and rows that came again are not run again.
#[test]
fn rows_whose_word_is_known_are_skipped() {
    let mut desk = desk();
    desk.ask(with_chosen(pass(1, &[1, 2, 3], 0, 0, 0)));
    assert_eq!(desk.work(), Some((2, 1, 0..1)));
    let said = desk.heard();
    desk.ask(with_chosen(pass(1, &[1, 2, 3], 0, 0, 0)));
    assert_eq!((desk.work(), desk.heard()), (None, said));
    // Of four rows the first is answered from memory.
    desk.ask(with_chosen(pass(1, &[1, 2, 3, 103, 104, 9], 0, 0, 3)));
    let work = desk.0.poll_work(desk.1).unwrap();
    let rows = work.hidden.unwrap();
    assert_eq!((work.truncate_to, rows.rows, rows.skip), (Position(3), 4, 1));
    assert_eq!((work.tokens.len(), work.choose), (3, 0..3));
}

/// A text is known by being told of, also in the middle; what builds on another one is a gap.
#[test]
fn a_text_that_is_known_is_held() {
    let mut desk = desk();
    desk.0.know(&ids(&[1, 2, 3, 4]));
    desk.0.know(&ids(&[1, 2, 7]));
    desk.0.handle_open(&open(2, 9));
    let Some(Message::Opened(opened)) = desk.0.poll_transmit() else { panic!("not opened") };
    assert_eq!(opened.held, Position(3));
    assert_eq!(opened.prefix, PrefixHash::EMPTY.extend(&ids(&[1, 2, 7])));
    desk.ask(with_chosen(pass(2, &[1, 2, 3, 4], 3, 0, 0)));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.gap().0, Position(3));
}

#[test]
fn rows_that_are_missing_are_a_gap_and_none_too_many_may_come() {
    let mut desk = desk();
    desk.0.know(&ids(&[1, 2, 3]));
    // Said tokens at its very beginning: the word before them is known to nobody.
    desk.ask(with_chosen(pass(1, &[1, 2, 3, 4], 3, 1, 0)));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.gap().0, Position(3));
    let unasked = Pass { ask: false, ..pass(1, &[1, 2], 0, 0, 0) };
    for bad in [with_rows(unasked), pass(1, &[1, 2], 0, 0, 0)] {
        assert!(desk.0.handle_pass(desk.1, bad, Bytes::new()).is_err());
    }
}
