//! What is true after every step.

use super::super::model;
use super::super::scenario::{Fate, Scenario, ms};
use super::super::setup::rows_max;
use super::World;
use crate::{Fault, LinkHealthConfig, limits};
use std::time::Duration;

/// Answers that stand in each other's way: a gap where the KV of either node has forgotten, and the
/// answer itself.
const EXCHANGES: u32 = 3;

/// Tries of an exchange over a link that loses: a quarter each way leaves 1 of 10^8 unanswered.
const TRIES: u32 = 32;

impl World {
    /// What is true after every step.
    pub(super) fn check(&mut self) {
        self.check_text();
        self.check_queues();
        self.check_silence();
    }

    /// No position is lost, doubled or out of order, and what is verified is the target's word.
    fn check_text(&mut self) {
        let log = self.drafter.log();
        assert_eq!(log.generated(), self.shown, "the log is what was shown");
        assert_eq!(log.verified().len(), self.shown.len());
        let kept = self.marks.iter().zip(log.verified()).all(|(before, now)| *now || !before);
        assert!(kept, "a verified mark was lost");
        let prompt = self.scenario.prompt.len();
        for (i, verified) in log.verified().iter().enumerate().filter(|(_, verified)| **verified) {
            if self.marks.get(i) != Some(verified) {
                let said = model::target(&log.tokens()[..prompt + i]);
                assert_eq!(log.generated()[i], said, "verified at {i} is not the target's");
            }
        }
        self.marks = log.verified().to_vec();
    }

    /// What is shown from `from` on without the target's word is what the device's own model says
    /// there, and no draft that was looked up.
    pub(super) fn check_own(&self, from: usize) {
        let text = self.drafter.log().tokens();
        for at in from..self.scenario.prompt.len() + self.shown.len() {
            let own = self.own_word(&text[..at]);
            assert_eq!(text[at], own, "unverified at {at} is not the device's own");
        }
    }

    /// Where nothing is lost, late, forgotten or struck by fate, nobody has a fault to report: drafts
    /// that the target has contradicted are none.
    pub(super) fn check_fault(&self, fault: &Fault) {
        let Scenario { reach, fates, weather, .. } = &self.scenario;
        let struck = fates.iter().any(|(_, fate)| !matches!(fate, Fate::Switch(_)));
        let calm = weather.is_reliable() && reach.is_none() && !struck;
        assert!(!calm, "{fault:?} on a calm day");
    }

    /// Nobody holds more than the limits say.
    fn check_queues(&self) {
        let most = limits::PASSES_IN_FLIGHT_MAX;
        assert!(self.drafter.in_flight() <= most, "{} in flight", self.drafter.in_flight());
        let window = self.window_max;
        assert!(self.drafter.ahead().count() <= window, "more drafts than the window takes");
        assert!(self.verifier.waiting() <= most, "{} passes wait", self.verifier.waiting());
        let in_flight = self.hop.as_ref().map_or(0, |hop| hop.hops.in_flight());
        assert!(in_flight <= most, "the middle stage holds {in_flight} passes");
        assert!(self.verifier.held().0 <= self.scenario.positions_max);
    }

    /// While the request goes on something is shown, or what was shown is judged, at least this often:
    ///
    /// ```text
    ///   exchanges · (round trip + passes of a replay)     the target's word, or gaps and then it
    /// + drafting of a window                              before a round asks
    /// + tries · time until it is asked again              on links that lose
    /// + one word of the device's own
    /// + for each mishap meanwhile: the deadline of silence, an exchange, and the node's farewell
    /// ```
    fn check_silence(&self) {
        if self.drafter.finished().is_some() {
            return;
        }
        let scenario = &self.scenario;
        let exchange = self.exchange();
        let window = u32::try_from(self.window_max).unwrap();
        let again = scenario.weather.retransmit().map_or(Duration::ZERO, |again| again * TRIES);
        let deadline = LinkHealthConfig::default().deadline_ceiling;
        let mishaps = (deadline + exchange + ms(20)) * self.mishaps_since_heard();
        let most = exchange * EXCHANGES
            + scenario.speed.draft * window
            + again
            + scenario.speed.word
            + mishaps;
        let silent = self.now - self.heard;
        assert!(silent <= most, "nothing is shown for {silent:?}, at most {most:?} was due");
    }

    /// A round trip, and the passes that bring a node up to date that holds nothing.
    fn exchange(&self) -> Duration {
        let scenario = &self.scenario;
        let rows = self.drafter.log().len() + limits::DRAFTS_MAX;
        let passes = rows.div_ceil(rows_max(scenario)) + 1;
        let [rows, passes] = [rows, passes].map(|count| u32::try_from(count).unwrap());
        let hops = if scenario.hop { 2 } else { 1 };
        let trip = (scenario.weather.delay + scenario.weather.jitter) * 2 * hops;
        let speed = scenario.speed;
        trip + (speed.pass + ms(3) * hops) * passes + speed.row * rows
    }

    /// Mishaps that may explain a silence: each may be felt a deadline later.
    fn mishaps_since_heard(&self) -> u32 {
        let slack = LinkHealthConfig::default().deadline_ceiling;
        let felt = self.scenario.fates.iter().filter(|(at, fate)| {
            let length = match fate {
                Fate::Cut(length) | Fate::Refuse(length) => *length,
                Fate::Restart
                | Fate::RestartUpstream
                | Fate::Move
                | Fate::Switch(_)
                | Fate::Stop => Duration::ZERO,
            };
            let from = self.dawn + *at;
            from <= self.now && from + length + slack >= self.heard
        });
        u32::try_from(felt.count()).unwrap()
    }
}
