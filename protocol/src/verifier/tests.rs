//! The verifier, input by input. The target of these tests says the position's number plus 100,
//! and at position 8 the end token.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

mod again;
mod head_alone;
mod known;
mod likelihoods;
mod streaming;

use super::*;
use crate::{Hidden, PrefixHash, SessionId};
use base::{KvFormat, Privacy, Sampling, WireCodec};

const END: TokenId = TokenId(0);

/// The pass with the hidden states of its rows, two bytes each.
fn with_rows(pass: Pass) -> Pass {
    let bytes = u32::try_from(2 * pass.tokens.len()).unwrap();
    Pass { hidden: Some(Hidden { codec: WireCodec::F16, width: 1, bytes }), ..pass }
}

fn word(position: usize) -> TokenId {
    if position == 8 { END } else { TokenId(u32::try_from(100 + position).unwrap()) }
}

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn open(epoch: u32, have: u32) -> Open {
    Open {
        session: SessionId([1; 16]),
        epoch: Epoch(epoch),
        have: Position(have),
        sampling: Sampling::GREEDY,
        stages: Vec::new(),
        end_tokens: vec![END],
        positions_max: 20,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}

/// An asking pass over `text`, whose first `base` tokens are only its prefix.
fn pass(epoch: u32, text: &[u32], base: usize, said: u32, drafts: u32) -> Pass {
    Pass {
        epoch: Epoch(epoch),
        base: Position::after(base),
        prefix: PrefixHash::EMPTY.extend(&ids(&text[..base])).check(),
        tokens: ids(&text[base..]),
        said,
        drafts,
        ask: true,
        extend: 0,
        told: false,
        hidden: None,
    }
}

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

struct Desk(Verifier, Instant);

impl Desk {
    fn new() -> Self {
        let mut verifier = Verifier::new(VerifierConfig { hidden: None, head_alone: false });
        verifier.handle_open(&open(1, 0));
        let _ = verifier.poll_transmit();
        Self(verifier, dawn())
    }

    fn ask(&mut self, pass: Pass) {
        self.0.handle_pass(self.1, pass, Bytes::new()).unwrap();
    }

    /// Runs one work: where it starts, its rows, and the rows chosen from.
    fn work(&mut self) -> Option<(u32, usize, Range<usize>)> {
        let work = self.0.poll_work(self.1)?;
        let start = work.truncate_to.index();
        let chosen: Vec<_> = work.choose.clone().map(|row| word(start + row + 1)).collect();
        self.0.handle_chosen(self.1, chosen.into(), 5);
        Some((work.truncate_to.0, work.tokens.len(), work.choose))
    }

    /// The next message as (from, agreed, accepted, tokens).
    fn heard(&mut self) -> Option<(u32, Vec<bool>, u32, Vec<u32>)> {
        match self.0.poll_transmit()? {
            Message::Verdict(verdict) => Some((
                verdict.from.0,
                verdict.agreed,
                verdict.accepted,
                verdict.tokens.iter().map(|token| token.0).collect(),
            )),
            other => panic!("not a verdict: {other:?}"),
        }
    }

    fn gap(&mut self) -> (Position, PrefixHash) {
        match self.0.poll_transmit() {
            Some(Message::Fault(Fault { kind: FaultKind::Gap { held, prefix }, .. })) => {
                (held, prefix)
            }
            other => panic!("not a gap: {other:?}"),
        }
    }
}

#[test]
fn a_pass_is_judged_up_to_the_first_miss() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 103, 104, 9, 106], 0, 0, 4));
    assert_eq!(desk.work(), Some((0, 7, 2..7)));
    assert_eq!(desk.heard(), Some((3, vec![], 2, vec![105])));
    assert_eq!(desk.0.passes(), 1);
}

#[test]
fn said_tokens_are_all_judged_and_kept() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 102, 9, 104, 105], 0, 3, 1));
    assert_eq!(desk.work(), Some((0, 6, 1..6)));
    assert_eq!(desk.heard(), Some((2, vec![true, false, true], 1, vec![106])));
    assert_eq!(desk.0.held(), Position(6));
}

