//! The middle stage, input by input.

mod known;
mod returning;

use super::*;
use crate::{Constraint, PlannedStage, PrefixCheck, SessionId, TenantSecret};
use base::{Grammar, KvFormat, LayerRange, NodeName, Privacy, Sampling, StreamWindow, WireCodec};

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn hash(tokens: &[u32]) -> PrefixHash {
    PrefixHash::EMPTY.extend(&ids(tokens))
}

fn stage(node: &str) -> PlannedStage {
    PlannedStage {
        node: NodeName::new(node).unwrap(),
        layers: LayerRange::all(2),
        embedding: false,
        head: false,
        codec: WireCodec::F16,
        scales: Vec::new(),
    }
}

fn open(epoch: u32, have: u32) -> Open {
    Open {
        session: SessionId([1; 16]),
        epoch: Epoch(epoch),
        have: Position(have),
        sampling: Sampling::GREEDY,
        stages: vec![stage("gateway"), stage("cloud")],
        end_tokens: Vec::new(),
        positions_max: 50,
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

fn pass(epoch: u32, text: &[u32], base: usize) -> Pass {
    Pass {
        epoch: Epoch(epoch),
        base: Position::after(base),
        prefix: hash(&text[..base]).check(),
        tokens: ids(&text[base..]),
        said: 0,
        drafts: 0,
        ask: true,
        extend: 0,
        told: false,
        hidden: None,
    }
}

fn verdict(epoch: u32, from: u32) -> Verdict {
    Verdict {
        epoch: Epoch(epoch),
        from: Position(from),
        agreed: Vec::new(),
        accepted: 0,
        tokens: ids(&[9]),
        likelihoods: Vec::new(),
        cost: None,
        passes: 1,
    }
}

/// A stage whose chain goes on above it.
fn config(reads: Option<WireCodec>) -> HopsConfig {
    let (behind_layers, last_layer, head) = (false, false, Side::Up);
    HopsConfig { reads, writes: WireCodec::F16, width: 1, behind_layers, last_layer, head }
}

struct Desk(Hops);

impl Desk {
    fn new() -> Self {
        let mut desk = Self(Hops::new(config(None)));
        desk.0.handle_open(open(1, 0));
        let _ = desk.up();
        let opened =
            Opened { epoch: Epoch(1), held: Position(0), prefix: PrefixHash::EMPTY, passes: 0 };
        desk.0.handle_opened(&opened).unwrap();
        let _ = desk.down();
        desk
    }

    fn ask(&mut self, pass: Pass) {
        self.0.handle_pass(pass, Bytes::new()).unwrap();
    }

    /// Runs one work and gives what goes up for it.
    fn work(&mut self) -> Option<Message> {
        let work = self.0.poll_work()?;
        self.0.handle_output(vec![0; work.tokens.len() * 2].into());
        self.0.poll_transmit().map(|(_, frame)| frame.message)
    }

    /// A verdict from above.
    fn hear(&mut self, verdict: Verdict) {
        self.0.handle_verdict(Side::Up, verdict).unwrap();
    }

    fn up(&mut self) -> Message {
        let Some((Side::Up, frame)) = self.0.poll_transmit() else { panic!("nothing for above") };
        frame.message
    }

    fn down(&mut self) -> Message {
        let Some((Side::Down, frame)) = self.0.poll_transmit() else { panic!("nothing below") };
        frame.message
    }
}

#[test]
fn an_open_goes_up_without_our_stage_and_asks_for_no_more_than_is_held_here() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0));
    let _ = desk.work();
    desk.0.handle_open(open(2, 9));
    let Message::Open(open) = desk.up() else { panic!("not an open") };
    assert_eq!(open.have, Position(3));
    assert_eq!(open.stages, [stage("cloud")]);
}

#[test]
fn what_the_chain_holds_is_what_both_hold() {
    for (held, prefix, told) in [
        (2, hash(&[1, 2]), Some((Position(2), hash(&[1, 2])))),
        (2, hash(&[1, 9]), Some((Position(0), PrefixHash::EMPTY))),
        (0, PrefixHash::EMPTY, Some((Position(0), PrefixHash::EMPTY))),
        (4, hash(&[1, 2, 3, 4]), None),
    ] {
        let mut desk = Desk::new();
        desk.ask(pass(1, &[1, 2, 3], 0));
        let _ = desk.work();
        desk.0.handle_open(open(2, 9));
        let _ = desk.up();
        let opened = Opened { epoch: Epoch(2), held: Position(held), prefix, passes: 4 };
        let outcome = desk.0.handle_opened(&opened);
        assert_eq!(outcome.is_ok(), told.is_some(), "held {held}");
        if let Some((held, prefix)) = told {
            let expected = Opened { epoch: Epoch(2), held, prefix, passes: 4 };
            assert_eq!(desk.down(), Message::Opened(expected));
        }
    }
}

