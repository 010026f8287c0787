//! A told pass on its way through a stage: its rows are taken from KV that is known here, and it goes on
//! as it came.

use super::{HopWork, Hops};
use crate::{FaultKind, Frame, Message, Pass};
use base::Position;

impl Hops {
    /// The work of a told `pass`, which builds on what is held. `None` where all of it is held: it went
    /// up.
    pub(super) fn look_up(&mut self, pass: Pass) -> Option<HopWork> {
        let (base, end) = (pass.base.index(), pass.end().index());
        let from = base + self.held.agreement(base, &pass.tokens);
        let tokens = pass.tokens[from - base..].to_vec();
        self.held.truncate(from);
        self.held.extend(&tokens);
        self.drafts_from = end;
        let truncate_to = Position::after(from);
        self.flight.look_up(pass, truncate_to);
        if tokens.is_empty() {
            self.pass_on();
            return None;
        }
        Some(HopWork { truncate_to, tokens, hidden: None, told: true, leaving: 0 })
    }

    /// The shell took the first `rows` of a told work from KV that it knows. All of them: the pass goes
    /// up, for the stages there to do the same. Fewer: below is told what is held, and sends the rest.
    ///
    /// # Panics
    ///
    /// Where no told work is running, or it has fewer rows.
    pub fn handle_known(&mut self, rows: usize) {
        let (from, end) = self.flight.looked_up();
        assert!(from + rows <= end, "{rows} rows are known of {}", end - from);
        if from + rows == end {
            return self.pass_on();
        }
        self.held.truncate(from + rows);
        if self.flight.ran().is_some() {
            self.flight.void();
            let held = self.held.end();
            let prefix = self.held.hash(held.index()).expect("every held prefix has its hash");
            let detail = format!("of the {end} tokens that a told pass ends at, {held} are known");
            self.fault(FaultKind::Gap { held, prefix }, &detail, None);
        }
    }

    pub(super) fn pass_on(&mut self) {
        if let Some(pass) = self.flight.ran() {
            self.outbox.push_back((self.config.onward(), Frame::from(Message::Pass(pass))));
        }
    }
}
