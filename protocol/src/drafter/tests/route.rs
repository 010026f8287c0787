//! Another route in mid-reply.

use super::*;

/// Through the device's own first layers.
fn split() -> Route {
    Route { stages: last_layers(), ..route() }
}

/// The target leads.
fn lead() -> Route {
    Route { draft_length: DraftLength::NONE, window: 0, extend: 8, ..route() }
}

/// A verdict of the first epoch.
fn late(desk: &mut Desk, accepted: u32, token: u32) {
    desk.drafter.handle_verdict(desk.now, &plain(Position(4), accepted, &[token])).unwrap();
}

fn messages(desk: &mut Desk) -> Vec<Message> {
    std::iter::from_fn(|| desk.drafter.poll_transmit()).collect()
}

#[test]
fn other_stages_are_opened_in_a_new_epoch_and_sent_what_they_lack() {
    let mut desk = Desk::begun(config(), 21);
    desk.draft_only(&[22, 23, 24]);
    desk.drafter.switch(desk.now, split());
    let Some(Message::Open(open)) = desk.drafter.poll_transmit() else { panic!("no open") };
    assert_eq!((open.epoch, open.have, open.stages), (Epoch(2), Position(4), last_layers()));
    assert_eq!(messages(&mut desk), [], "the chunk was for the route before");
    assert!(!desk.drafter.is_alone(), "the stages are about to answer");
    late(&mut desk, 3, 25);
    assert_eq!(desk.generated(), [21], "that session is left");
    let opened = Opened { epoch: Epoch(2), held: Position(0), prefix: hash(&[]), passes: 257 };
    desk.drafter.handle_opened(desk.now, &opened).unwrap();
    let [upload, drafts] = desk.passes().try_into().unwrap();
    assert_eq!(
        (upload.base, upload.tokens, upload.ask),
        (Position(0), ids(&[11, 12, 13, 21]), true)
    );
    assert_eq!((drafts.base, drafts.tokens, drafts.drafts), (Position(4), ids(&[22, 23, 24]), 3));
    desk.verdict(4, &[], 0, &[22]).unwrap();
    assert_eq!(desk.generated(), [21, 22]);
    assert_eq!(desk.drafter.counts().failovers, 0);
    assert_eq!(desk.drafter.counts().target_passes, 1, "those for others are not counted");
}

#[test]
fn the_same_stages_are_told_nothing_before_they_are_to_say_more() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.switch(desk.now, lead());
    let pass = desk.pass();
    assert_eq!((pass.epoch, pass.base, pass.extend), (Epoch(1), Position(4), 8));
    desk.verdict(4, &[], 0, &[22, 23]).unwrap();
    let drafting = Route { extend: 8, ..route() };
    desk.drafter.switch(desk.now, drafting);
    assert_eq!(messages(&mut desk), []);
    assert_eq!(desk.draft(&[24, 25, 26]).base, Position(6));
}

#[test]
fn a_target_that_led_and_is_to_wait_is_told_so() {
    for uploading in [false, true] {
        let mut desk = Desk::opened(extending(8, config()));
        let _ = desk.pass();
        if !uploading {
            desk.verdict(3, &[], 0, &[21]).unwrap();
        }
        desk.drafter.switch(desk.now, route());
        let pass = desk.pass();
        assert_eq!((pass.epoch, pass.extend, pass.ask), (Epoch(2), 0, true));
        assert_eq!(pass.base.index() + pass.tokens.len(), if uploading { 3 } else { 4 });
        late(&mut desk, 0, 22);
        assert_eq!(desk.generated().len(), usize::from(!uploading), "what comes late is void");
    }
}

#[test]
fn the_device_alone_by_choice_says_its_drafts_and_goes_back_later() {
    let mut desk = Desk::begun(config(), 21);
    desk.draft_only(&[22, 23]);
    desk.drafter.switch(desk.now, Route::local(false));
    assert_eq!(messages(&mut desk), []);
    desk.say(&[24]);
    desk.drafter.handle_link_back(desk.now);
    assert_eq!(messages(&mut desk), [], "a link is not what it lacks");
    assert_eq!(desk.drafter.log().verified(), [true, false, false, false]);
    assert_eq!(desk.drafter.counts().failovers, 0);
    desk.drafter.switch(desk.now, route());
    assert!(desk.drafter.is_alone(), "until it is answered");
    desk.open(4, hash(&[11, 12, 13, 21]));
    let pass = desk.pass();
    assert_eq!((pass.tokens, pass.said), (ids(&[21, 22, 23, 24]), 3));
}

#[test]
fn a_device_that_is_the_target_vouches_for_itself() {
    let mut desk = Desk::begun(config(), 21);
    desk.draft_only(&[99]);
    desk.drafter.switch(desk.now, Route::local(true));
    assert_eq!(desk.generated(), [21], "drafts are not the target's words");
    desk.say(&[22, 23]);
    assert_eq!(desk.drafter.log().verified(), [true, true, true]);
    desk.drafter.switch(desk.now, route());
    desk.say(&[24]);
    assert!(desk.drafter.speaks_as_target(), "until another stage answers");
    desk.open(4, hash(&[11, 12, 13, 21]));
    assert!(!desk.drafter.speaks_as_target());
    let pass = desk.pass();
    assert_eq!((pass.tokens, pass.said), (ids(&[22, 23, 24]), 0), "nothing is in question");
}

/// What it says follows words that nobody has vouched for.
#[test]
fn behind_words_in_question_nothing_is_verified_before_they_are() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[22]);
    desk.drafter.switch(desk.now, Route::local(true));
    desk.say(&[23]);
    assert_eq!(desk.drafter.log().verified(), [true, false, false]);
}

#[test]
fn alone_by_choice_from_the_first_token_on() {
    let mut desk = Desk::new(DrafterConfig { route: Route::local(true), ..config() });
    assert_eq!(desk.events(), [DrafterEvent::Alone { at: Position(3) }]);
    desk.say(&[21, END.0]);
    assert_eq!(messages(&mut desk), [], "nobody is told");
    assert_eq!(desk.drafter.log().verified(), [true, true]);
    assert_eq!(desk.drafter.counts().failovers, 0);
}

/// The link that was lost is not the one that the new route takes.
#[test]
fn another_route_out_of_an_outage_ends_as_any_other() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.drafter.switch(desk.now, split());
    assert!(desk.drafter.is_alone(), "until it is answered");
    let _ = messages(&mut desk);
    desk.drafter.stop(desk.now);
    let told = Rollback { epoch: desk.drafter.newest_epoch(), to: Position(4) };
    assert_eq!(messages(&mut desk), [Message::Rollback(told)]);
}

#[test]
fn a_request_that_is_over_takes_no_other_route() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.stop(desk.now);
    let _ = messages(&mut desk);
    desk.drafter.switch(desk.now, split());
    assert_eq!(messages(&mut desk), []);
    assert_eq!(desk.drafter.finished(), Some(FinishReason::Stopped));
}
