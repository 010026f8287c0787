//! From the queue to the engine: which rows a pass needs, and when the target goes on alone.

use super::memory::Placed;
use super::question::{Purpose, Question, Running};
use super::{Verifier, Work, is_chunk};
use crate::verifier::HiddenRows;
use crate::{Fault, FaultKind, Hidden, Message, Pass, limits};
use base::{Position, TokenId};
use bytes::Bytes;
use std::cmp::Ordering;
use std::time::Instant;

impl Verifier {
    /// Answers `pass` from memory, or makes it the running work.
    pub(super) fn take_up(&mut self, now: Instant, pass: Pass, payload: Bytes) -> Option<Work> {
        let base = pass.base.index();
        let Some(text) = self.memory.place(base, pass.prefix, &pass.tokens) else {
            self.report_gap(base);
            return None;
        };
        if pass.tokens.is_empty() && !pass.ask {
            return None;
        }
        let rows = self.rows_of(&pass, payload);
        let spoken = self.spoken.take();
        let question = Question {
            base,
            from: base + pass.settled(),
            said: pass.said as usize,
            ask: pass.ask,
            told: pass.told,
            tip: text.tip,
            tokens: pass.tokens,
        };
        let work = self.work_for(now, question, &text, rows);
        if work.is_none() {
            // A pass that comes again, after later ones, takes nothing of what was said since back.
            self.spoken = self.spoken.max(spoken);
        }
        work
    }

    /// The same of a chunk of drafts, and of those that wait behind it and continue it.
    pub(super) fn take_up_chunk(
        &mut self,
        now: Instant,
        pass: Pass,
        payload: Bytes,
    ) -> Option<Work> {
        let base = pass.base.index();
        if let Some(tip) = self.abandoned.filter(|tip| tip.continues(base, pass.prefix)) {
            self.abandoned = Some(tip.after(&pass.tokens));
            return None;
        }
        // What is held from `spoken` on may be a branch that was contradicted.
        let placed = self.spoken.and_then(|spoken| match base.cmp(&spoken) {
            Ordering::Less => self.memory.place(base, pass.prefix, &pass.tokens),
            Ordering::Equal => self.memory.place_after_own(base, pass.prefix, &pass.tokens),
            Ordering::Greater => None,
        });
        let (Some(mut text), Some(spoken)) = (placed, self.spoken) else {
            self.report_gap(base);
            return None;
        };
        let rows = self.rows_of(&pass, payload);
        let mut tokens = pass.tokens;
        if pass.hidden.is_none() {
            self.join_chunks(&mut tokens, &mut text);
        }
        let end = base + tokens.len();
        let is_said = |at: usize| self.memory.choice(at) == text.get(at);
        if !(base..spoken.min(end)).all(is_said) {
            self.abandoned = Some(text.tip);
            return None;
        }
        // Rows of hidden states come once: they are run even where their tokens are known.
        if end < spoken || (end == spoken && pass.hidden.is_none()) {
            return None;
        }
        let (told, tip) = (false, text.tip);
        let question = Question { base, tokens, from: spoken, said: 0, ask: true, told, tip };
        self.work_for(now, question, &text, rows)
    }

    /// The hidden states that came with `pass`.
    fn rows_of(&self, pass: &Pass, payload: Bytes) -> Option<HiddenRows> {
        let Hidden { codec, width, .. } = pass.hidden?;
        let rows = if self.config.head_alone { pass.chosen_rows() } else { pass.tokens.len() };
        Some(HiddenRows { codec, width, rows, skip: 0, payload })
    }

    /// Takes the chunks out of the queue that continue `tokens`, as many as one verdict can judge.
    fn join_chunks(&mut self, tokens: &mut Vec<TokenId>, text: &mut Placed) {
        while let Some((next, _)) = self.queue.front() {
            let joins = is_chunk(next)
                && tokens.len() + next.tokens.len() <= limits::DRAFTS_MAX
                && text.tip.continues(next.base.index(), next.prefix);
            if !joins {
                return;
            }
            let (next, _) = self.queue.pop_front().expect("it was looked at");
            text.extend(&next.tokens, self.memory.held());
            tokens.extend(next.tokens);
        }
    }

    fn work_for(
        &mut self,
        now: Instant,
        question: Question,
        text: &Placed,
        rows: Option<HiddenRows>,
    ) -> Option<Work> {
        let (base, end) = (question.base, question.end());
        let unknown = if question.ask { self.first_unknown(&question, text.common) } else { None };
        if self.config.head_alone {
            return self.choose_alone(now, question, text, unknown, rows);
        }
        let start = match unknown {
            Some(position) => text.common.min(position - 1),
            None if question.ask || text.common >= end => {
                self.answer(now, &question, None);
                return None;
            }
            None => text.common,
        };
        if self.config.hidden.is_some() && start < base {
            self.report_gap(base);
            return None;
        }
        let tokens = text.rows_from(start, self.memory.held());
        let first = unknown.map_or(tokens.len(), |position| position - 1 - start);
        let work = Work {
            truncate_to: Position::after(start),
            hidden: rows.map(|rows| HiddenRows { skip: start - base, ..rows }),
            told: question.told,
            choose: first..tokens.len(),
            tokens,
        };
        self.run(&work, Purpose::Answer(question));
        Some(work)
    }

    /// The first position whose choice the verdict needs and memory lacks. Choices up to `common` are
    /// of the question's own text; a known miss ends the search.
    fn first_unknown(&self, question: &Question, common: usize) -> Option<usize> {
        let drafts_from = question.from + question.said;
        for position in question.from..=question.end() {
            let known = self.memory.choice(position).filter(|_| position <= common);
            let Some(choice) = known else { return Some(position) };
            let token = question.tokens.get(position - question.base);
            if position >= drafts_from && token != Some(&choice) {
                return None;
            }
        }
        None
    }

    /// One more row of the target's own text, unless drafts are worth waiting for.
    pub(super) fn go_on_alone(&mut self, now: Instant) -> Option<Work> {
        self.say_known(now, None);
        let (at, last) = self.next_row()?;
        if self.patience.waits(now) {
            return None;
        }
        let truncate_to = Position::after(at);
        let tokens = vec![last];
        let work = Work { truncate_to, tokens, hidden: None, told: false, choose: 0..1 };
        self.run(&work, Purpose::GoOn);
        Some(work)
    }

    /// The row that the target would go on with: its own last word, and where that stands.
    pub(super) fn next_row(&self) -> Option<(usize, TokenId)> {
        let spoken = self.spoken?;
        let at = spoken.checked_sub(1)?;
        let last = self.memory.choice(at)?;
        self.may_say(spoken, last).then_some((at, last))
    }

    pub(super) fn run(&mut self, work: &Work, purpose: Purpose) {
        let start = work.truncate_to.index();
        self.memory.put(start, &work.tokens);
        self.running = Some(Running {
            start,
            rows: work.tokens.len(),
            told: work.told,
            choose: work.choose.clone(),
            purpose: Some(purpose),
            outdated: false,
        });
    }

    pub(super) fn report_gap(&mut self, base: usize) {
        let (held, prefix) = self.memory.holds_up_to(base);
        let detail = format!("pass builds on {base} tokens, {held} of them are held");
        let kind = FaultKind::Gap { held, prefix };
        let fault = Fault::on_session(self.epoch(), kind, &detail);
        self.outbox.push_back(Message::Fault(fault));
    }
}
