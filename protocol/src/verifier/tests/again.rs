//! Passes that come twice, late or out of order.

use super::*;
use base::Grammar;

#[test]
fn a_pass_that_is_running_is_not_queued_again() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    assert_eq!(desk.0.waiting(), 0);
}

#[test]
fn asking_twice_gives_the_same_words_without_another_pass() {
    let mut desk = Desk::new();
    let asked = pass(1, &[1, 2, 3, 103, 9], 0, 0, 2);
    desk.ask(asked.clone());
    let _ = desk.work();
    let first = desk.heard();
    desk.ask(asked);
    assert_eq!(desk.work(), None);
    assert_eq!(desk.heard(), first);
    assert_eq!(desk.0.passes(), 1);
}

/// It comes again behind a later one, on a path that reorders: the target goes on from the later one.
#[test]
fn a_pass_that_comes_again_takes_nothing_back_that_was_said_since() {
    let mut desk = Desk::new();
    let first = pass(1, &[1, 2, 3, 9], 0, 1, 0);
    desk.ask(first.clone());
    let _ = (desk.work(), desk.heard());
    desk.ask(Pass { extend: 2, ..pass(1, &[1, 2, 3, 9, 9], 4, 1, 0) });
    assert_eq!(desk.work(), Some((4, 1, 0..1)));
    assert_eq!(desk.heard(), Some((4, vec![false], 0, vec![105])));
    desk.ask(first);
    assert_eq!(desk.work(), None);
    assert_eq!(desk.heard(), Some((3, vec![false], 0, vec![104])), "as before");
    desk.ask(Pass { ask: false, extend: 2, ..pass(1, &[1, 2, 3, 9, 9, 105], 6, 0, 0) });
    assert_eq!(desk.work(), Some((5, 1, 0..1)), "behind its last word");
    assert_eq!(desk.heard(), Some((6, vec![], 0, vec![106])));
}

#[test]
fn an_older_epoch_is_void_but_what_it_computed_stays_true() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    let work = desk.0.poll_work(desk.1).unwrap();
    desk.ask(pass(3, &[1, 2, 3], 0, 0, 0));
    desk.ask(pass(2, &[1, 2, 3, 4], 0, 0, 0));
    assert_eq!(desk.0.poll_work(desk.1), None, "one work at a time");
    desk.0.handle_chosen(desk.1, vec![word(work.tokens.len())].into(), 5);
    assert_eq!(desk.heard(), None, "its pass is void");
    assert_eq!(desk.work(), None, "and its answer known");
    let Some(Message::Verdict(verdict)) = desk.0.poll_transmit() else { panic!("no verdict") };
    assert_eq!((verdict.epoch, verdict.tokens), (Epoch(3), ids(&[103])));
    assert_eq!(desk.heard(), None, "epoch 2 came too late");
}

/// What a reply is held to is part of what the target says, and so is what may end it.
#[test]
fn another_constraint_keeps_the_kv_and_forgets_the_choices() {
    let held = |text: &str| {
        let grammar = Grammar::Regex(text.to_owned());
        Open { constraint: Some(Constraint { from: Position(2), grammar }), ..open(2, 9) }
    };
    let later = |from| {
        let open = held("a+");
        let constraint = open.constraint.map(|held| Constraint { from: Position(from), ..held });
        Open { constraint, ..open }
    };
    let endless = Open { end_tokens: Vec::new(), ..held("a+") };
    for (before, after, is_known) in [
        (open(1, 9), held("a+"), false),
        (held("a+"), open(3, 9), false),
        (held("a+"), held("b+"), false),
        (held("a+"), later(3), false),
        (held("a+"), endless, false),
        (held("a+"), held("a+"), true),
        (open(1, 9), Open { end_tokens: Vec::new(), ..open(2, 9) }, true),
    ] {
        let mut desk = Desk::new();
        let epoch = before.epoch.0;
        desk.0.handle_open(&before);
        while desk.0.poll_transmit().is_some() {}
        desk.ask(pass(epoch, &[1, 2, 3], 0, 0, 0));
        let _ = (desk.work(), desk.heard());
        desk.0.handle_open(&after);
        let Some(Message::Opened(opened)) = desk.0.poll_transmit() else { panic!("no answer") };
        assert_eq!(opened.held, Position(3));
        desk.ask(pass(after.epoch.0, &[1, 2, 3], 3, 0, 0));
        let again = (!is_known).then_some((2, 1, 0..1));
        assert_eq!(desk.work(), again, "{before:?}, then {after:?}");
    }
}
