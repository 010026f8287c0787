//! The drafter, input by input.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

mod failover;
mod likelihoods;
mod revise;
mod route;
mod streaming;
mod told;
mod warm_up;

use super::alone::GAPS_MAX;
use super::*;
use crate::{Draft, Fault, FaultKind, Origin, Pass, PlannedStage, PrefixHash, SessionId, Verdict};
use base::{KvFormat, LayerRange, NodeName, Privacy, Sampling, WireCodec};
use std::time::Duration;

const END: TokenId = TokenId(0);

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn config() -> DrafterConfig {
    DrafterConfig {
        session: SessionId([1; 16]),
        epoch: Epoch(1),
        have: Position(0),
        sampling: Sampling::GREEDY,
        route: route(),
        prompt: ids(&[11, 12, 13]),
        tokens_max: 20,
        positions_max: 100,
        kv: KvFormat::F16,
        stream: None,
        end_tokens: vec![END],
        tuning: Tuning::default(),
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
        pass_rows_max: 8,
        retransmit: None,
        retry: Duration::from_secs(1),
        after_outage: AfterOutage::Keep,
    }
}

/// To one stage with all layers, in rounds of three drafts.
fn route() -> Route {
    Route {
        stages: vec![stage("cloud", LayerRange::all(4))],
        draft_length: DraftLength::Fixed(3),
        window: 3,
        chunks: 1,
        extend: 0,
        vouched: false,
    }
}

/// Of a target of four layers.
fn stage(node: &str, layers: LayerRange) -> PlannedStage {
    PlannedStage {
        node: NodeName::new(node).unwrap(),
        layers,
        embedding: layers.start() == 0,
        head: layers.end() == 4,
        codec: WireCodec::F32,
        scales: Vec::new(),
    }
}

/// The last layers of the target; the first are the device's.
fn last_layers() -> Vec<PlannedStage> {
    vec![stage("cloud", LayerRange::new(1, 4).unwrap())]
}

/// Over hidden states.
fn staged(config: DrafterConfig) -> DrafterConfig {
    let route = Route { stages: last_layers(), ..config.route };
    DrafterConfig { route, ..config }
}

/// The target may say so many tokens ahead.
fn extending(extend: u32, config: DrafterConfig) -> DrafterConfig {
    DrafterConfig { route: Route { extend, ..config.route }, ..config }
}

/// Two chunks of three may wait, and more passes be under way.
fn windowed(config: DrafterConfig) -> DrafterConfig {
    DrafterConfig { route: Route { window: 6, chunks: 8, ..config.route }, ..config }
}

struct Desk {
    now: Instant,
    drafter: Drafter,
}

impl Desk {
    fn new(config: DrafterConfig) -> Self {
        let now = dawn();
        Self { now, drafter: Drafter::new(config, now) }
    }

    /// Opened with nothing held, and the prompt's pass polled.
    fn opened(config: DrafterConfig) -> Self {
        let mut desk = Self::new(config);
        desk.open(0, PrefixHash::EMPTY);
        desk
    }

    /// Opened, and the prompt answered by `token`.
    fn begun(config: DrafterConfig, token: u32) -> Self {
        let mut desk = Self::opened(config);
        let _ = desk.passes();
        desk.verdict(3, &[], 0, &[token]).unwrap();
        let _ = desk.events();
        desk
    }

    fn open(&mut self, held: u32, prefix: PrefixHash) {
        let Some(Message::Open(open)) = self.drafter.poll_transmit() else { panic!("no open") };
        let held = Position(held);
        let opened = Opened { epoch: open.epoch, held, prefix, passes: 0 };
        self.drafter.handle_opened(self.now, &opened).unwrap();
    }

    fn passes(&mut self) -> Vec<Pass> {
        std::iter::from_fn(|| self.drafter.poll_transmit())
            .map(|message| match message {
                Message::Pass(pass) => pass,
                other => panic!("not a pass: {other:?}"),
            })
            .collect()
    }

    fn pass(&mut self) -> Pass {
        let [pass] = self.passes().try_into().unwrap();
        pass
    }

    fn events(&mut self) -> Vec<DrafterEvent> {
        std::iter::from_fn(|| self.drafter.poll_event()).collect()
    }