#[test]
fn a_pass_that_does_not_ask_is_only_acknowledged() {
    let mut desk = Desk::new();
    desk.ask(Pass { ask: false, ..pass(1, &[1, 2, 3], 0, 0, 0) });
    assert_eq!(desk.work(), Some((0, 3, 3..3)));
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![])));
}

/// The target goes on alone behind what was asked, and behind nothing that is only sent.
#[test]
fn a_pass_that_does_not_ask_ends_what_the_target_says_alone() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 5, ..pass(1, &[1, 2, 3], 0, 0, 0) });
    assert!(desk.work().is_some());
    let _ = desk.heard();
    desk.ask(Pass { ask: false, extend: 5, ..pass(1, &[1, 2, 3, 103, 9], 3, 0, 0) });
    assert_eq!(desk.work(), Some((3, 2, 2..2)));
    assert_eq!(desk.heard(), Some((5, vec![], 0, vec![])));
    assert_eq!(desk.work(), None);
}

#[test]
fn a_pass_may_build_on_the_targets_own_last_word() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 9], 0, 0, 1));
    let _ = (desk.work(), desk.heard());
    // 103 was the target's word in place of the draft 9; only the new drafts are sent.
    desk.ask(pass(1, &[1, 2, 3, 103, 104, 9], 4, 0, 2));
    assert_eq!(desk.work(), Some((3, 3, 0..3)));
    assert_eq!(desk.heard(), Some((4, vec![], 1, vec![105])));
}

#[test]
fn a_base_within_the_text_truncates_it() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 4, 5, 6], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 2, 7], 2, 0, 0));
    assert_eq!(desk.work(), Some((2, 1, 0..1)));
    assert_eq!((desk.heard(), desk.0.held()), (Some((3, vec![], 0, vec![103])), Position(3)));
}

#[test]
fn a_pass_past_the_text_or_on_another_text_is_a_gap() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 2, 3, 4, 5, 6], 5, 0, 1));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.gap(), (Position(3), PrefixHash::EMPTY.extend(&ids(&[1, 2, 3]))));
    desk.ask(pass(1, &[1, 9, 3], 2, 0, 0));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.gap(), (Position(2), PrefixHash::EMPTY.extend(&ids(&[1, 2]))));
}

#[test]
fn the_target_goes_on_alone_as_far_as_it_may() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 3, ..pass(1, &[1, 2], 0, 0, 0) });
    assert_eq!(desk.work(), Some((0, 2, 1..2)));
    assert_eq!(desk.work(), Some((2, 1, 0..1)));
    assert_eq!(desk.work(), Some((3, 1, 0..1)));
    assert_eq!(desk.work(), None, "positions 2 to 4 are said");
    assert_eq!(desk.heard(), Some((2, vec![], 0, vec![102])));
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![103])));
    assert_eq!(desk.heard(), Some((4, vec![], 0, vec![104])));
    // A renewal is not answered, and takes it two further.
    let renewal = pass(1, &[1, 2, 102, 103], 4, 0, 0);
    desk.ask(Pass { ask: false, extend: 3, ..renewal });
    assert_eq!(desk.work(), Some((4, 1, 0..1)));
    assert_eq!(desk.work(), Some((5, 1, 0..1)));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.heard(), Some((5, vec![], 0, vec![105])));
}

#[test]
fn alone_the_target_stops_at_an_end_token_and_at_the_sessions_end() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 12, ..pass(1, &[1, 2, 3, 4, 5, 6, 7], 0, 0, 0) });
    while desk.work().is_some() {}
    assert_eq!(desk.heard(), Some((7, vec![], 0, vec![107])));
    assert_eq!(desk.heard(), Some((8, vec![], 0, vec![END.0])));
    assert_eq!(desk.heard(), None);

    let mut desk = Desk::new();
    let text: Vec<u32> = (1..=18).collect();
    desk.ask(Pass { extend: 12, ..pass(1, &text, 0, 0, 0) });
    while desk.work().is_some() {}
    assert_eq!(desk.heard(), Some((18, vec![], 0, vec![118])));
    assert_eq!(desk.heard(), Some((19, vec![], 0, vec![119])));
    assert_eq!(desk.heard(), None, "the session has 20 positions");
}