#[test]
fn a_pass_goes_up_as_it_came_with_our_rows() {
    let mut desk = Desk::new();
    let came = Pass { said: 1, drafts: 1, ..pass(1, &[1, 2, 3], 0) };
    desk.ask(came.clone());
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 6 });
    assert_eq!(desk.work(), Some(Message::Pass(Pass { hidden, ..came })));
}

#[test]
fn passes_leave_in_the_order_they_came_one_at_a_time() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0));
    desk.ask(pass(1, &[1, 2, 3], 2));
    let first = desk.0.poll_work().unwrap();
    assert_eq!((first.truncate_to, desk.0.poll_work()), (Position(0), None));
    desk.0.handle_output(vec![0; 4].into());
    assert_eq!(desk.0.poll_work().unwrap().truncate_to, Position(2));
    assert_eq!(desk.0.held(), Position(3));
}

#[test]
fn a_base_truncates_and_a_gap_is_reported_without_running() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3, 4], 0));
    let _ = desk.work();
    desk.ask(pass(1, &[1, 2, 7], 2));
    let _ = desk.work();
    assert_eq!(desk.0.held(), Position(3));
    for bad in [pass(1, &[1, 2, 7, 8, 9], 4), pass(1, &[1, 5, 7], 2)] {
        let held = bad.base.min(Position(3));
        desk.ask(bad);
        assert_eq!(desk.0.poll_work(), None);
        let Message::Fault(fault) = desk.down() else { panic!("no fault") };
        let prefix = hash(&[1, 2, 7][..held.index()]);
        assert_eq!(fault.kind, FaultKind::Gap { held, prefix });
    }
}

#[test]
fn the_flight_takes_its_limit_and_verdicts_free_it() {
    let mut desk = Desk::new();
    let text: Vec<u32> = (1..=40).collect();
    for length in 1..=limits::PASSES_IN_FLIGHT_MAX {
        desk.ask(pass(1, &text[..length], length - 1));
        assert!(desk.work().is_some());
        desk.ask(pass(1, &text[..length], length - 1)); // a repeat is not counted twice
        let _ = desk.work();
    }
    let one_more = pass(1, &text[..17], 16);
    let outcome = desk.0.handle_pass(one_more.clone(), Bytes::new());
    assert!(matches!(outcome, Err(PeerMisbehaved::TooManyPasses { waiting: 17, limit: 16 })));
    desk.hear(verdict(1, 3));
    assert_eq!(desk.0.in_flight(), 13, "the passes at 0, 1 and 2 are answered");
    desk.ask(one_more);
}

#[test]
fn a_newer_epoch_voids_what_is_in_flight_in_both_directions() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0));
    desk.ask(pass(1, &[1, 2, 3], 2));
    let _ = desk.0.poll_work().unwrap();
    desk.ask(pass(2, &[1, 2, 4], 2));
    desk.0.handle_output(vec![0; 4].into());
    assert_eq!(desk.0.poll_transmit(), None);
    desk.hear(verdict(1, 2));
    desk.0.handle_fault(Fault::on_session(Epoch(1), FaultKind::Overloaded, "late"));
    assert_eq!(desk.0.poll_transmit(), None);
    let Some(Message::Pass(up)) = desk.work() else { panic!("no pass") };
    assert_eq!((up.epoch, up.tokens), (Epoch(2), ids(&[4])));
    assert_eq!(desk.work(), None);
}

#[test]
fn a_rollback_cuts_here_and_goes_up() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0));
    let _ = desk.work();
    let rollback = Rollback { epoch: Epoch(2), to: Position(1) };
    desk.0.handle_rollback(rollback);
    assert_eq!((desk.up(), desk.0.held()), (Message::Rollback(rollback), Position(1)));
    desk.0.handle_close();
    assert_eq!(desk.up(), Message::Close(Close {}));
}