    fn verdict(
        &mut self,
        from: u32,
        agreed: &[bool],
        accepted: u32,
        tokens: &[u32],
    ) -> Result<(), PeerMisbehaved> {
        let plain = plain(Position(from), accepted, tokens);
        let verdict =
            Verdict { epoch: self.drafter.newest_epoch(), agreed: agreed.to_vec(), ..plain };
        self.drafter.handle_verdict(self.now, &verdict)
    }

    /// Drafts `tokens`, as far as they are wanted; says that there is no more where a chunk of them
    /// is begun.
    fn draft_only(&mut self, tokens: &[u32]) {
        for token in tokens {
            let Some(wish) = self.drafter.wish() else { return };
            self.drafter.handle_draft(self.now, wish, Some(draft(*token)));
        }
        if self.drafter.ahead.len() > self.drafter.ahead.sent()
            && let Some(wish) = self.drafter.wish()
        {
            self.drafter.handle_draft(self.now, wish, None);
        }
    }

    /// The chunk that `tokens` go out in, over a direct chain.
    fn draft(&mut self, tokens: &[u32]) -> Draft {
        self.draft_only(tokens);
        match self.drafter.poll_transmit() {
            Some(Message::Draft(draft)) => draft,
            other => panic!("not a chunk of drafts: {other:?}"),
        }
    }

    fn say(&mut self, tokens: &[u32]) {
        for token in tokens {
            let at = self.drafter.log().end();
            self.drafter.handle_local_token(self.now, at, TokenId(*token));
        }
    }

    fn fault(&mut self, kind: FaultKind, retry_after_ms: Option<u32>) {
        let fault = Fault::on_session(self.drafter.newest_epoch(), kind, "test");
        self.drafter.handle_fault(self.now, &Fault { retry_after_ms, ..fault });
    }

    fn generated(&self) -> Vec<u32> {
        self.drafter.log().generated().iter().map(|token| token.0).collect()
    }
}

fn draft(token: u32) -> Drafted {
    let (confidence, took) = (0.8, Duration::from_millis(8));
    Drafted { token: TokenId(token), origin: Origin::Model, confidence, took }
}

fn plain(from: Position, accepted: u32, tokens: &[u32]) -> Verdict {
    let (epoch, tokens) = (Epoch(1), ids(tokens));
    let (agreed, likelihoods, passes, cost) = (Vec::new(), Vec::new(), 1, None);
    Verdict { epoch, from, agreed, accepted, tokens, likelihoods, passes, cost }
}

fn hash(tokens: &[u32]) -> PrefixHash {
    PrefixHash::EMPTY.extend(&ids(tokens))
}

#[test]
fn a_round_commits_the_accepted_drafts_and_the_targets_own_token() {
    let mut desk = Desk::begun(config(), 21);
    let chunk = desk.draft(&[22, 23, 24]);
    assert_eq!((chunk.base, chunk.tokens), (Position(4), ids(&[22, 23, 24])));
    assert_eq!(chunk.prefix, hash(&[11, 12, 13, 21]).check());
    assert_eq!(desk.drafter.wish(), None, "a round waits for its verdict");
    desk.verdict(4, &[], 2, &[99]).unwrap();
    let tokens = ids(&[22, 23, 99]);
    assert_eq!(desk.events(), [DrafterEvent::Commit { at: Position(4), tokens, verified: true }]);
    assert!(desk.drafter.wish().is_some());
    let Counts { drafted, accepted, rounds, own_judged, own_right, .. } = desk.drafter.counts();
    assert_eq!((drafted, accepted, rounds), (3, 2, 2));
    assert_eq!((own_judged, own_right), (3, 2));
}

#[test]
fn over_a_staged_chain_every_round_sends_the_last_token_again() {
    let mut desk = Desk::begun(staged(config()), 21);
    desk.draft_only(&[22, 23]);
    let pass = desk.pass();
    assert_eq!((pass.base, pass.tokens, pass.drafts), (Position(3), ids(&[21, 22, 23]), 2));
    assert_eq!(pass.prefix, hash(&[11, 12, 13]).check());
}

