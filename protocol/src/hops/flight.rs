//! Passes on their way through a stage: queued, running, or sent up and waiting for a verdict.

use crate::{Pass, limits};
use base::Position;
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
        self.running = Some(Running { from: pass.base, pass: Some(pass) });
    }

    /// Where the running pass began.
    pub(super) fn running_from(&self) -> Position {
        self.running.as_ref().expect("the shell answers a work that it was given").from
    }

    /// The running pass is done, and waits for its verdict from now on. `None` where it is void.
    pub(super) fn ran(&mut self) -> Option<Pass> {
        let running = self.running.take().expect("the shell answers a work that it was given");
        self.waiting.extend(running.pass.as_ref().map(|pass| pass.base));
        running.pass
    }

    /// A verdict speaks of the position `at`: it answers every pass that began before.
    pub(super) fn answered(&mut self, at: Position) {
        self.waiting.retain(|base| *base >= at);
    }

    /// Nothing in flight is wanted any more.
    pub(super) fn void(&mut self) {
        self.queue.clear();
        self.waiting.clear();
        self.running.iter_mut().for_each(|running| running.pass = None);
    }
}