#[test]
fn a_lost_upstream_is_unavailable_until_the_session_is_opened_again() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0));
    desk.0.handle_upstream_lost();
    let Message::Fault(fault) = desk.down() else { panic!("no fault") };
    assert_eq!((fault.kind, fault.epoch), (FaultKind::Unavailable, Epoch(1)));
    // Below had started another epoch by then, and dropped that word: it is told again.
    desk.ask(pass(2, &[1, 2, 3], 2));
    assert_eq!(desk.0.poll_work(), None);
    let Message::Fault(fault) = desk.down() else { panic!("no fault") };
    assert_eq!((fault.kind, fault.epoch), (FaultKind::Unavailable, Epoch(2)));
    desk.0.handle_open(open(3, 0));
    assert!(matches!(desk.up(), Message::Open(_)));
}

#[test]
fn work_that_was_refused_is_reported_and_undone() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0));
    desk.ask(pass(1, &[1, 2, 3], 2));
    let _ = desk.0.poll_work().unwrap();
    desk.0.handle_refused(FaultKind::Corrupt, "row 1 is not f16", None);
    let Message::Fault(fault) = desk.down() else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Corrupt);
    assert_eq!((desk.0.held(), desk.0.in_flight(), desk.0.poll_work()), (Position(0), 0, None));
}

#[test]
fn forgotten_kv_is_reported_as_a_gap() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2], 0));
    desk.ask(pass(1, &[1, 2, 3], 2));
    let _ = desk.0.poll_work().unwrap();
    desk.0.handle_forgotten();
    let Message::Fault(fault) = desk.down() else { panic!("no fault") };
    assert_eq!(fault.kind, FaultKind::Gap { held: Position(0), prefix: PrefixHash::EMPTY });
    assert_eq!((desk.0.held(), desk.0.in_flight(), desk.0.poll_work()), (Position(0), 0, None));
}

#[test]
fn passes_that_break_the_sessions_rules_are_the_peers_fault() {
    let hidden = Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 2 });
    let good = pass(1, &[1], 0);
    for (reads, pass, why) in [
        (None, pass(1, &[1; 51], 0), "past the session"),
        (None, Pass { tokens: Vec::new(), ..good.clone() }, "no rows"),
        (None, Pass { extend: 1, ..good.clone() }, "leave to go on"),
        (None, Pass { hidden, ..good.clone() }, "hidden states for an embedding"),
        (Some(WireCodec::F16), good.clone(), "tokens alone above it"),
        (Some(WireCodec::F32), Pass { hidden, ..good }, "another codec"),
    ] {
        let mut hops = Hops::new(config(reads));
        hops.handle_open(open(1, 0));
        assert!(hops.handle_pass(pass, Bytes::new()).is_err(), "{why}");
    }
    let mut fresh = Hops::new(config(None));
    let pass = Pass { prefix: PrefixCheck([0; 4]), ..pass(1, &[1], 0) };
    let outcome = fresh.handle_pass(pass, Bytes::new());
    assert!(matches!(outcome, Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass })));
}

/// The stages after this one are told how the session's KV is kept.
#[test]
fn an_open_goes_on_with_the_kv_s_format_and_window_and_what_the_reply_is_held_to() {
    let mut hops = Hops::new(config(None));
    let stream = Some(StreamWindow::new(4, 64).unwrap());
    let tenant = Some(TenantSecret([7; 32]));
    let grammar = Grammar::Regex("a+".to_owned());
    let constraint = Some(Constraint { from: Position(7), grammar });
    let held = constraint.clone();
    hops.handle_open(Open { kv: KvFormat::Q4, stream, tenant, constraint, ..open(1, 0) });
    let Some((Side::Up, Frame { message: Message::Open(up), .. })) = hops.poll_transmit() else {
        panic!("no Open for the next stage")
    };
    assert_eq!((up.kv, up.stream, up.tenant), (KvFormat::Q4, stream, tenant));
    assert_eq!(up.constraint, held);
}

/// A pass of drafts that continues `text[..base]`; the token before them is settled where `settled`.
fn drafts(text: &[u32], base: usize, settled: usize) -> Pass {
    let drafts = u32::try_from(text.len() - base - settled).unwrap();
    Pass { drafts, ..pass(1, text, base) }
}

/// The target took `accepted` drafts from `from` on and says `own` next.
fn says(from: u32, accepted: u32, own: u32) -> Verdict {
    Verdict { accepted, tokens: ids(&[own]), ..verdict(1, from) }
}

