//! Passes on their way through a stage: queued, running, or sent up and waiting for a verdict.

use crate::branch::Tip;
use crate::{Pass, limits};
use base::{Position, TokenId};
use bytes::Bytes;
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Flight {
    queue: VecDeque<(Pass, Bytes)>,
    running: Option<Running>,
    /// Where each pass that went up begins; all are of the current epoch.
    waiting: Vec<Position>,
}

#[derive(Debug)]
struct Running {
    from: Position,
    /// Where a told pass ends, whose rows from `from` on are looked for and not run.
    told_to: Option<Position>,
    /// `None` where it became void meanwhile.
    pass: Option<Pass>,
}

impl Flight {
    pub(super) fn len(&self) -> usize {
        let running = self.running.iter().filter(|running| running.pass.is_some()).count();
        self.queue.len() + running + self.waiting.len()
    }

    /// Queues `pass`. A repeated one takes the place of the one it repeats: it is not counted twice.
    /// `false` where there are too many.
    pub(super) fn admit(&mut self, pass: Pass, payload: Bytes) -> bool {
        let running = self.running.as_ref().and_then(|running| running.pass.as_ref());
        if running == Some(&pass) || self.queue.iter().any(|(queued, _)| *queued == pass) {
            return true;
        }
        self.waiting.retain(|base| *base != pass.base);
        if self.len() >= limits::PASSES_IN_FLIGHT_MAX {
            return false;
        }
        self.queue.push_back((pass, payload));
        true
    }

    /// The next pass to run; `None` while one runs.
    pub(super) fn next(&mut self) -> Option<(Pass, Bytes)> {
        if self.running.is_some() { None } else { self.queue.pop_front() }
    }

    pub(super) fn run(&mut self, pass: Pass) {
        self.running = Some(Running { from: pass.base, told_to: None, pass: Some(pass) });
    }

    /// A told pass, of whose rows those from `from` on are looked for.
    pub(super) fn look_up(&mut self, pass: Pass, from: Position) {
        self.running = Some(Running { from, told_to: Some(pass.end()), pass: Some(pass) });
    }

    /// The rows that are looked for: from where to where.
    pub(super) fn looked_up(&self) -> (usize, usize) {
        let running = self.running.as_ref().expect("the shell answers a work that it was given");
        let end = running.told_to.expect("only a told work asks what is known");
        (running.from.index(), end.index())
    }

    /// Where the running pass began.
    pub(super) fn running_from(&self) -> Position {
        self.running.as_ref().expect("the shell answers a work that it was given").from
    }

    /// Where the running pass began, if it became void.
    pub(super) fn void_from(&self) -> Option<Position> {
        let void = self.running.as_ref().filter(|running| running.pass.is_none())?;
        Some(void.from)
    }

    /// The running pass is done, and waits for its verdict from now on. `None` where it is void.
    pub(super) fn ran(&mut self) -> Option<Pass> {
        let running = self.running.take().expect("the shell answers a work that it was given");
        self.waiting.extend(running.pass.as_ref().map(|pass| pass.base));
        running.pass
    }

    /// The running pass will not be done.
    pub(super) fn give_up(&mut self) {
        self.running = None;
    }

    /// A verdict speaks of the position `at`: it answers every pass that began before.
    pub(super) fn answered(&mut self, at: Position) {
        self.waiting.retain(|base| *base >= at);
    }

    /// Drops what builds on another token at `at` than `own`: all of the queue that continues the held
    /// text, which ends at `tip`, where that one `differs` there, else from the pass on that does. The
    /// end of the branch, where there was one.
    pub(super) fn leave(
        &mut self,
        mut tip: Tip,
        mut differs: bool,
        at: usize,
        own: TokenId,
    ) -> Option<Tip> {
        let in_held = differs;
        self.queue.retain(|(pass, _)| {
            let base = pass.base.index();
            if !tip.continues(base, pass.prefix) {
                return true;
            }
            tip = tip.after(&pass.tokens);
            let drafts_from = pass.end().index() - pass.drafts as usize;
            let draft = at.checked_sub(base).and_then(|row| pass.tokens.get(row));
            differs |= at >= drafts_from && draft.is_some_and(|draft| *draft != own);
            !differs
        });
        if in_held {
            self.waiting.retain(|base| base.index() < at);
            let running = self.running.iter_mut();
            running.filter(|running| running.from.index() >= at).for_each(|r| r.pass = None);
        }
        differs.then_some(tip)
    }

    /// Nothing in flight is wanted any more.
    pub(super) fn void(&mut self) {
        self.queue.clear();
        self.waiting.clear();
        self.running.iter_mut().for_each(|running| running.pass = None);
    }
}