#[test]
fn a_rollback_stops_the_target_and_cuts_its_text() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 9, ..pass(1, &[1, 2], 0, 0, 0) });
    let _ = (desk.work(), desk.work(), desk.heard(), desk.heard());
    let running = desk.0.poll_work(desk.1).unwrap();
    desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(1) });
    desk.0.handle_chosen(desk.1, vec![word(running.truncate_to.index() + 1)].into(), 5);
    assert_eq!((desk.work(), desk.heard()), (None, None));
    assert_eq!(desk.0.held(), Position(1));
    desk.0.handle_rollback(&Rollback { epoch: Epoch(1), to: Position(0) });
    assert_eq!(desk.0.held(), Position(1), "an older epoch's");
}

#[test]
fn a_rollback_to_where_the_target_stands_stops_it_too() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 9, ..pass(1, &[1, 2], 0, 0, 0) });
    let _ = (desk.work(), desk.work());
    desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(4) });
    assert_eq!(desk.work(), None);
}

#[test]
fn after_a_miss_the_target_goes_on_from_its_own_word() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 2, ..pass(1, &[1, 2, 9, 9], 0, 0, 2) });
    assert_eq!(desk.work(), Some((0, 4, 1..4)));
    assert_eq!(desk.heard(), Some((2, vec![], 0, vec![102])), "nothing that follows the draft");
    let work = desk.0.poll_work(desk.1).unwrap();
    assert_eq!((work.truncate_to, work.tokens), (Position(2), ids(&[102])));
}

#[test]
fn choices_along_a_text_that_was_cut_are_forgotten() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 4], 0, 3, 0));
    let _ = (desk.work(), desk.heard());
    // Another text of the same length, of which only the end is asked for.
    desk.ask(pass(1, &[1, 7, 8, 9], 1, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 7, 8, 9], 1, 2, 0));
    assert_eq!(desk.work(), Some((1, 3, 0..3)), "the choice after 1, 7 was never made");
}

#[test]
fn drafts_that_match_what_was_said_alone_cost_nothing() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 4, ..pass(1, &[1, 2], 0, 0, 0) });
    while desk.work().is_some() {}
    while desk.heard().is_some() {}
    let rows = desk.0.passes();
    desk.ask(pass(2, &[1, 2, 102, 103, 9], 1, 0, 3));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.heard(), Some((2, vec![], 2, vec![104])));
    // With leave to go on, it also repeats what it had said after the miss.
    desk.ask(Pass { extend: 1, ..pass(3, &[1, 2, 102, 9, 9], 1, 0, 3) });
    assert_eq!(desk.heard(), None);
    assert_eq!(desk.work(), None);
    assert_eq!(desk.heard(), Some((2, vec![], 1, vec![103, 104, 105])));
    assert_eq!(desk.0.passes(), rows);
}

#[test]
fn other_sampling_parameters_keep_the_kv_and_forget_the_choices() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    let sampling = Sampling::new(0.8, 0, 1.0, 7).unwrap();
    desk.0.handle_open(&Open { sampling, ..open(2, 9) });
    let Some(Message::Opened(opened)) = desk.0.poll_transmit() else { panic!("no answer") };
    assert_eq!((opened.held, opened.passes), (Position(3), 1));
    desk.ask(pass(2, &[1, 2, 3], 3, 0, 0));
    assert_eq!(desk.work(), Some((2, 1, 0..1)), "only the row that chooses runs again");
}

