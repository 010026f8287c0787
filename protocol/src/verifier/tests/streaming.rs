//! Chunks of drafts that come while others are judged, and a target that goes on by itself.

use super::*;
use base::WireCodec;
use std::time::Duration;

impl Desk {
    /// Asked about a text of two tokens, and answered: 102 stands at position 2.
    fn begun(extend: u32) -> Self {
        let mut desk = Self::new();
        desk.ask(Pass { extend, ..pass(1, &[1, 2], 0, 0, 0) });
        let _ = (desk.work(), desk.heard());
        desk
    }

    /// A chunk of `drafts` after `before`, in epoch 1.
    fn draft(&mut self, before: &[u32], drafts: &[u32]) {
        let draft = Draft {
            epoch: Epoch(1),
            base: Position::after(before.len()),
            prefix: PrefixHash::EMPTY.extend(&ids(before)).check(),
            tokens: ids(drafts),
        };
        self.0.handle_draft(self.1, draft).unwrap();
    }

    fn finish(&mut self, work: Work, us: u32) {
        let start = work.truncate_to.index();
        let chosen: Vec<_> = work.choose.map(|row| word(start + row + 1)).collect();
        self.0.handle_chosen(self.1, chosen.into(), us);
    }

    fn is_silent(&mut self) -> bool {
        self.0.poll_transmit().is_none()
    }
}

#[test]
fn chunks_that_continue_each_other_are_one_pass_and_one_verdict() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[103, 104]);
    desk.draft(&[1, 2, 102, 103, 104], &[105]);
    desk.draft(&[1, 2, 102, 103, 104, 105], &[9, 107]);
    assert_eq!(desk.work(), Some((2, 6, 0..6)), "from the target's own word on");
    assert_eq!(desk.heard(), Some((3, vec![], 3, vec![106])));
    assert!(desk.is_silent() && desk.work().is_none());
}

#[test]
fn chunks_that_come_during_a_pass_wait_and_stay_valid() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[103]);
    let work = desk.0.poll_work(desk.1).unwrap();
    desk.draft(&[1, 2, 102, 103], &[104, 105]);
    desk.finish(work, 5);
    assert_eq!(desk.heard(), Some((3, vec![], 1, vec![104])));
    assert_eq!(desk.work(), Some((4, 2, 0..2)));
    assert_eq!(desk.heard(), Some((5, vec![], 1, vec![106])), "104 was said already");
}

#[test]
fn what_follows_a_contradicted_draft_is_dropped_in_silence() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[9, 104]);
    let _ = desk.work();
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![103])));
    desk.draft(&[1, 2, 102, 9, 104], &[105, 106]);
    desk.draft(&[1, 2, 102, 9, 104, 105, 106], &[107]);
    assert!(desk.work().is_none() && desk.is_silent());
    desk.draft(&[1, 2, 102, 103], &[104]);
    assert_eq!(desk.work(), Some((3, 2, 0..2)));
    assert_eq!(desk.heard(), Some((4, vec![], 1, vec![105])));
}

/// A device that lets the target lead sends its renewal in between.
#[test]
fn a_renewal_between_two_chunks_of_a_branch_parts_them_not() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[103]);
    let work = desk.0.poll_work(desk.1).unwrap();
    desk.draft(&[1, 2, 102, 103], &[9]);
    desk.ask(Pass { ask: false, extend: 4, ..pass(1, &[1, 2, 102], 3, 0, 0) });
    desk.draft(&[1, 2, 102, 103, 9], &[105]);
    desk.finish(work, 5);
    let _ = (desk.heard(), desk.0.poll_work(desk.1));
    assert!(desk.is_silent(), "both chunks are dropped, and neither is a gap");
}

#[test]
fn a_word_that_no_draft_stood_for_can_contradict_the_next_chunk() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[103]);
    let _ = desk.work();
    assert_eq!(desk.heard(), Some((3, vec![], 1, vec![104])));
    desk.draft(&[1, 2, 102, 103], &[9, 105]);
    desk.draft(&[1, 2, 102, 103, 9, 105], &[106]);
    assert!(desk.work().is_none() && desk.is_silent());
}

#[test]
fn a_chunk_that_builds_on_nothing_known_is_a_gap() {
    for before in [&[1, 2, 102, 103][..], &[1, 2, 7]] {
        let mut desk = Desk::begun(0);
        desk.draft(before, &[104]);
        assert!(desk.work().is_none());
        assert_eq!(desk.gap().0, Position(2), "{before:?}");
    }
}

/// A branch that was run and contradicted is held, but nothing may build on it again: not even a
/// chunk that is sent a second time.
#[test]
fn a_contradicted_branch_is_not_taken_for_the_text() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[9]);
    let _ = (desk.work(), desk.heard());
    desk.draft(&[1, 2, 102, 9], &[104]);
    assert!(desk.work().is_none() && desk.is_silent());
    desk.draft(&[1, 2, 102, 9], &[104]);
    assert!(desk.work().is_none());
    let _ = desk.gap();
}

#[test]
fn a_chunk_of_another_branch_takes_the_place_of_those_that_wait() {
    let mut desk = Desk::begun(4);
    // The target goes on alone; meanwhile a whole window piles up, branch after branch.
    let running = desk.0.poll_work(desk.1).unwrap();
    for branch in 0..40 {
        desk.draft(&[1, 2, 102], &[branch]);
        desk.draft(&[1, 2, 102, branch], &[104]);
    }
    desk.draft(&[1, 2, 102], &[103, 104, 105]);
    desk.finish(running, 5);
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![103])));
    assert_eq!(desk.work(), Some((3, 3, 0..3)));
    assert_eq!(desk.heard(), Some((4, vec![], 2, vec![106])));
}

