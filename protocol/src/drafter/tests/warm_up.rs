//! Other stages that read the text while the present ones go on.

use super::*;

const OTHER: SessionId = SessionId([2; 16]);

fn split() -> Route {
    Route { stages: last_layers(), ..route() }
}

/// A prompt of 40 in passes of 8, and 21 said.
fn long() -> Desk {
    let prompt: Vec<u32> = (1..=40).collect();
    let config = DrafterConfig { prompt: ids(&prompt), tokens_max: 90, ..config() };
    let mut desk = Desk::opened(DrafterConfig { positions_max: 200, ..config });
    for _ in 0..5 {
        let passes = desk.passes();
        for end in passes.iter().filter(|pass| !pass.ask).map(|pass| pass.end().0) {
            desk.verdict(end, &[], 0, &[]).unwrap();
        }
    }
    desk.verdict(40, &[], 0, &[21]).unwrap();
    let _ = (desk.passes(), desk.events());
    desk
}

fn opened(warm_up: &mut WarmUp, desk: &Desk) -> Epoch {
    let Some(Message::Open(open)) = warm_up.poll_transmit() else { panic!("no open") };
    assert_eq!((open.session, open.have, open.stages), (OTHER, Position(0), last_layers()));
    let (held, prefix) = (Position(0), PrefixHash::EMPTY);
    let answer = Opened { epoch: open.epoch, held, prefix, passes: 0 };
    warm_up.handle_opened(&desk.drafter, &Opened { epoch: Epoch(0), ..answer });
    assert_eq!(warm_up.poll_transmit(), None, "another question's answer");
    warm_up.handle_opened(&desk.drafter, &answer);
    open.epoch
}

fn sent(warm_up: &mut WarmUp) -> Vec<(u32, usize)> {
    std::iter::from_fn(|| warm_up.poll_transmit())
        .map(|message| match message {
            Message::Pass(pass) if !pass.ask && pass.extend == 0 => {
                (pass.base.0, pass.tokens.len())
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

fn ran(warm_up: &mut WarmUp, desk: &Desk, epoch: Epoch, to: u32) {
    let ack = Verdict { tokens: Vec::new(), epoch, ..plain(Position(to), 0, &[]) };
    warm_up.handle_verdict(&desk.drafter, &ack);
}

#[test]
fn the_text_is_read_in_passes_and_what_grows_meanwhile_in_the_next_stretch() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(0));
    let epoch = opened(&mut warm_up, &desk);
    assert!(epoch > Epoch(1));
    assert_eq!(sent(&mut warm_up), [(0, 8), (8, 8)], "two are under way");
    assert!(!warm_up.is_warm());
    // The present stages go on in their own epoch.
    let chunk = desk.draft(&[22, 23, 24]);
    assert_eq!(chunk.epoch, Epoch(1));
    let late = Verdict { epoch: Epoch(1), ..plain(Position(41), 3, &[25]) };
    desk.drafter.handle_verdict(desk.now, &late).unwrap();
    for (end, next) in [(8, Some(16)), (16, Some(24)), (24, Some(32)), (32, None)] {
        ran(&mut warm_up, &desk, epoch, end);
        let next: Vec<_> = next.into_iter().map(|base| (base, 8)).collect();
        assert_eq!(sent(&mut warm_up), next, "a part of a pass waits until all is run");
    }
    ran(&mut warm_up, &desk, Epoch(1), 40);
    assert!(!warm_up.is_warm(), "that is of the present stages");
    ran(&mut warm_up, &desk, epoch, 40);
    assert!(warm_up.is_warm(), "five rows are left");

    desk.drafter.switch_to(desk.now, warm_up);
    let Some(Message::Open(open)) = desk.drafter.poll_transmit() else { panic!("no open") };
    assert_eq!((open.session, open.have), (OTHER, Position(40)));
    assert!(open.epoch > epoch);
    assert_eq!(desk.drafter.session(), OTHER);
    let prompt: Vec<u32> = (1..=40).collect();
    let answer = Opened { epoch: open.epoch, held: Position(40), prefix: hash(&prompt), passes: 5 };
    desk.drafter.handle_opened(desk.now, &answer).unwrap();
    let pass = desk.pass();
    assert_eq!((pass.base, pass.tokens), (Position(40), ids(&[21, 22, 23, 24, 25])));
}

#[test]
fn stages_that_refuse_change_nothing() {
    let mut desk = Desk::begun(config(), 21);
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(0));
    let Some(Message::Open(open)) = warm_up.poll_transmit() else { panic!("no open") };
    warm_up
        .handle_fault(&desk.drafter, &Fault::on_session(Epoch(0), FaultKind::Rejected, "long ago"));
    assert_eq!(warm_up.refused(), None);
    warm_up.handle_fault(
        &desk.drafter,
        &Fault::on_session(open.epoch, FaultKind::Rejected, "no room"),
    );
    assert_eq!((warm_up.refused(), warm_up.is_warm()), (Some("no room"), false));
    assert_eq!(desk.draft(&[22, 23, 24]).epoch, Epoch(1));
    let verdict = Verdict { epoch: Epoch(1), ..plain(Position(4), 3, &[25]) };
    desk.drafter.handle_verdict(desk.now, &verdict).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23, 24, 25]);
}

/// Words that may be taken back are not read.
#[test]
fn of_a_device_that_has_its_words_revised_what_is_judged_is_read() {
    for (after_outage, read) in [(AfterOutage::Keep, 7), (AfterOutage::Revise, 4)] {
        let mut desk = Desk::begun(DrafterConfig { after_outage, ..config() }, 21);
        desk.drafter.handle_link_lost(desk.now);
        desk.say(&[22, 23, 24]);
        let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(0));
        opened(&mut warm_up, &desk);
        assert_eq!(sent(&mut warm_up), [(0, read)], "{after_outage:?}");
    }
}