#[test]
fn verdicts_that_answer_nothing_asked_now_change_nothing() {
    let mut desk = Desk::begun(config(), 21);
    desk.verdict(3, &[], 0, &[21]).unwrap(); // repeated, while the shell drafts
    let pass = desk.draft(&[22]);
    desk.verdict(3, &[], 0, &[21]).unwrap(); // repeated, while a round is in flight
    desk.verdict(6, &[], 0, &[77]).unwrap(); // ahead of the log
    let stale = Verdict { epoch: Epoch(0), ..plain(pass.base, 1, &[66]) };
    desk.drafter.handle_verdict(desk.now, &stale).unwrap();
    assert_eq!(desk.generated(), [21]);
    assert!(desk.events().is_empty() && desk.passes().is_empty());
    desk.verdict(4, &[], 1, &[23]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23]);
}

#[test]
fn verdicts_that_judge_what_was_not_sent_are_the_peers_fault() {
    for (accepted, tokens, why) in
        [(4, &[9][..], "more accepted than drafted"), (3, &[9, 9], "more tokens than asked for")]
    {
        let mut desk = Desk::begun(config(), 21);
        let _ = desk.draft(&[22, 23, 24]);
        let outcome = desk.verdict(4, &[], accepted, tokens);
        assert!(matches!(outcome, Err(PeerMisbehaved::VerdictShape { .. })), "{why}: {outcome:?}");
        assert_eq!(desk.generated(), [21], "{why}");
    }
    let mut desk = Desk::begun(config(), 21);
    let _ = desk.draft(&[22]);
    let mut early = Verdict { epoch: Epoch(2), ..plain(Position(4), 0, &[9]) };
    let outcome = desk.drafter.handle_verdict(desk.now, &early);
    assert!(matches!(outcome, Err(PeerMisbehaved::FutureEpoch { .. })));
    early.epoch = Epoch(1);
    desk.drafter.handle_verdict(desk.now, &early).unwrap();
}

#[test]
fn a_long_prompt_goes_in_chunks_of_which_only_the_last_asks() {
    let prompt: Vec<u32> = (1..=18).collect();
    let long = DrafterConfig { prompt: ids(&prompt), ..config() };
    let mut desk = Desk::opened(long);
    let shapes: Vec<_> =
        desk.passes().iter().map(|pass| (pass.base.0, pass.tokens.len(), pass.ask)).collect();
    assert_eq!(shapes, [(0, 8, false), (8, 8, false), (16, 2, true)]);
}

#[test]
fn the_chunk_before_the_first_said_token_leaves_it_a_settled_row() {
    // Eight settled tokens fill a pass exactly; the ninth was said alone.
    let prompt: Vec<u32> = (1..=8).collect();
    let mut desk = Desk::new(DrafterConfig { prompt: ids(&prompt), ..config() });
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[31, 32]);
    desk.drafter.handle_link_back(desk.now);
    desk.open(0, PrefixHash::EMPTY);
    let passes = desk.passes();
    let shapes: Vec<_> =
        passes.iter().map(|pass| (pass.tokens.len(), pass.said, pass.ask)).collect();
    assert_eq!(shapes, [(7, 0, false), (3, 2, true)]);
}

#[test]
fn a_gap_is_answered_in_a_new_epoch_from_what_is_held() {
    let mut desk = Desk::begun(config(), 21);
    let _ = desk.draft(&[22, 23]);
    desk.fault(FaultKind::Gap { held: Position(2), prefix: hash(&[11, 12]) }, None);
    let Some(Message::Pass(pass)) = desk.drafter.poll_transmit() else { panic!("no replay") };
    assert_eq!((pass.epoch, pass.base, pass.tokens), (Epoch(2), Position(2), ids(&[13, 21])));
    assert_eq!(desk.drafter.poll_transmit(), None, "drafts wait until the target has answered");
    // A second word about the same gap is of an old epoch.
    let stale = Fault::on_session(
        Epoch(1),
        FaultKind::Gap { held: Position(0), prefix: PrefixHash::EMPTY },
        "",
    );
    desk.drafter.handle_fault(desk.now, &stale);
    assert!(desk.passes().is_empty());
    desk.verdict(4, &[], 0, &[22]).unwrap();
    let Some(Message::Draft(drafts)) = desk.drafter.poll_transmit() else { panic!("no drafts") };
    assert_eq!((drafts.epoch, drafts.base, drafts.tokens), (Epoch(2), Position(5), ids(&[23])));
}

