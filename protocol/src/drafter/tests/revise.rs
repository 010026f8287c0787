//! Words that were said alone, and are taken back where the target would have said others.

use super::*;

fn revising() -> DrafterConfig {
    let after_outage = AfterOutage::Revise;
    DrafterConfig { after_outage, tokens_max: 40, ..windowed(config()) }
}

/// Said 21 with the target, then `said` alone; the target is back and holds all up to 21.
fn back(config: DrafterConfig, said: &[u32]) -> Desk {
    let mut desk = Desk::begun(config, 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.say(said);
    desk.drafter.handle_link_back(desk.now);
    desk.open(4, hash(&[11, 12, 13, 21]));
    let _ = desk.events();
    desk
}

fn messages(desk: &mut Desk) -> Vec<Message> {
    std::iter::from_fn(|| desk.drafter.poll_transmit()).collect()
}

#[test]
fn what_was_said_alone_goes_up_as_drafts_behind_what_is_settled() {
    let mut desk = back(revising(), &[22, 23, 24, 25]);
    let [Message::Pass(pass), Message::Draft(drafts)] = &messages(&mut desk)[..] else { panic!() };
    assert_eq!((pass.base, &pass.tokens), (Position(3), &ids(&[21])));
    assert_eq!((pass.said, pass.drafts, pass.ask), (0, 0, true));
    assert_eq!((drafts.base, &drafts.tokens), (Position(4), &ids(&[22, 23, 24, 25])));
    assert_eq!(drafts.prefix, hash(&[11, 12, 13, 21]).check());
    assert_eq!(desk.generated(), [21, 22, 23, 24, 25], "it stays shown");
    assert_eq!(desk.drafter.ahead().count(), 0, "nothing follows the log");
}

#[test]
fn over_a_staged_chain_too() {
    let mut desk = back(staged(revising()), &[22, 23]);
    let [settled, drafts] = desk.passes().try_into().unwrap();
    assert_eq!((settled.base, settled.tokens, settled.drafts), (Position(3), ids(&[21]), 0));
    assert_eq!((drafts.base, drafts.tokens, drafts.drafts), (Position(4), ids(&[22, 23]), 2));
    desk.verdict(4, &[], 0, &[22]).unwrap();
    desk.verdict(5, &[], 0, &[99]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 99]);
    desk.draft_only(&[31]);
    let pass = desk.pass();
    assert_eq!((pass.base, pass.tokens, pass.drafts), (Position(5), ids(&[99, 31]), 1));
}