#[test]
fn an_open_answers_with_no_more_than_was_asked_for() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.0.handle_open(&open(2, 2));
    let Some(Message::Opened(opened)) = desk.0.poll_transmit() else { panic!("no answer") };
    let prefix = PrefixHash::EMPTY.extend(&ids(&[1, 2]));
    assert_eq!((opened.epoch, opened.held, opened.prefix), (Epoch(2), Position(2), prefix));
    desk.0.handle_open(&open(1, 3));
    assert_eq!(desk.0.poll_transmit(), None, "an older epoch's");
}

#[test]
fn the_queue_takes_its_limit_and_refuses_one_more() {
    let mut desk = Desk::new();
    for length in 1..=limits::PASSES_IN_FLIGHT_MAX {
        let text: Vec<u32> = (0..u32::try_from(length).unwrap()).collect();
        desk.ask(pass(1, &text, 0, 0, 0));
        desk.ask(pass(1, &text, 0, 0, 0)); // a repeat is not counted
    }
    let outcome = desk.0.handle_pass(desk.1, pass(1, &[9; 17], 0, 0, 0), Bytes::new());
    assert!(matches!(outcome, Err(PeerMisbehaved::TooManyPasses { waiting: 17, limit: 16 })));
}

#[test]
fn passes_that_break_the_sessions_rules_are_the_peers_fault() {
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 4, bytes: 8 });
    let good = pass(1, &[1], 0, 0, 0);
    for (reads, pass, why) in [
        (None, pass(1, &[1; 21], 0, 0, 0), "past the session"),
        (None, pass(1, &[1], 0, 0, 1), "nothing before the first draft"),
        (None, Pass { hidden, ..good.clone() }, "hidden states for an embedding"),
        (Some((WireCodec::F16, 4)), good.clone(), "tokens alone above it"),
        (Some((WireCodec::F32, 4)), Pass { hidden, ..good.clone() }, "another codec"),
        (Some((WireCodec::F16, 5)), Pass { hidden, ..good.clone() }, "another width"),
        (Some((WireCodec::F16, 4)), Pass { hidden, extend: 1, ..good }, "leave to go on"),
    ] {
        let mut verifier = Verifier::new(VerifierConfig { hidden: reads, head_alone: false });
        verifier.handle_open(&open(1, 0));
        assert!(verifier.handle_pass(dawn(), pass, Bytes::new()).is_err(), "{why}");
    }
    let mut unopened = Verifier::new(VerifierConfig { hidden: None, head_alone: false });
    let outcome = unopened.handle_pass(dawn(), pass(1, &[1], 0, 0, 0), Bytes::new());
    assert!(matches!(outcome, Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass })));
}

#[test]
fn hidden_rows_that_are_held_already_are_skipped() {
    let config = VerifierConfig { hidden: Some((WireCodec::F16, 1)), head_alone: false };
    let mut desk = Desk(Verifier::new(config), dawn());
    desk.0.handle_open(&open(1, 0));
    let _ = desk.0.poll_transmit();
    desk.ask(with_rows(pass(1, &[1, 2, 3], 0, 0, 0)));
    let _ = (desk.work(), desk.heard());
    desk.ask(with_rows(pass(1, &[1, 2, 3, 103, 9], 1, 0, 1)));
    let work = desk.0.poll_work(desk.1).unwrap();
    assert_eq!((work.truncate_to, work.tokens.len(), work.choose), (Position(3), 2, 0..2));
    let hidden = work.hidden.unwrap();
    assert_eq!((hidden.rows, hidden.skip), (4, 2));
    desk.0.handle_chosen(desk.1, vec![word(4), word(5)].into(), 5);
    let _ = desk.heard();
    // Without hidden states for it, not even the target's own word can be run.
    desk.ask(with_rows(pass(1, &[1, 2, 3, 103, 104, 105], 5, 0, 1)));
    assert_eq!(desk.work(), None);
    assert_eq!(desk.gap().0, Position(5));
}

#[test]
fn work_that_was_refused_is_reported_and_undone() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 2, 3, 4], 2, 0, 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    desk.0.handle_refused(FaultKind::Overloaded, "no room for 2 tokens", Some(250));
    let Some(Message::Fault(fault)) = desk.0.poll_transmit() else { panic!("no fault") };
    assert_eq!((fault.kind, fault.retry_after_ms), (FaultKind::Overloaded, Some(250)));
    assert_eq!((desk.0.held(), desk.work()), (Position(2), None));
}

