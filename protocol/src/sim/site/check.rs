//! What is true after every step.

use super::device::{Device, PASS_ROWS_MAX};
use super::node::{PASS, ROW};
use super::sky::{Link, Sky, ms};
use super::toy::{self, END};
use super::world::Site;
use crate::{AfterOutage, FinishReason, LinkHealthConfig, limits};
use std::time::Instant;

/// Answers that stand in each other's way: gaps, and the answer itself.
const EXCHANGES: u32 = 3;

impl Site {
    pub(super) fn check_device(&mut self, index: usize) {
        self.devices[index].check_text(&mut self.sky);
        self.check_silence(index);
    }

    /// While a request goes on something is shown, or what was shown is judged, at least this often, from
    /// the last mishap on:
    ///
    /// ```text
    ///   exchanges · (round trip over both hops + passes of a replay)     gaps, and the target's word
    /// + one word of the device's own, with all that it has to read for it
    /// + two deadlines of silence, and a dial                             a link that is lost, and a node
    /// ```
    fn check_silence(&self, index: usize) {
        let (device, now) = (&self.devices[index], self.sky.now);
        let Some(drafter) = &device.drafter else { return };
        let rows = drafter.log().len() + limits::DRAFTS_MAX;
        let [rows, passes] =
            [rows, rows.div_ceil(PASS_ROWS_MAX) + 1].map(|it| u32::try_from(it).unwrap());
        let trip = self.sky.links.iter().map(Link::trip).max().unwrap_or_default();
        let exchange = trip * 2 + (PASS * passes + ROW * rows) * 2;
        let LinkHealthConfig { deadline_ceiling, redial, .. } = LinkHealthConfig::default();
        let ends = self.mishaps.iter().map(|end| now.min(*end));
        let since = ends.fold(device.heard, Instant::max);
        let word = ms(15) + ms(2) * rows;
        let most = exchange * EXCHANGES + word + deadline_ceiling * 2 + redial + trip;
        let silent = now - since;
        if let Some(next) = &device.next {
            let ends = self.mishaps.iter().map(|end| now.min(*end));
            let reads = now - ends.fold(next.since, Instant::max);
            assert!(reads <= most * 2, "a plan's stages read for {reads:?}");
        }
        assert!(silent <= most, "device {index} shows nothing for {silent:?}, at most {most:?}");
    }
}

impl Device {
    /// No position is lost, doubled or out of order; what is verified is the target's word, and what is
    /// not a word of the device's own.
    fn check_text(&mut self, sky: &mut Sky) {
        let Some(drafter) = &self.drafter else { return };
        let (log, model) = (drafter.log(), self.whose.model);
        assert_eq!(log.generated(), self.shown, "the log is what was shown");
        assert_eq!(log.verified().len(), self.shown.len());
        let kept = self.marks.iter().zip(log.verified()).all(|(before, now)| *now || !before);
        assert!(kept, "a verified mark was lost");
        for (at, verified) in log.verified().iter().enumerate() {
            if self.marks.get(at) == Some(verified) {
                continue;
            }
            let text = &log.tokens()[..self.job.prompt.len() + at];
            let (token, right) = (log.generated()[at], sky.oracle.target(model, text));
            let own = !verified && token == toy::draft(text, right, self.job.accept);
            assert!(token == right || own, "{token:?} at {at} is nobody's, verified: {verified}");
        }
        self.marks = log.verified().to_vec();
        assert!(drafter.in_flight() <= limits::PASSES_IN_FLIGHT_MAX);
    }

    /// The text of a finished request is the target's as far as that has had its say.
    pub(super) fn check_end(&mut self, sky: &mut Sky) {
        self.check_text(sky);
        let drafter = self.drafter.as_ref().expect("it has just finished");
        let room = self.job.tokens_max as usize;
        let reference = sky.oracle.reference(self.whose.model, &self.job.prompt, room);
        let (shown, verified) = (&self.shown, drafter.log().verified());
        let vouched = verified.iter().take_while(|verified| **verified).count();
        assert_eq!(shown[..vouched], reference[..vouched], "the text is the target's own");
        if self.job.after_outage == AfterOutage::Revise {
            assert!(!verified[vouched..].contains(&true), "only the end is unverified");
        }
        if drafter.counts().failovers == 0 {
            assert_eq!(vouched, shown.len(), "nobody spoke but the target");
        }
        assert!(shown.iter().rev().skip(1).all(|token| *token != END), "on past the end");
        let ended = shown.last() == Some(&END);
        match drafter.finished().expect("it is over") {
            FinishReason::End => assert!(ended),
            FinishReason::Length => assert!(shown.len() == room && !ended),
            FinishReason::Stopped | FinishReason::Rejected => panic!("nobody stops or rejects"),
        }
    }
}