#[test]
fn a_chain_that_only_ever_reports_gaps_is_given_up() {
    let mut desk = Desk::opened(config());
    for _ in 0..=GAPS_MAX {
        assert!(!desk.drafter.is_alone());
        desk.fault(FaultKind::Gap { held: Position(0), prefix: PrefixHash::EMPTY }, None);
    }
    assert!(desk.drafter.is_alone());
}

#[test]
fn a_refusal_with_a_time_is_asked_again_at_that_time() {
    let mut desk = Desk::new(config());
    let _ = desk.drafter.poll_transmit();
    desk.fault(FaultKind::Overloaded, Some(700));
    assert!(desk.drafter.is_alone());
    let at = desk.now + Duration::from_millis(700);
    assert_eq!(desk.drafter.poll_timeout(), Some((at, DrafterTimer::Retry)));
    desk.drafter.handle_timeout(at - Duration::from_millis(1));
    assert_eq!(desk.drafter.poll_transmit(), None);
    desk.drafter.handle_timeout(at);
    let Some(Message::Open(open)) = desk.drafter.poll_transmit() else { panic!("no open") };
    assert_eq!(open.epoch, Epoch(2));
}

#[test]
fn blame_decides_what_the_device_does() {
    for (kind, alone, retries, finished) in [
        (FaultKind::Unavailable, true, true, None),
        (FaultKind::Overloaded, true, true, None),
        (FaultKind::PeerMisbehaved, true, false, None),
        (FaultKind::PeerIncompatible, true, false, None),
        (FaultKind::Corrupt, true, false, None),
        (FaultKind::Rejected, false, false, Some(FinishReason::Rejected)),
    ] {
        let mut desk = Desk::new(config());
        desk.fault(kind, None);
        assert_eq!(desk.drafter.is_alone(), alone, "{kind:?}");
        assert_eq!(desk.drafter.poll_timeout().is_some(), retries, "{kind:?}");
        assert_eq!(desk.drafter.finished(), finished, "{kind:?}");
    }
}

#[test]
fn an_end_token_ends_the_text_and_the_target_is_told_where() {
    let mut desk = Desk::begun(config(), 21);
    assert_eq!(desk.draft(&[22, END.0, 24]).tokens, ids(&[22, END.0]));
    desk.verdict(4, &[], 2, &[25]).unwrap();
    assert_eq!(desk.generated(), [21, 22, END.0]);
    assert_eq!(desk.drafter.finished(), Some(FinishReason::End));
    let told = Rollback { epoch: Epoch(2), to: Position(6) };
    assert_eq!(desk.drafter.poll_transmit(), Some(Message::Rollback(told)));
    assert_eq!(desk.drafter.newest_epoch(), Epoch(2));
}

#[test]
fn tokens_max_and_positions_max_bound_text_and_drafts() {
    for limited in [
        DrafterConfig { tokens_max: 3, ..config() },
        DrafterConfig { positions_max: 6, ..config() },
    ] {
        let mut desk = Desk::opened(limited);
        let _ = desk.passes();
        desk.verdict(3, &[], 0, &[21]).unwrap();
        let chunk = desk.draft(&[22, 23, 24]);
        assert_eq!(chunk.tokens, ids(&[22]), "more than there is room for is not wanted");
        desk.verdict(4, &[], 1, &[23]).unwrap();
        assert_eq!(desk.generated(), [21, 22, 23]);
        assert_eq!(desk.drafter.finished(), Some(FinishReason::Length));
    }
    let none = Desk::new(DrafterConfig { tokens_max: 0, ..config() });
    assert_eq!(none.drafter.finished(), Some(FinishReason::Length));
}

#[test]
fn a_stop_ends_at_once_and_what_comes_later_is_dropped() {
    let mut desk = Desk::begun(config(), 21);
    let _ = desk.draft(&[22]);
    desk.drafter.stop(desk.now);
    desk.verdict(4, &[], 1, &[23]).unwrap();
    desk.say(&[24]);
    desk.drafter.stop(desk.now);
    assert_eq!(desk.events(), [DrafterEvent::Finished(FinishReason::Stopped)]);
    assert_eq!(desk.generated(), [21]);
}

