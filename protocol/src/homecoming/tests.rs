//! The head of a chain that comes back, input by input.

use super::*;
use crate::{Epoch, Fault, Hidden, Kind, SessionId};
use base::{KvFormat, Likelihoods, Privacy, Sampling};

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn hash(text: &[u32]) -> PrefixHash {
    PrefixHash::EMPTY.extend(&ids(text))
}

fn open(epoch: u32, have: u32) -> Open {
    Open {
        session: SessionId([1; 16]),
        epoch: Epoch(epoch),
        have: Position(have),
        sampling: Sampling::GREEDY,
        stages: Vec::new(),
        end_tokens: Vec::new(),
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

fn opened(epoch: u32, text: &[u32]) -> Opened {
    let held = Position::after(text.len());
    Opened { epoch: Epoch(epoch), held, prefix: hash(text), passes: 0 }
}

/// An asking pass of `text[base..]`, with the one row that is chosen from.
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
        hidden: Some(Hidden { codec: WireCodec::F16, width: 1, bytes: 2 }),
    }
}

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

struct Desk(Homecoming, Instant);

impl Desk {
    /// A session that is opened, and holds nothing.
    fn new() -> Self {
        let mut desk = Self(Homecoming::new(WireCodec::F16, 1), dawn());
        desk.0.handle_open(open(1, 0));
        desk.0.handle_opened(&opened(1, &[]), &[]).unwrap();
        assert_eq!(desk.down(), Message::Opened(opened(1, &[])));
        desk
    }

    fn take(&mut self, pass: Pass) {
        self.0.handle_pass(self.1, pass, Bytes::from_static(&[0; 2])).unwrap();
    }

    /// Runs one work: where it starts.
    fn work(&mut self) -> Option<Position> {
        let work = self.0.poll_work(self.1)?;
        self.0.handle_chosen(self.1, vec![TokenId(9); work.choose.len()].into(), 5);
        Some(work.truncate_to)
    }

    fn down(&mut self) -> Message {
        let Some((Side::Down, message)) = self.0.poll_transmit() else { panic!("nothing down") };
        message
    }
}

#[test]
fn how_likely_words_were_goes_down_alone() {
    let mut desk = Desk::new();
    desk.0.handle_open(Open { likelihoods: Some(0), ..open(2, 0) });
    desk.0.handle_opened(&opened(2, &[]), &[]).unwrap();
    let _ = desk.down();
    desk.take(pass(2, &[1, 2, 3], 0));
    let _ = desk.0.poll_work(desk.1).unwrap();
    let likelihoods = vec![Likelihoods { chosen: (TokenId(9), -0.5), top: Vec::new() }];
    let chosen = Chosen { tokens: ids(&[9]), likelihoods: likelihoods.clone() };
    desk.0.handle_chosen(desk.1, chosen, 5);
    let Some((Side::Up, Message::Verdict(up))) = desk.0.poll_transmit() else { panic!("no word") };
    assert_eq!(up.likelihoods, []);
    assert_eq!(desk.down(), Message::Verdict(Verdict { likelihoods, ..up }));
}

#[test]
fn a_verdict_goes_up_before_it_goes_down_and_nothing_else_goes_up() {
    let mut desk = Desk::new();
    desk.take(pass(1, &[1, 2, 3], 0));
    assert_eq!(desk.work(), Some(Position(2)));
    let Some((Side::Up, Message::Verdict(up))) = desk.0.poll_transmit() else { panic!("no word") };
    assert_eq!(up.tokens, ids(&[9]));
    assert_eq!(desk.down(), Message::Verdict(up));
    desk.take(pass(1, &[5, 6], 1));
    assert_eq!(desk.work(), None);
    assert!(matches!(desk.down(), Message::Fault(Fault { kind: FaultKind::Gap { .. }, .. })));
    assert_eq!(desk.0.poll_transmit(), None);
}

