//! Drafting on while verdicts are under way.

use super::*;

/// Chunks of two, three of them under way at most.
fn streaming() -> DrafterConfig {
    let draft_length = DraftLength::Fixed(2);
    let route = Route { draft_length, window: 6, chunks: 8, ..route() };
    DrafterConfig { route, tokens_max: 40, ..config() }
}

fn chunks(desk: &mut Desk) -> Vec<(u32, Vec<u32>)> {
    std::iter::from_fn(|| desk.drafter.poll_transmit())
        .map(|message| match message {
            Message::Draft(draft) => {
                (draft.base.0, draft.tokens.iter().map(|token| token.0).collect())
            }
            other => panic!("not a chunk of drafts: {other:?}"),
        })
        .collect()
}

#[test]
fn chunks_go_out_until_the_window_is_full() {
    let mut desk = Desk::begun(streaming(), 21);
    desk.draft_only(&[22, 23, 24, 25, 26, 27, 28]);
    assert_eq!(chunks(&mut desk), [(4, vec![22, 23]), (6, vec![24, 25]), (8, vec![26, 27])]);
    assert_eq!(desk.drafter.wish(), None);
    assert_eq!(desk.drafter.ahead().count(), 6);
}

#[test]
fn a_chunk_names_the_text_that_it_builds_on_drafts_and_all() {
    let mut desk = Desk::begun(streaming(), 21);
    let _ = desk.draft(&[22, 23]);
    let second = desk.draft(&[24, 25]);
    assert_eq!(second.prefix, hash(&[11, 12, 13, 21, 22, 23]).check());
}

#[test]
fn words_that_equal_drafts_leave_the_rest_of_the_branch_standing() {
    let mut desk = Desk::begun(streaming(), 21);
    desk.draft_only(&[22, 23, 24, 25]);
    let _ = chunks(&mut desk);
    let wish = desk.drafter.wish().expect("the window has room");
    // Two drafts and, as the target's own next word, the third.
    desk.verdict(4, &[], 2, &[24]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23, 24]);
    assert_eq!(desk.drafter.ahead().collect::<Vec<_>>(), ids(&[25]));
    assert_eq!(desk.drafter.counts().accepted, 3);
    // A draft that was begun before is still the next one.
    desk.drafter.handle_draft(desk.now, wish, Some(draft(26)));
    assert_eq!(desk.drafter.ahead().count(), 2);
    desk.verdict(7, &[], 1, &[26]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23, 24, 25, 26]);
    let Counts { own_judged, own_right, .. } = desk.drafter.counts();
    assert_eq!((own_judged, own_right), (5, 5));
}

#[test]
fn a_correction_ends_the_branch_and_drafts_of_it_are_dropped() {
    let mut desk = Desk::begun(streaming(), 21);
    desk.draft_only(&[22, 23, 24]);
    let _ = chunks(&mut desk);
    let wish = desk.drafter.wish();
    desk.verdict(4, &[], 1, &[99]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 99]);
    assert!(desk.drafter.ahead().next().is_none());
    if let Some(wish) = wish {
        desk.drafter.handle_draft(desk.now, wish, Some(draft(25)));
    }
    assert!(desk.drafter.ahead().next().is_none(), "it followed a draft that was wrong");
    assert_eq!(desk.draft(&[31, 32]).base, Position(6));
}

#[test]
fn what_the_target_says_by_itself_takes_drafts_that_were_not_even_sent() {
    let mut desk = Desk::begun(extending(8, streaming()), 21);
    let wish = desk.drafter.wish().unwrap();
    desk.drafter.handle_draft(desk.now, wish, Some(draft(22)));
    assert_eq!(chunks(&mut desk), [], "half a chunk waits");
    desk.verdict(4, &[], 0, &[22, 23]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23]);
    assert!(desk.drafter.ahead().next().is_none());
    assert_eq!(desk.drafter.counts().accepted, 0, "a draft that was not sent saved no pass");
}

#[test]
fn more_than_was_sent_cannot_be_accepted() {
    let mut desk = Desk::begun(streaming(), 21);
    desk.draft_only(&[22, 23]);
    assert!(desk.drafter.wish().is_some());
    let outcome = desk.verdict(4, &[], 3, &[25]);
    assert!(matches!(outcome, Err(PeerMisbehaved::VerdictShape { .. })), "{outcome:?}");
}

#[test]
fn a_verdict_that_skips_words_changes_nothing() {
    let mut desk = Desk::begun(streaming(), 21);
    desk.draft_only(&[22, 23, 24, 25]);
    desk.verdict(6, &[], 1, &[25]).unwrap();
    assert_eq!(desk.generated(), [21]);
    assert_eq!(desk.drafter.ahead().count(), 4);
}

