//! What is true after every step.

use super::super::model;
use super::World;
use crate::limits;

impl World {
    /// What is true after every step.
    pub(super) fn check(&mut self) {
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
        if let Some(hop) = &self.hop {
            assert!(hop.hops.in_flight() <= limits::PASSES_IN_FLIGHT_MAX);
        }
        let held = self.verifier.held().0;
        assert!(held <= limits::POSITIONS_MAX);
    }
}
