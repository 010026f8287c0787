//! Losing the target, and coming back to it.

use super::*;

#[test]
fn a_lost_link_turns_the_drafts_in_flight_into_unverified_words() {
    let mut desk = Desk::begun(config(), 21);
    let _ = desk.draft(&[22, 23]);
    desk.drafter.handle_link_lost(desk.now);
    assert_eq!(
        desk.events(),
        [
            DrafterEvent::Commit { at: Position(4), tokens: ids(&[22, 23]), verified: false },
            DrafterEvent::Alone { at: Position(6) },
        ]
    );
    // The verdict comes late: it is of a question that nobody asks any more.
    desk.verdict(4, &[], 0, &[99]).unwrap();
    desk.say(&[24]);
    assert_eq!(desk.generated(), [21, 22, 23, 24]);
    assert_eq!(desk.drafter.log().verified(), [true, false, false, false]);
}

/// Only the device's own model speaks for it; what stands behind a guess of another continues that.
#[test]
fn drafts_that_were_looked_up_are_not_said_nor_what_follows_them() {
    let mut desk = Desk::begun(windowed(config()), 21);
    for (token, origin) in [(22, Origin::Model), (23, Origin::Lookup), (24, Origin::Model)] {
        let wish = desk.drafter.wish().unwrap();
        desk.drafter.handle_draft(desk.now, wish, Some(Drafted { origin, ..draft(token) }));
    }
    desk.drafter.handle_link_lost(desk.now);
    assert_eq!(desk.generated(), [21, 22]);
}

#[test]
fn after_a_resume_what_the_target_agrees_with_up_to_the_first_difference_is_verified() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[22, 23, 24, 25]);
    desk.drafter.handle_link_back(desk.now);
    assert!(desk.drafter.is_alone(), "still alone until the chain has answered");
    desk.say(&[26]);
    desk.open(4, hash(&[11, 12, 13, 21]));
    assert!(!desk.drafter.is_alone());
    desk.say(&[77]); // too late
    let pass = desk.pass();
    assert_eq!((pass.base, pass.settled(), pass.said, pass.drafts), (Position(3), 1, 5, 0));
    assert_eq!((pass.epoch, pass.ask), (Epoch(2), true));
    let _ = desk.events();
    desk.verdict(4, &[true, true, false, true, true], 0, &[27]).unwrap();
    let agreed = vec![true, true, false, true, true];
    assert_eq!(
        desk.events(),
        [
            DrafterEvent::Judged { from: Position(4), agreed },
            DrafterEvent::Commit { at: Position(9), tokens: ids(&[27]), verified: true },
        ]
    );
    assert_eq!(desk.drafter.log().verified(), [true, true, true, false, false, false, true]);
}

#[test]
fn a_local_token_for_another_place_than_the_logs_end_is_dropped() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    for at in [3, 5] {
        desk.drafter.handle_local_token(desk.now, Position(at), TokenId(22));
    }
    assert_eq!(desk.generated(), [21]);
}

#[test]
fn the_answer_to_an_older_open_is_dropped() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.drafter.handle_link_back(desk.now);
    let late = Opened { epoch: Epoch(1), held: Position(0), prefix: hash(&[]), passes: 0 };
    desk.drafter.handle_opened(desk.now, &late).unwrap();
    assert!(desk.drafter.is_alone());
    desk.open(4, hash(&[11, 12, 13, 21]));
    assert_eq!(desk.pass().base, Position(3));
}

#[test]
fn an_acknowledgement_frees_the_chunks_up_to_its_place() {
    let wait = Duration::from_millis(50);
    let prompt: Vec<u32> = (1..=18).collect();
    let chunks = DrafterConfig { prompt: ids(&prompt), retransmit: Some(wait), ..config() };
    let mut desk = Desk::opened(chunks);
    assert_eq!(desk.passes().len(), 3);
    desk.verdict(8, &[], 0, &[]).unwrap();
    desk.now += wait;
    desk.drafter.handle_timeout(desk.now);
    let again: Vec<_> = desk.passes().iter().map(|pass| pass.base.0).collect();
    assert_eq!(again, [8, 16]);
}

#[test]
fn a_chain_that_holds_another_text_gets_everything_again() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.drafter.handle_link_back(desk.now);
    desk.open(4, hash(&[11, 12, 13, 99]));
    assert_eq!(desk.pass().base, Position(0));
}

#[test]
fn a_chain_that_claims_more_than_was_asked_for_misbehaves() {
    let mut desk = Desk::new(config());
    let opened = Opened { epoch: Epoch(1), held: Position(1), prefix: hash(&[11]), passes: 0 };
    let outcome = desk.drafter.handle_opened(desk.now, &opened);
    assert!(matches!(outcome, Err(PeerMisbehaved::HeldTooMuch { .. })));
}

