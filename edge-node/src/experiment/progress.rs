//! How far a sweep is, on standard error: a bar on a terminal, lines elsewhere.

use super::cell::Cell;
use super::sweep::FinishedRun;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Without a terminal a line is written when so much time has passed since the last one.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// So often the bar's times are written anew, for a run may take minutes.
const TICK: Duration = Duration::from_secs(1);

const TEMPLATE: &str = "{bar:30} {pos}/{len} runs, {elapsed} gone, {eta} left  {wide_msg}";

/// Counts runs.
#[derive(Debug)]
pub(super) struct Progress {
    runs: u64,
    done: u64,
    failed: u64,
    began: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of a sweep of `runs` runs, that begins now.
    pub(super) fn new(runs: u64) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("a template that we wrote");
            let bar = ProgressBar::new(runs).with_style(style);
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { runs, done: 0, failed: 0, began: now, said: now, bar }
    }

    /// A run begins.
    pub(super) fn begins(&self, cell: &Cell) {
        if let Some(bar) = &self.bar {
            bar.set_message(in_words(cell));
        }
    }

    /// A run is over.
    pub(super) fn ended(&mut self, cell: &Cell, run: &FinishedRun) {
        self.done += 1;
        if let Err(why) = &run.result {
            self.failed += 1;
            self.line(&format!("{} failed: {why}", in_words(cell)));
        }
        match &self.bar {
            Some(bar) => bar.inc(1),
            None if self.done == self.runs || self.said.elapsed() >= LINE_EVERY => {
                self.said = Instant::now();
                self.line(&stand(self.done, self.runs, self.failed, self.began.elapsed()));
            }
            None => {}
        }
    }

    /// Clears the bar.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // Where nobody reads it, the sweep goes on all the same.
            None => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
    }
}

/// A cell in a line.
fn in_words(cell: &Cell) -> String {
    let link = cell.link.as_ref().map(|link| link.label.clone());
    let draft = cell.draft.map(|draft| format!("drafts {draft}"));
    let source = cell.source.map(|source| source.to_string());
    let parts = [link, Some(cell.mode.to_string()), draft, source];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How far it is, and how long it takes if the rest is like what is done.
fn stand(done: u64, runs: u64, failed: u64, gone: Duration) -> String {
    let left = gone.mul_f64((runs - done) as f64 / done.max(1) as f64);
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let (gone, left) = (HumanDuration(gone), HumanDuration(left));
    format!("{done} of {runs} runs{failed}, {gone} gone, about {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let minute = Duration::from_secs(60);
        assert_eq!(stand(1, 4, 0, minute), "1 of 4 runs, 60 seconds gone, about 3 minutes left");
        let said = stand(4, 4, 2, minute);
        assert_eq!(said, "4 of 4 runs, 2 failed, 60 seconds gone, about 0 seconds left");
    }
}