/// Goal: the chain holds what both hold: the stages above, and the head of the text that is known here.
#[test]
fn what_the_stages_hold_the_head_knows_where_it_is_the_text_known_here() {
    for (above, known, held) in [
        (&[1, 2][..], &[1, 2, 3][..], &[1, 2][..]),
        (&[1, 2], &[1, 2], &[1, 2]),
        (&[1, 2], &[1], &[]),
        (&[1, 2], &[1, 7, 3], &[]),
        (&[], &[1, 2], &[]),
    ] {
        let mut desk = Desk::new();
        desk.0.handle_open(open(2, 3));
        desk.0.handle_opened(&opened(2, above), &ids(known)).unwrap();
        assert_eq!(desk.down(), Message::Opened(opened(2, held)), "{above:?}, {known:?}");
    }
    let mut desk = Desk::new();
    desk.0.handle_open(open(2, 1));
    let outcome = desk.0.handle_opened(&opened(2, &[1, 2]), &ids(&[1, 2]));
    assert_eq!(outcome, Err(PeerMisbehaved::HeldTooMuch { held: Position(2), asked: Position(1) }));
}

#[test]
fn an_answer_to_another_open_and_passes_before_the_answer_are_late() {
    let mut desk = Desk::new();
    desk.0.handle_open(open(3, 0));
    desk.0.handle_opened(&opened(2, &[]), &[]).unwrap();
    desk.take(pass(2, &[1], 0));
    desk.take(pass(3, &[1], 0));
    assert_eq!((desk.work(), desk.0.poll_transmit()), (None, None));
    desk.0.handle_opened(&opened(3, &[]), &[]).unwrap();
    assert_eq!(desk.down(), Message::Opened(opened(3, &[])));
    desk.take(pass(3, &[1], 0));
    assert_eq!(desk.work(), Some(Position(0)));
}

/// The device went on in another epoch before it heard: nobody waits for the answer.
#[test]
fn a_pass_of_a_newer_epoch_does_not_wait_for_the_answer() {
    let mut desk = Desk::new();
    desk.0.handle_open(open(2, 0));
    desk.take(pass(3, &[1], 0));
    assert_eq!(desk.work(), Some(Position(0)));
    assert!(matches!(desk.0.poll_transmit(), Some((Side::Up, Message::Verdict(_)))));
    assert!(matches!(desk.down(), Message::Verdict(_)));
    desk.0.handle_opened(&opened(2, &[]), &[]).unwrap();
    assert_eq!(desk.0.poll_transmit(), None);
}

#[test]
fn a_rollback_on_its_way_up_stops_the_head() {
    let mut desk = Desk::new();
    desk.take(pass(1, &[1, 2, 3], 0));
    assert!(desk.0.poll_work(desk.1).is_some());
    desk.0.handle_rollback(&Rollback { epoch: Epoch(2), to: Position(1) });
    assert!(desk.0.is_obsolete());
    desk.0.handle_abandoned();
    assert_eq!((desk.0.poll_transmit(), desk.0.verifier().held()), (None, Position(1)));
}

#[test]
fn passes_of_a_session_that_was_never_opened_are_out_of_turn() {
    let mut home = Homecoming::new(WireCodec::F16, 1);
    let outcome = home.handle_pass(dawn(), pass(1, &[1], 0), Bytes::new());
    assert_eq!(outcome, Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass }));
}

/// Goal: no peer above can have the head go on alone, for which it has no rows. Method: passes of every shape that
/// need no hidden states, with leave to go on.
#[test]
fn nobody_above_gives_the_head_leave_to_go_on_alone() {
    let mut desk = Desk::new();
    desk.take(pass(1, &[1, 2, 3], 0));
    assert!(desk.work().is_some());
    let bare = Pass { ask: false, hidden: None, extend: 8, ..pass(1, &[1, 2, 3, 9], 3) };
    let empty = Pass { tokens: Vec::new(), ..bare.clone() };
    for pass in [bare, empty] {
        let refused = desk.0.handle_pass(desk.1, pass, Bytes::new());
        let expected = "no extension where layers are split";
        assert_eq!(refused, Err(PeerMisbehaved::WrongInput { expected }));
        assert!(desk.0.poll_work(desk.1).is_none());
    }
}