/// Goal: KV that is gone is never built on. The device is told of a gap, and what it sends from the
/// beginning is run from the beginning.
#[test]
fn forgotten_kv_is_reported_as_a_gap_and_sent_again() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 2, 3, 4], 2, 0, 0));
    desk.ask(pass(1, &[1, 2, 3, 4, 5], 4, 0, 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    desk.0.handle_forgotten();
    assert_eq!(desk.gap(), (Position(0), PrefixHash::EMPTY));
    assert_eq!((desk.0.held(), desk.work()), (Position(0), None), "what waited is void");
    desk.ask(pass(2, &[1, 2, 3, 4], 0, 0, 0));
    assert_eq!(desk.work(), Some((0, 4, 3..4)));
}

/// Goal: only a cut to where a work began, or before, leaves nothing of it.
#[test]
fn a_work_is_obsolete_once_the_text_is_cut_to_where_it_began() {
    for (epoch, to, obsolete) in
        [(2, 4, false), (2, 3, false), (2, 2, true), (1, 0, true), (0, 0, false)]
    {
        let mut desk = Desk::new();
        desk.ask(pass(1, &[1, 2], 0, 0, 0));
        let _ = (desk.work(), desk.heard());
        desk.ask(pass(1, &[1, 2, 3, 4], 2, 0, 0));
        assert!(!desk.0.is_obsolete(), "nothing runs");
        let work = desk.0.poll_work(desk.1).unwrap();
        assert_eq!((work.truncate_to, desk.0.is_obsolete()), (Position(2), false));
        desk.0.handle_rollback(&Rollback { epoch: Epoch(epoch), to: Position(to) });
        assert_eq!(desk.0.is_obsolete(), obsolete, "to {to} in epoch {epoch}");
    }
}

/// Goal: what was given up is as if it had not been. Method: after a rollback, and with more waiting;
/// what was chosen before stays known.
#[test]
fn work_that_was_given_up_leaves_the_text_before_it() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(1, &[1, 2, 3, 4], 2, 0, 0));
    desk.ask(pass(1, &[1, 2], 2, 0, 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    desk.0.handle_abandoned();
    assert_eq!((desk.0.held(), desk.work()), (Position(2), None), "what waits is known");
    assert_eq!(desk.heard(), Some((2, vec![], 0, vec![102])));
    assert_eq!(desk.heard(), None, "nothing is said of it");
    desk.ask(pass(1, &[1, 2, 3, 4], 2, 0, 0));
    assert_eq!(desk.work(), Some((2, 2, 1..2)), "it runs again");
    let _ = desk.heard();

    desk.ask(pass(1, &[1, 2, 3, 4, 5, 6], 4, 0, 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(1) });
    desk.0.handle_abandoned();
    assert_eq!(desk.0.held(), Position(1), "and not what the rollback had cut");
}

#[test]
fn a_target_that_was_stopped_while_it_goes_on_alone_says_the_same_later() {
    let mut desk = Desk::new();
    desk.ask(Pass { extend: 3, ..pass(1, &[1, 2], 0, 0, 0) });
    let asked = desk.0.poll_work(desk.1).unwrap();
    assert!(!desk.0.is_going_on_alone(), "it answers");
    desk.0.handle_chosen(desk.1, vec![word(asked.tokens.len())].into(), 5);
    assert!(!desk.0.is_going_on_alone(), "nothing runs");
    let alone = desk.0.poll_work(desk.1).unwrap();
    assert!(desk.0.is_going_on_alone());
    desk.0.handle_abandoned();
    assert_eq!(desk.0.held(), Position(2));
    assert_eq!(desk.0.poll_work(desk.1), Some(alone));
    desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(3) });
    assert!(!desk.0.is_going_on_alone(), "its row is wanted, its word is not");
}