#[test]
fn drafts_of_what_was_said_are_compared_and_not_run() {
    let mut desk = Desk::begun(3);
    while desk.work().is_some() {}
    for position in 3..5 {
        assert_eq!(desk.heard(), Some((position, vec![], 0, vec![100 + position])));
    }
    let passes = desk.0.passes();
    desk.draft(&[1, 2, 102], &[103]);
    desk.draft(&[1, 2, 102, 103], &[104]);
    let work = desk.0.poll_work(desk.1).unwrap();
    assert!(desk.is_silent(), "nothing that was not said");
    desk.finish(work, 5);
    // They let the target go on, though: three positions past their end.
    assert_eq!((desk.heard(), desk.0.passes()), (Some((5, vec![], 0, vec![105])), passes + 1));
}

#[test]
fn drafts_that_end_where_the_target_has_spoken_cost_no_pass() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[103]);
    let _ = (desk.work(), desk.heard());
    desk.draft(&[1, 2, 102, 103], &[104]);
    assert!(desk.work().is_none() && desk.is_silent());
}

/// What was contradicted once may be part of a later text: of other sampling, or kept as it was said.
#[test]
fn an_abandoned_branch_is_forgotten_with_its_epoch() {
    let mut desk = Desk::begun(0);
    desk.draft(&[1, 2, 102], &[9, 104]);
    let _ = (desk.work(), desk.heard());
    desk.ask(pass(2, &[1, 2, 102, 9], 0, 2, 0));
    let _ = desk.work();
    assert_eq!(desk.heard(), Some((2, vec![true, false], 0, vec![104])));
    desk.ask(pass(2, &[1, 2, 102, 9, 104, 105], 5, 0, 1));
    assert_eq!(desk.work(), Some((5, 1, 0..1)));
    assert_eq!(desk.heard(), Some((5, vec![], 1, vec![106])));
}

#[test]
fn no_more_chunks_are_run_as_one_than_a_verdict_can_judge() {
    let mut desk = Desk::new();
    desk.0.handle_open(&Open { positions_max: 200, ..open(2, 0) });
    let _ = desk.0.poll_transmit();
    desk.ask(pass(2, &[1, 2], 0, 0, 0));
    let _ = (desk.work(), desk.heard());
    let text: Vec<u32> = [1, 2, 102].into_iter().chain([9; 80]).collect();
    for (base, end) in [(3, 43), (43, 83)] {
        desk.ask(pass(2, &text[..end], base, 0, 40));
    }
    assert_eq!(desk.work(), Some((2, 41, 0..41)));
}

#[test]
fn stale_drafts_let_the_target_go_on_as_far_as_the_device_counts_on_it() {
    let mut desk = Desk::begun(1);
    assert!(desk.work().is_none(), "it has said as much as it may");
    desk.draft(&[1, 2, 102], &[9, 9]);
    assert_eq!(desk.work(), Some((2, 3, 0..3)));
    assert_eq!(desk.heard(), Some((3, vec![], 0, vec![103])));
    desk.draft(&[1, 2, 102, 9, 9], &[9]);
    // Up to one past the stale chunk's end, which is 6.
    let mut said = Vec::new();
    while desk.work().is_some() {
        said.push(desk.heard().unwrap().0);
    }
    assert_eq!(said, [4, 5, 6]);
}

#[test]
fn rows_of_hidden_states_are_run_though_their_tokens_are_known() {
    let config = VerifierConfig { hidden: Some((WireCodec::F16, 1)), head_alone: false };
    let mut desk = Desk(Verifier::new(config), dawn());
    desk.0.handle_open(&open(1, 0));
    let _ = desk.0.poll_transmit();
    desk.ask(with_rows(pass(1, &[1, 2, 102, 103], 0, 0, 2)));
    desk.ask(with_rows(pass(1, &[1, 2, 102, 103, 104], 4, 0, 1)));
    assert_eq!(desk.work(), Some((0, 4, 1..4)));
    assert_eq!(desk.heard(), Some((2, vec![], 2, vec![104])));
    assert_eq!(desk.work(), Some((4, 1, 0..1)), "its draft is the word just said; its row is new");
    assert_eq!(desk.heard(), Some((5, vec![], 0, vec![105])));
}

/// Goal: whoever drives a verifier needs no more than its timer to get patience right. Method: slow
/// passes, and a device that answered the last contradiction within 20 ms.
#[test]
fn a_target_with_slow_passes_waits_for_drafts_that_are_due_and_not_for_ever() {
    let mut desk = Desk::begun(6);
    let work = desk.0.poll_work(desk.1).unwrap();
    desk.1 += Duration::from_millis(200);
    desk.finish(work, 200_000);
    let mut text = vec![1, 2, 102, 103];
    for _ in 0..2 {
        desk.draft(&text, &[9]);
        let work = desk.0.poll_work(desk.1).unwrap();
        desk.1 += Duration::from_millis(200);
        desk.finish(work, 200_000);
        text.push(word(text.len()).0);
        desk.1 += Duration::from_millis(20);
    }
    assert_eq!(desk.0.poll_work(desk.1), None);
    let (until, VerifierTimer::Patience) = desk.0.poll_timeout().unwrap();
    assert!(until > desk.1 && until < desk.1 + Duration::from_millis(120));
    desk.1 = until;
    assert!(desk.0.poll_work(desk.1).is_some());
    assert_eq!(desk.0.poll_timeout(), None);
}