#[test]
fn drafts_behind_a_contradicted_one_are_not_run_and_no_gap() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3, 4], 0, 2));
    let _ = desk.work();
    desk.ask(drafts(&[1, 2, 3, 4, 5, 6], 4, 0));
    desk.ask(drafts(&[1, 2, 3, 4, 5, 6, 7], 6, 0));
    // 3 was right, 4 was not.
    desk.hear(says(2, 1, 9));
    assert!(matches!(desk.down(), Message::Verdict(_)));
    assert_eq!((desk.work(), desk.0.held(), desk.0.in_flight()), (None, Position(3), 0));
    desk.ask(drafts(&[1, 2, 3, 4, 5, 6, 7, 8], 7, 0)); // sent before the device heard of it
    assert_eq!(desk.work(), None);
    assert_eq!(desk.0.poll_transmit(), None);
    desk.ask(drafts(&[1, 2, 3, 9, 10], 3, 1));
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}

/// What was contradicted once may be part of a later text, as it was said alone.
#[test]
fn an_abandoned_branch_is_forgotten_with_its_epoch() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3, 4], 0, 2));
    let _ = desk.work();
    desk.hear(says(2, 1, 9));
    let _ = desk.down();
    desk.ask(pass(2, &[1, 2, 3, 4], 0));
    let _ = desk.work();
    desk.ask(pass(2, &[1, 2, 3, 4, 5], 4));
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}

#[test]
fn a_pass_that_runs_while_its_branch_is_contradicted_does_not_leave() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3], 0, 2));
    let _ = desk.work();
    desk.ask(drafts(&[1, 2, 3, 4], 3, 0));
    let _ = desk.0.poll_work().unwrap();
    desk.hear(says(2, 0, 9));
    let _ = desk.down();
    desk.0.handle_output(vec![0; 2].into());
    assert_eq!(desk.0.poll_transmit(), None);
    desk.ask(drafts(&[1, 2, 9, 10], 2, 1));
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}

#[test]
fn a_pass_is_obsolete_once_the_text_is_cut_to_where_it_began() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3], 0, 2));
    let _ = desk.work();
    desk.ask(drafts(&[1, 2, 3, 4], 3, 0));
    let _ = desk.0.poll_work().unwrap();
    assert!(!desk.0.is_obsolete());
    desk.hear(says(2, 0, 9));
    let _ = desk.down();
    assert!(desk.0.is_obsolete(), "it builds on a draft that was wrong");
    desk.0.handle_abandoned();
    assert!(!desk.0.is_obsolete());
    assert_eq!((desk.0.held(), desk.0.poll_transmit()), (Position(2), None));
    desk.ask(drafts(&[1, 2, 9, 10], 2, 1));
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}

/// The device that opens again is about to send the same text.
#[test]
fn a_pass_that_is_void_but_stands_where_the_text_does_is_not_obsolete() {
    let mut desk = Desk::new();
    desk.ask(pass(1, &[1, 2, 3], 0));
    let _ = desk.0.poll_work().unwrap();
    desk.0.handle_open(open(2, 3));
    assert!(!desk.0.is_obsolete());
    desk.0.handle_rollback(Rollback { epoch: Epoch(3), to: Position(0) });
    assert!(desk.0.is_obsolete(), "and now none of it is wanted");
}

#[test]
fn a_word_contradicts_drafts_that_still_wait_here() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3], 0, 2));
    let _ = desk.work();
    desk.ask(drafts(&[1, 2, 3, 4, 5], 3, 0));
    desk.ask(drafts(&[1, 2, 3, 4, 5, 6], 5, 0));
    desk.hear(says(2, 1, 9));
    let _ = desk.down();
    assert_eq!((desk.work(), desk.0.in_flight()), (None, 0));
}

#[test]
fn words_that_drafts_foresaw_leave_the_rest_standing() {
    let mut desk = Desk::new();
    desk.ask(drafts(&[1, 2, 3], 0, 2));
    let _ = desk.work();
    desk.ask(drafts(&[1, 2, 3, 4, 5], 3, 0));
    desk.hear(says(2, 1, 4));
    let _ = desk.down();
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}

/// What was said without the target is kept whatever it says: another token there is no contradiction.
#[test]
fn said_tokens_that_the_target_disagrees_with_stay() {
    let mut desk = Desk::new();
    desk.ask(Pass { said: 2, ..pass(1, &[1, 2, 3, 4], 0) });
    let _ = desk.work();
    desk.ask(Pass { said: 1, ..pass(1, &[1, 2, 3, 4, 5], 4) });
    desk.hear(Verdict { agreed: vec![true, false], ..says(2, 0, 9) });
    let _ = desk.down();
    assert_eq!(desk.0.held(), Position(4));
    assert!(matches!(desk.work(), Some(Message::Pass(_))));
}
