//! A head without layers before it. All that it has to hold of a text is the text, and of a pass it reads
//! only the rows that it chooses from.

use super::memory::Placed;
use super::question::{Purpose, Question};
use super::{HiddenRows, Verifier, Work};
use base::{Position, TokenId};
use std::time::Instant;

impl Verifier {
    /// The text is `text`, for all that the head has to hold of one.
    ///
    /// # Panics
    ///
    /// Where the stage has layers: those have to run a text.
    pub fn know(&mut self, text: &[TokenId]) {
        assert!(self.config.head_alone, "layers have to run a text");
        let same = self.memory.held().agreement(0, text);
        self.memory.put(same, &text[same..]);
    }

    /// Answers a question, or makes a work of the rows from the one on whose choice is `unknown`.
    pub(super) fn choose_alone(
        &mut self,
        now: Instant,
        question: Question,
        text: &Placed,
        unknown: Option<usize>,
        rows: Option<HiddenRows>,
    ) -> Option<Work> {
        let end = question.end();
        let Some(start) = unknown.map(|position| position - 1) else {
            if !question.ask && text.common < end {
                let new = text.rows_from(text.common, self.memory.held());
                self.memory.put(text.common, &new);
            }
            self.answer(now, &question, None);
            return None;
        };
        let skip = rows.as_ref().and_then(|rows| start.checked_sub(end - rows.rows));
        let (Some(rows), Some(skip)) = (rows, skip) else {
            self.report_gap(question.base);
            return None;
        };
        let common = text.common.min(start);
        let new = text.rows_from(common, self.memory.held());
        let (known, tokens) = new.split_at(start - common);
        self.memory.put(common, known);
        let work = Work {
            truncate_to: Position::after(start),
            hidden: Some(HiddenRows { skip, ..rows }),
            told: false,
            choose: 0..tokens.len(),
            tokens: tokens.to_vec(),
        };
        self.run(&work, Purpose::Answer(question));
        Some(work)
    }
}