/// A target of 50 ms a pass and 20 a row, lost after it said 21; the device says `said` alone, and it is
/// back and holds all up to 21.
fn back(config: DrafterConfig, said: &[u32]) -> Desk {
    let mut desk = Desk::opened(config);
    let _ = desk.passes();
    for (rows, us, token) in [(1, 70_000, 21), (11, 270_000, 22)] {
        let from = desk.drafter.log().end();
        let cost = Some(crate::Cost { rows, us });
        let verdict = Verdict { cost, ..plain(from, 0, &[token]) };
        desk.drafter.handle_verdict(desk.now, &verdict).unwrap();
        let _ = desk.passes();
    }
    desk.drafter.handle_link_lost(desk.now);
    desk.say(said);
    desk.drafter.handle_link_back(desk.now);
    desk.open(5, hash(&[11, 12, 13, 21, 22]));
    desk
}

fn lonely() -> DrafterConfig {
    DrafterConfig { tokens_max: 200, positions_max: 300, pass_rows_max: 100, ..remote() }
}

fn rejoined(desk: &mut Desk) -> bool {
    desk.events().contains(&DrafterEvent::Rejoined)
}

#[test]
fn after_a_long_outage_the_device_speaks_on_while_the_target_catches_up() {
    let said: Vec<u32> = (100..150).collect();
    let mut desk = back(lonely(), &said);
    assert!(desk.drafter.is_alone() && !rejoined(&mut desk));
    let first = desk.pass();
    assert_eq!((first.tokens.len(), first.said, first.extend), (51, 50, 0));
    desk.say(&[200, 201, 202]);
    assert!(desk.passes().is_empty(), "what it says meanwhile waits for the answer");
    let agreed = [vec![true; 20], vec![false; 30]].concat();
    desk.verdict(5, &agreed, 0, &[7]).unwrap();
    assert!(!desk.drafter.is_alone() && rejoined(&mut desk), "three rows are a moment's work");
    let last = desk.pass();
    assert_eq!((last.tokens, last.said, last.ask), (ids(&[200, 201, 202]), 3, true));
    assert!(last.extend > 0, "and then the target leads");
    desk.verdict(55, &[false; 3], 0, &[300]).unwrap();
    assert_eq!(desk.generated()[50..], [148, 149, 200, 201, 202, 300]);
    assert_eq!(desk.drafter.counts().failovers, 1);
}

/// What it says meanwhile is compared with all of that, and not with its last part.
#[test]
fn a_stretch_of_several_passes_is_answered_when_they_all_are() {
    let said: Vec<u32> = (100..160).collect();
    let mut desk = back(DrafterConfig { pass_rows_max: 50, ..lonely() }, &said);
    let [first, second] = desk.passes().try_into().unwrap();
    assert_eq!((first.said, second.said), (49, 11));
    desk.say(&[200, 201]);
    desk.verdict(5, &[false; 49], 0, &[7]).unwrap();
    assert!(desk.drafter.is_alone() && desk.passes().is_empty());
    desk.verdict(54, &[false; 11], 0, &[7]).unwrap();
    assert!(rejoined(&mut desk));
    assert_eq!(desk.pass().said, 2);
}

#[test]
fn a_device_that_outruns_the_target_falls_silent_too() {
    let said: Vec<u32> = (100..150).collect();
    let mut desk = back(lonely(), &said);
    let _ = desk.pass();
    desk.say(&(200..260).collect::<Vec<_>>());
    desk.verdict(5, &[false; 50], 0, &[7]).unwrap();
    assert!(rejoined(&mut desk), "another stretch would be as long");
    assert_eq!(desk.pass().said, 60);
}

#[test]
fn after_a_short_outage_it_waits_for_the_target() {
    let mut desk = back(lonely(), &[100, 101, 102]);
    assert!(!desk.drafter.is_alone() && rejoined(&mut desk));
    assert_eq!(desk.pass().said, 3);
}

/// Words that are about to be revised are not followed by more.
#[test]
fn a_device_that_has_its_words_revised_does_not_speak_on() {
    let said: Vec<u32> = (100..150).collect();
    let after_outage = AfterOutage::Revise;
    let desk = back(DrafterConfig { after_outage, ..lonely() }, &said);
    assert!(!desk.drafter.is_alone());
}

#[test]
fn over_hidden_states_the_question_after_a_stretch_has_a_row() {
    let said: Vec<u32> = (100..150).collect();
    let route = Route { extend: 0, ..staged(lonely()).route };
    let mut desk = back(DrafterConfig { route, ..lonely() }, &said);
    let _ = desk.pass();
    desk.verdict(5, &[true; 50], 0, &[7]).unwrap();
    let question = desk.pass();
    assert_eq!((question.base, question.tokens, question.said), (Position(54), ids(&[149]), 0));
}

/// The link goes again while the target catches up: that is one outage.
#[test]
fn lost_again_meanwhile_it_is_still_alone() {
    let said: Vec<u32> = (100..150).collect();
    let mut desk = back(lonely(), &said);
    let _ = (desk.pass(), desk.events());
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[200]);
    assert_eq!(desk.generated().last(), Some(&200));
    assert_eq!((desk.drafter.counts().failovers, desk.events().len()), (1, 1));
}