#[test]
fn drafting_begins_before_the_prompt_is_answered() {
    let mut desk = Desk::opened(streaming());
    let _ = desk.pass();
    desk.draft_only(&[21, 22]);
    assert_eq!(chunks(&mut desk), [(3, vec![21, 22])]);
    desk.verdict(3, &[], 0, &[21]).unwrap();
    desk.verdict(4, &[], 1, &[23]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23]);
}

#[test]
fn a_device_with_nothing_to_draft_asks_plainly() {
    let mut desk = Desk::begun(streaming(), 21);
    let wish = desk.drafter.wish().unwrap();
    desk.drafter.handle_draft(desk.now, wish, None);
    let pass = desk.pass();
    assert_eq!((pass.base, pass.ask, pass.tokens.len()), (Position(4), true, 0));
    desk.verdict(4, &[], 0, &[22]).unwrap();
    assert!(desk.drafter.wish().is_some(), "after other text there may be something");
}

#[test]
fn over_a_staged_chain_each_row_is_sent_once_until_a_correction() {
    let mut desk = Desk::begun(staged(streaming()), 21);
    desk.draft_only(&[22, 23, 24, 25]);
    let shape = |pass: &Pass| (pass.base.0, pass.tokens.clone(), pass.drafts);
    let sent: Vec<_> = desk.passes().iter().map(shape).collect();
    assert_eq!(sent, [(3, ids(&[21, 22, 23]), 2), (6, ids(&[24, 25]), 2)]);
    desk.verdict(4, &[], 2, &[24]).unwrap();
    desk.draft_only(&[26]);
    assert_eq!(shape(&desk.pass()), (8, ids(&[26]), 1));
    desk.verdict(7, &[], 0, &[99]).unwrap();
    desk.draft_only(&[31, 32]);
    assert_eq!(shape(&desk.pass()), (7, ids(&[99, 31, 32]), 2), "the correction's own row first");
}

#[test]
fn the_passes_under_way_are_bounded() {
    let route = Route { draft_length: DraftLength::Fixed(1), window: 40, ..streaming().route };
    let many = DrafterConfig { route, pass_rows_max: 64, tokens_max: 90, ..config() };
    let mut desk = Desk::begun(many, 21);
    desk.draft_only(&[22; 40]);
    assert_eq!(chunks(&mut desk).len(), upload::IN_FLIGHT_MAX);
    desk.verdict(4, &[], 1, &[22]).unwrap();
    desk.draft_only(&[22; 40]);
    assert_eq!(chunks(&mut desk).len(), 2, "two were answered");
}

#[test]
fn silence_asks_anew_and_sends_the_drafts_again() {
    let wait = Duration::from_millis(50);
    let mut desk = Desk::begun(DrafterConfig { retransmit: Some(wait), ..streaming() }, 21);
    desk.draft_only(&[22, 23, 24, 25]);
    let _ = chunks(&mut desk);
    desk.now += wait;
    desk.drafter.handle_timeout(desk.now);
    let Some(Message::Pass(pass)) = desk.drafter.poll_transmit() else { panic!("no question") };
    assert_eq!((pass.epoch, pass.base, pass.ask), (Epoch(2), Position(4), true));
    assert_eq!(chunks(&mut desk), [(4, vec![22, 23, 24, 25])]);
}

/// The target may have had both when it spoke, and have known more words from before.
#[test]
fn an_answer_may_go_as_far_as_the_chunk_behind_its_question_allows() {
    for (tokens, fits) in [(6, true), (7, false)] {
        let mut desk = Desk::opened(extending(4, streaming()));
        assert_eq!(desk.pass().extend, 4);
        desk.draft_only(&[21, 22]);
        assert_eq!(chunks(&mut desk), [(3, vec![21, 22])]);
        let said: Vec<u32> = (21..21 + tokens).collect();
        assert_eq!(desk.verdict(3, &[], 0, &said).is_ok(), fits, "{tokens} tokens");
    }
}

/// A target that goes on by itself, or is asked in rounds, gets chunks.
#[test]
fn a_target_that_waits_with_nothing_to_do_gets_the_first_draft_alone() {
    let auto = |extend, chunks| {
        let route = Route { draft_length: DraftLength::Auto, extend, chunks, ..streaming().route };
        let mut desk = Desk::opened(DrafterConfig { route, ..streaming() });
        let _ = desk.pass();
        desk.now += Duration::from_millis(100);
        desk.verdict(3, &[], 0, &[21]).unwrap();
        desk
    };
    let first = |mut desk: Desk, tokens: &[u32]| {
        for token in tokens {
            let wish = desk.drafter.wish().unwrap();
            desk.drafter.handle_draft(desk.now, wish, Some(draft(*token)));
        }
        chunks(&mut desk)
    };
    assert_eq!(first(auto(0, 8), &[22, 23, 24]), [(4, vec![22])], "and then a chunk");
    assert_eq!(first(auto(8, 8), &[22]), []);
    assert_eq!(first(auto(0, 1), &[22]), []);
}