#[test]
fn a_request_that_ends_alone_keeps_its_marks_and_sends_nothing() {
    let mut desk = Desk::begun(config(), 21);
    desk.drafter.handle_link_lost(desk.now);
    desk.say(&[22, END.0, 23]);
    assert_eq!(desk.drafter.log().verified(), [true, false, false]);
    desk.drafter.handle_link_back(desk.now);
    assert_eq!(desk.drafter.poll_transmit(), None);
}

fn remote() -> DrafterConfig {
    let route = Route { draft_length: DraftLength::NONE, window: 0, extend: 8, ..route() };
    DrafterConfig { route, tokens_max: 30, ..config() }
}

#[test]
fn the_target_may_say_more_before_it_has_said_half() {
    let mut desk = Desk::opened(remote());
    assert_eq!(desk.pass().extend, 8);
    desk.verdict(3, &[], 0, &[21]).unwrap();
    desk.verdict(4, &[], 0, &[22, 23]).unwrap();
    assert!(desk.passes().is_empty(), "five of eight are left");
    desk.verdict(6, &[], 0, &[24]).unwrap();
    let pass = desk.pass();
    assert_eq!((pass.base, pass.extend, pass.ask), (Position(7), 8, false));
    assert!(pass.tokens.is_empty());
    assert_eq!(desk.generated(), [21, 22, 23, 24]);
}

#[test]
fn the_target_is_never_asked_past_the_requests_length() {
    let mut desk = Desk::opened(DrafterConfig { tokens_max: 6, ..remote() });
    assert_eq!(desk.pass().extend, 6);
    desk.verdict(3, &[], 0, &[21, 22, 23, 24, 25]).unwrap();
    assert!(desk.passes().is_empty());
}

#[test]
fn a_repeated_word_must_be_the_same_word() {
    let mut desk = Desk::opened(remote());
    desk.verdict(3, &[], 0, &[21, 22]).unwrap();
    desk.verdict(4, &[], 0, &[22, 23]).unwrap();
    assert_eq!(desk.generated(), [21, 22, 23]);
    let outcome = desk.verdict(5, &[], 0, &[99, 24]);
    assert!(matches!(outcome, Err(PeerMisbehaved::Contradiction { at: Position(5), .. })));
    let outcome = desk.verdict(6, &[], 0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(matches!(outcome, Err(PeerMisbehaved::VerdictShape { .. })), "past its leave");
}

#[test]
fn what_is_not_answered_is_sent_again() {
    let wait = Duration::from_millis(50);
    let mut desk = Desk::new(DrafterConfig { retransmit: Some(wait), ..remote() });
    let open = desk.drafter.poll_transmit();
    desk.now += wait;
    desk.drafter.handle_timeout(desk.now);
    assert_eq!(desk.drafter.poll_transmit(), open);
    desk.drafter
        .handle_opened(
            desk.now,
            &Opened { epoch: Epoch(1), held: Position(0), prefix: PrefixHash::EMPTY, passes: 0 },
        )
        .unwrap();
    let pass = desk.pass();
    desk.now += wait;
    desk.drafter.handle_timeout(desk.now);
    assert_eq!(desk.pass(), pass);
    desk.verdict(3, &[], 0, &[21]).unwrap();
    desk.now += wait;
    desk.drafter.handle_timeout(desk.now);
    let again = desk.pass();
    assert_eq!((again.base, again.ask, again.tokens.len()), (Position(4), true, 0));
    assert_eq!(again.epoch, Epoch(2), "what comes late answers nothing any more");
}

#[test]
fn passes_are_counted_over_a_restart_of_the_target() {
    let mut desk = Desk::begun(config(), 21);
    assert_eq!(desk.drafter.counts().target_passes, 1);
    desk.drafter.note_passes(5);
    desk.drafter.note_passes(0);
    desk.drafter.note_passes(2);
    assert_eq!(desk.drafter.counts().target_passes, 7);
}
