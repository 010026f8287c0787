//! Stages that may know the KV of the beginning.

use super::*;

/// A prompt of 70 over stages that hold nothing, of which they are told the first 64.
fn desk(rows: usize) -> Desk {
    desk_of(70, rows)
}

/// The same with another prompt's length.
fn desk_of(length: u32, rows: usize) -> Desk {
    let prompt: Vec<u32> = (1..=length).collect();
    let config = DrafterConfig { prompt: ids(&prompt), positions_max: 200, ..staged(config()) };
    let mut desk = Desk::new(DrafterConfig { pass_rows_max: rows, ..config });
    desk.drafter.tell(Position(64));
    let Some(Message::Open(open)) = desk.drafter.poll_transmit() else { panic!("no open") };
    let (held, prefix) = (Position(0), PrefixHash::EMPTY);
    let answer = Opened { epoch: open.epoch, held, prefix, passes: 0 };
    desk.drafter.handle_opened(desk.now, &answer).unwrap();
    desk
}

fn shape(passes: &[Pass]) -> Vec<(u32, usize, bool, bool)> {
    passes.iter().map(|pass| (pass.base.0, pass.tokens.len(), pass.told, pass.ask)).collect()
}

#[test]
fn they_are_told_of_it_and_asked_about_the_rest() {
    let mut desk = desk(16);
    assert_eq!(shape(&desk.passes()), [(0, 64, true, false)], "nothing overtakes it");
    desk.verdict(64, &[], 0, &[]).unwrap();
    assert_eq!(shape(&desk.passes()), [(64, 6, false, true)]);
    desk.verdict(70, &[], 0, &[71]).unwrap();
    assert_eq!(desk.drafter.log().generated(), ids(&[71]));
}

#[test]
fn what_they_do_not_know_is_sent_after_all() {
    let mut desk = desk(16);
    let _ = desk.passes();
    let kind = FaultKind::Gap { held: Position(32), prefix: hash(&(1..=32).collect::<Vec<_>>()) };
    desk.drafter.handle_fault(desk.now, &Fault::on_session(Epoch(1), kind, "unknown"));
    let passes = shape(&desk.passes());
    assert_eq!(passes, [(32, 16, false, false), (48, 16, false, false), (64, 6, false, true)]);
}

/// Goal: stages of hidden states get the row that the target chooses from, also where they know all of the
/// prompt: a pass without rows would be a broken rule to the ones in between.
#[test]
fn of_a_prompt_of_whole_blocks_the_last_token_is_sent_again() {
    let mut desk = desk_of(64, 16);
    assert_eq!(shape(&desk.passes()), [(0, 64, true, false)]);
    desk.verdict(64, &[], 0, &[]).unwrap();
    assert_eq!(shape(&desk.passes()), [(63, 1, false, true)]);
    desk.verdict(64, &[], 0, &[65]).unwrap();
    assert_eq!(desk.drafter.log().generated(), ids(&[65]));
}
