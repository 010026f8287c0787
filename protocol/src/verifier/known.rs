//! What becomes of a told pass: its rows are taken from KV that is known, or the device sends them.

use super::Verifier;
use super::question::Purpose;
use crate::{Fault, FaultKind, Message};
use std::time::Instant;

impl Verifier {
    /// The shell took the first `rows` of a told work from KV that it knows. All of them: they are
    /// acknowledged like any others, and count as no pass. Fewer: the device is told what is held, and
    /// sends the rest.
    ///
    /// # Panics
    ///
    /// Where no told work is running, or it has fewer rows.
    pub fn handle_known(&mut self, now: Instant, rows: usize) {
        let running = self.running.take().expect("the shell answers a work that it was given");
        assert!(running.told, "only a told work asks what is known");
        assert!(rows <= running.rows, "{rows} rows are known of {}", running.rows);
        let all = rows == running.rows;
        if !all {
            self.memory.truncate(running.start + rows);
        }
        match running.purpose {
            Some(Purpose::Answer(question)) if all => self.answer(now, &question, None),
            Some(Purpose::Answer(question)) => {
                self.void();
                self.report_unknown(question.end());
            }
            Some(Purpose::GoOn) | None => {}
        }
    }

    fn report_unknown(&mut self, end: usize) {
        let (held, prefix) = self.memory.holds_up_to(end);
        let detail = format!("of the {end} tokens that a told pass ends at, {held} are known");
        let kind = FaultKind::Gap { held, prefix };
        self.outbox.push_back(Message::Fault(Fault::on_session(self.epoch(), kind, &detail)));
    }
}