/// One that reads more slowly than the present ones speak.
#[test]
fn stages_that_come_no_nearer_are_warm_enough() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(0));
    let epoch = opened(&mut warm_up, &desk);
    for end in [8, 16, 24, 32] {
        ran(&mut warm_up, &desk, epoch, end);
    }
    let _ = sent(&mut warm_up);
    desk.drafter.handle_link_lost(desk.now);
    let words: Vec<u32> = (50..69).collect();
    desk.say(&words);
    ran(&mut warm_up, &desk, epoch, 40);
    assert!(!warm_up.is_warm(), "twenty rows are left of forty");
    assert_eq!(sent(&mut warm_up), [(40, 8), (48, 8)]);
    desk.say(&words);
    ran(&mut warm_up, &desk, epoch, 56);
    assert!(warm_up.is_warm(), "and then more than the stretch had");
}

#[test]
fn passes_are_small_where_others_are_large() {
    let prompt: Vec<u32> = (1..=80).collect();
    let config = DrafterConfig { prompt: ids(&prompt), positions_max: 200, ..config() };
    let mut desk = Desk::opened(DrafterConfig { pass_rows_max: 100, ..config });
    assert_eq!(desk.pass().tokens.len(), 80);
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(0));
    opened(&mut warm_up, &desk);
    assert_eq!(sent(&mut warm_up), [(0, 32), (32, 32)]);
}

/// The passes that are sent: where each begins, how long it is, whether it is told.
fn told(warm_up: &mut WarmUp) -> Vec<(u32, usize, bool)> {
    std::iter::from_fn(|| warm_up.poll_transmit())
        .map(|message| match message {
            Message::Pass(pass) => (pass.base.0, pass.tokens.len(), pass.told),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The stages hold so much of the text.
fn gap(desk: &Desk, epoch: Epoch, held: u32) -> Fault {
    let prefix = desk.drafter.log().hash(held as usize).unwrap();
    let kind = FaultKind::Gap { held: Position(held), prefix };
    Fault::on_session(epoch, kind, "unknown")
}

#[test]
fn stages_that_know_the_text_are_told_of_it_and_run_none_of_it() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(32));
    let epoch = opened(&mut warm_up, &desk);
    assert_eq!(told(&mut warm_up), [(0, 32, true)]);
    ran(&mut warm_up, &desk, epoch, 32);
    assert!(warm_up.is_warm(), "what is left is a moment's work");
    assert_eq!(told(&mut warm_up), []);
}

#[test]
fn stages_that_do_not_know_all_of_it_are_sent_what_they_lack() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(32));
    let epoch = opened(&mut warm_up, &desk);
    let _ = told(&mut warm_up);
    let gap = |held| gap(&desk, epoch, held);
    warm_up.handle_fault(&desk.drafter, &gap(0));
    assert_eq!(told(&mut warm_up), [(0, 8, false), (8, 8, false)]);
    assert_eq!(warm_up.refused(), None);
    warm_up.handle_fault(&desk.drafter, &gap(0));
    assert_eq!(warm_up.refused(), Some("unknown"), "rows that were sent are not lost");
}

/// Goal: nobody is told of words that may be taken back: the log may be shorter when the stages are there.
/// Method: four words said alone.
#[test]
fn stages_are_told_of_nothing_that_may_be_taken_back() {
    for (after_outage, known) in [(AfterOutage::Keep, 8), (AfterOutage::Revise, 4)] {
        let mut desk = Desk::begun(DrafterConfig { after_outage, ..config() }, 21);
        desk.drafter.handle_link_lost(desk.now);
        desk.say(&[22, 23, 24, 25]);
        let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(8));
        let epoch = opened(&mut warm_up, &desk);
        assert_eq!(told(&mut warm_up), [(0, known, true)], "{after_outage:?}");
        ran(&mut warm_up, &desk, epoch, u32::try_from(known).unwrap());
        assert!(warm_up.is_warm());
    }
}

/// Goal: of two stages the first knows more of the text than the second, which is heard only when rows
/// come. Method: a gap at a block's end, and then one before it.
#[test]
fn stages_behind_one_that_knows_some_may_know_less() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(32));
    let epoch = opened(&mut warm_up, &desk);
    let _ = told(&mut warm_up);
    let gap = |held| gap(&desk, epoch, held);
    warm_up.handle_fault(&desk.drafter, &gap(16));
    assert_eq!(told(&mut warm_up), [(16, 8, false)], "one, until it is known what all hold");
    warm_up.handle_fault(&desk.drafter, &gap(4));
    assert_eq!(told(&mut warm_up), [(4, 8, false)]);
    ran(&mut warm_up, &desk, epoch, 12);
    assert_eq!(told(&mut warm_up), [(12, 8, false), (20, 8, false)]);
    warm_up.handle_fault(&desk.drafter, &gap(0));
    assert_eq!(warm_up.refused(), Some("unknown"), "rows that were run are not lost");
}

/// Goal: a told pass says nothing of how fast stages read.
#[test]
fn stages_that_know_a_little_read_the_rest_before_they_are_warm() {
    let mut desk = long();
    let mut warm_up = desk.drafter.warm_up(split(), OTHER, Position(8));
    let epoch = opened(&mut warm_up, &desk);
    assert_eq!(told(&mut warm_up), [(0, 8, true)]);
    ran(&mut warm_up, &desk, epoch, 8);
    assert!(!warm_up.is_warm(), "33 rows are left");
    assert_eq!(told(&mut warm_up), [(8, 8, false), (16, 8, false)]);
}