#[test]
fn it_stands_up_to_the_first_word_that_the_target_would_not_have_said() {
    let mut desk = back(revising(), &[22, 23, 24, 25]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    let agreed = vec![true];
    assert_eq!(desk.events(), [DrafterEvent::Judged { from: Position(4), agreed }]);
    assert_eq!(desk.drafter.log().verified(), [true, true, false, false, false]);
    desk.verdict(5, &[], 1, &[99]).unwrap();
    assert_eq!(
        desk.events(),
        [
            DrafterEvent::Judged { from: Position(5), agreed: vec![true, false] },
            DrafterEvent::Revised { at: Position(6), removed: 2 },
            DrafterEvent::Commit { at: Position(6), tokens: ids(&[99]), verified: true },
        ]
    );
    assert_eq!(desk.generated(), [21, 22, 23, 99]);
    assert!(desk.drafter.log().verified().iter().all(|verified| *verified));
    assert_eq!(desk.drafter.counts().accepted, 2);
}

#[test]
fn where_the_target_agrees_with_all_it_goes_on_from_there() {
    let mut desk = back(revising(), &[22, 23]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    let wish = desk.drafter.wish().expect("drafts follow what was shown");
    desk.drafter.handle_draft(desk.now, wish, Some(draft(24)));
    assert_eq!(desk.drafter.ahead().collect::<Vec<_>>(), ids(&[24]));
    let _ = desk.events();
    desk.verdict(5, &[], 1, &[24]).unwrap();
    let agreed = vec![true];
    let tokens = ids(&[24]);
    assert_eq!(
        desk.events(),
        [
            DrafterEvent::Judged { from: Position(5), agreed },
            DrafterEvent::Commit { at: Position(6), tokens, verified: true },
        ]
    );
}

/// What is unjudged when the target is lost again stays as it is, is not said twice, and is judged
/// the next time.
#[test]
fn lost_again_it_stays_shown_until_it_is_judged() {
    let mut desk = back(revising(), &[22, 23, 24]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    let _ = messages(&mut desk);
    desk.draft_only(&[25]);
    let _ = desk.events();
    desk.drafter.handle_link_lost(desk.now);
    let (at, tokens) = (Position(7), ids(&[25]));
    assert_eq!(
        desk.events(),
        [
            DrafterEvent::Commit { at, tokens, verified: false },
            DrafterEvent::Alone { at: Position(8) }
        ]
    );
    desk.say(&[26]);
    assert_eq!(desk.drafter.log().verified(), [true, true, false, false, false, false]);
    desk.drafter.handle_link_back(desk.now);
    let _ = messages(&mut desk);
    let (epoch, prefix) = (desk.drafter.newest_epoch(), hash(&[11, 12, 13, 21, 22]));
    let opened = Opened { epoch, held: Position(5), prefix, passes: 0 };
    desk.drafter.handle_opened(desk.now, &opened).unwrap();
    let [Message::Pass(pass), Message::Draft(drafts)] = &messages(&mut desk)[..] else { panic!() };
    assert_eq!((pass.base, &pass.tokens), (Position(4), &ids(&[22])));
    assert_eq!(drafts.tokens, ids(&[23, 24, 25, 26]));
    desk.verdict(5, &[], 0, &[88]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 88]);
}

#[test]
fn more_than_a_chunk_takes_goes_in_several() {
    let said: Vec<u32> = (100..250).collect();
    let route = Route { chunks: 2, ..revising().route };
    let long = DrafterConfig { tokens_max: 300, positions_max: 400, ..revising() };
    let mut desk = back(DrafterConfig { route, pass_rows_max: 200, ..long }, &said);
    let lengths = |desk: &mut Desk| -> Vec<_> {
        let drafts = messages(desk).into_iter().filter_map(|message| match message {
            Message::Draft(draft) => Some((draft.base.0, draft.tokens.len())),
            _ => None,
        });
        drafts.collect()
    };
    assert_eq!(lengths(&mut desk), [(4, 64), (68, 64)]);
    desk.verdict(4, &[], 0, &[100]).unwrap();
    assert_eq!(lengths(&mut desk), [], "two are under way");
    desk.verdict(5, &[], 63, &[164]).unwrap();
    assert_eq!(lengths(&mut desk), [(132, 22)]);
    desk.verdict(69, &[], 0, &[7]).unwrap();
    assert_eq!(desk.generated().len(), 1 + 65 + 1);
}

#[test]
fn a_text_that_the_target_ends_earlier_ends_there() {
    let mut desk = back(revising(), &[22, 23, 24]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    desk.verdict(5, &[], 0, &[END.0]).unwrap();
    assert_eq!(desk.generated(), [21, 22, END.0]);
    assert_eq!(desk.drafter.finished(), Some(FinishReason::End));
}

#[test]
fn a_text_that_ended_alone_is_not_opened_again() {
    let mut desk = Desk::begun(revising(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[22, END.0]);
    let _ = messages(&mut desk);
    desk.drafter.handle_link_back(desk.now);
    assert_eq!((messages(&mut desk), desk.generated()), (vec![], vec![21, 22, END.0]));
}

#[test]
fn stopped_in_between_the_log_is_what_is_shown() {
    let mut desk = back(revising(), &[22, 23, 24]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    desk.drafter.stop(desk.now);
    desk.verdict(5, &[], 0, &[99]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23, 24]);
    let told = Rollback { epoch: desk.drafter.newest_epoch(), to: Position(7) };
    assert_eq!(messages(&mut desk), [Message::Rollback(told)]);
}

#[test]
fn a_gap_sends_it_as_drafts_again() {
    let mut desk = back(revising(), &[22, 23, 24]);
    desk.verdict(4, &[], 0, &[22]).unwrap();
    let _ = messages(&mut desk);
    desk.fault(FaultKind::Gap { held: Position(2), prefix: hash(&[11, 12]) }, None);
    let [Message::Pass(pass)] = &messages(&mut desk)[..] else { panic!("drafts wait") };
    assert_eq!((pass.base, &pass.tokens), (Position(2), &ids(&[13, 21, 22])));
    desk.verdict(5, &[], 0, &[23]).unwrap();
    let [Message::Draft(drafts)] = &messages(&mut desk)[..] else { panic!("no drafts") };
    assert_eq!((drafts.base, &drafts.tokens), (Position(6), &ids(&[24])));
    assert_eq!(desk.generated(), [21, 22, 23, 24]);
}

/// Words in question take no room from those that take their place.
#[test]
fn how_much_may_follow_is_counted_from_what_is_settled() {
    let five = DrafterConfig { tokens_max: 5, ..extending(8, revising()) };
    let mut desk = back(five.clone(), &[22, 23, 24]);
    let [Message::Pass(pass), ..] = &messages(&mut desk)[..] else { panic!("no pass") };
    assert_eq!(pass.extend, 4, "the target may say all four");
    let desk = back(DrafterConfig { tokens_max: 6, ..five }, &[22, 23, 24]);
    assert!(desk.drafter.wish().is_some(), "one more draft, and the target's own");
}
