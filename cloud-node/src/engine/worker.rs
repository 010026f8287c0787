//! The engine's worker: takes jobs, runs batches, answers.
//!
//! While it waits for a pass to have taken as long as its pace says, it takes up nothing else: it then
//! stands for a machine that is busy.

use crate::config::EngineOptions;
use crate::engine::batcher::{Batcher, SequenceKey, Slice};
use crate::engine::errand::{Errand, Hold};
use crate::engine::load::Load;
use crate::engine::{Done, EngineError, Request, Rows, Submitted};
use crate::store::{Completed, Outlet};
use base::{Allowed, LayerRange, Position};
use runtime::{
    ForwardError, Input, KvPool, SegmentFormat, SegmentKey, SequenceId, Span, SpanOutput, Stage,
    StageSpec,
};
use settings::Pace;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use transport::clock;

/// Everything that only the worker touches.
pub(super) struct Worker {
    stage: Stage,
    pool: KvPool,
    open: BTreeMap<SequenceKey, SequenceId>,
    batcher: Batcher<StageSpec, Running>,
    pace: Pace,
    load: Arc<Load>,
    requests: mpsc::Receiver<Request>,
    closes: mpsc::UnboundedReceiver<SequenceKey>,
    /// Those that wait for a job of their sequence.
    errands: VecDeque<Errand>,
    /// Where completed blocks go.
    outlet: Option<Outlet>,
}

/// A job whose rows are being run.
#[derive(Debug)]
struct Running {
    submitted: Submitted,
    seated: bool,
    done: Done,
}

/// A forward pass that gave nothing.
enum PassError {
    Refused(ForwardError),
    Panicked,
}

impl From<PassError> for EngineError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Refused(error) => Self::Forward(error),
            PassError::Panicked => Self::Panicked,
        }
    }
}

impl Worker {
    pub(super) fn new(
        stage: Stage,
        pool: KvPool,
        options: EngineOptions,
        load: Arc<Load>,
        requests: mpsc::Receiver<Request>,
        closes: mpsc::UnboundedReceiver<SequenceKey>,
    ) -> Self {
        let batcher = Batcher::new(options.batch_rows_max);
        let (open, errands, pace) = (BTreeMap::new(), VecDeque::new(), options.pace);
        Self { stage, pool, open, batcher, pace, load, requests, closes, errands, outlet: None }
    }

    /// The same, with somewhere to put completed blocks.
    pub(super) fn keeping(mut self, outlet: Option<Outlet>) -> Self {
        if outlet.is_some() {
            self.pool.note_what_is_completed();
        }
        Self { outlet, ..self }
    }

    /// Runs until nobody can hand in jobs any more.
    pub(super) async fn run(mut self) {
        loop {
            if self.batcher.is_empty() {
                match self.requests.recv().await {
                    Some(request) => self.take_in(request),
                    None => return,
                }
            }
            while let Ok(request) = self.requests.try_recv() {
                self.take_in(request);
            }
            while let Ok(key) = self.closes.try_recv() {
                self.close(key);
            }
            self.step().await;
            self.put_out();
            self.run_errands();
            self.load.leave(&self.pool);
        }
    }

    fn take_in(&mut self, request: Request) {
        match request {
            Request::Job(submitted) => self.queue(submitted),
            Request::Errand(errand) => {
                self.errands.push_back(errand);
                self.run_errands();
            }
        }
    }

    /// Copies of the blocks that were completed, as far as there is room for them.
    fn put_out(&mut self) {
        let Some(outlet) = &self.outlet else { return };
        for (text, layers) in self.pool.take_completed() {
            // Behind one that is missing nobody looks for the next.
            let Ok(room) = outlet.try_reserve() else { return };
            let bytes = self.pool.export_named(text, layers, SegmentFormat::Exact);
            if let Some(bytes) = bytes {
                let key = SegmentKey::of(text, layers, SegmentFormat::Exact);
                room.send(Completed { key, bytes });
            }
        }
    }

    /// Runs the errands whose sequence has no job any more.
    fn run_errands(&mut self) {
        for errand in std::mem::take(&mut self.errands) {
            if errand.after.is_some_and(|sequence| self.batcher.has(sequence)) {
                self.errands.push_back(errand);
                continue;
            }
            let mut hold = Hold { pool: &mut self.pool, open: &mut self.open };
            // Who waits for it learns that it came to nothing.
            if catch_unwind(AssertUnwindSafe(|| errand.run(&mut hold))).is_err() {
                tracing::error!("an errand between two passes panicked");
            }
        }
    }

    fn queue(&mut self, submitted: Submitted) {
        let (key, run) = (submitted.job.sequence.key, submitted.job.run);
        let rows = submitted.job.rows.count(self.stage.config().width);
        if rows == 0 {
            // Its answer is of no use to anyone who is gone.
            let _ = submitted.answer.send(Ok(Done::default()));
            return;
        }
        let running = Running { submitted, seated: false, done: Done::default() };
        self.batcher.push(key, run, rows, running);
    }

    /// One batch, less the jobs that nobody waits for and those that do not fit what is held.
    async fn step(&mut self) {
        let Some(batch) = self.batcher.next_batch() else { return };
        let mut slices = batch.slices;
        slices.retain(|slice| self.seat(slice.sequence));
        if !slices.is_empty() {
            self.load.begin(slices.iter().map(|slice| slice.sequence));
            self.pass(batch.run, &slices).await;
        }
    }

    /// Runs slices whose sequences are ready for them.
    async fn pass(&mut self, run: StageSpec, slices: &[Slice]) {
        let (started, rows) = (clock::now(), self.pool.counts().run);
        let outputs = self.forward(run, slices);
        self.pace(started, self.pool.counts().run - rows, run.layers, slices).await;
        let took = self.took(started, slices);
        match outputs {
            Ok(outputs) => self.take_all(slices, outputs, took),
            Err(PassError::Refused(ForwardError::Abandoned)) => self.give_up(slices),
            // Nobody knows yet whose rows were at fault.
            Err(_) if slices.len() > 1 => {
                for slice in slices {
                    self.run_alone(run, slice);
                }
            }
            Err(error) => self.fail(slices[0].sequence, error.into()),
        }
    }

    fn run_alone(&mut self, run: StageSpec, slice: &Slice) {
        self.truncate(slice.sequence, slice.rows.start);
        let (started, slices) = (clock::now(), std::slice::from_ref(slice));
        let outputs = self.forward(run, slices);
        let took = self.took(started, slices);
        match outputs {
            Ok(outputs) => self.take_all(slices, outputs, took),
            Err(PassError::Refused(ForwardError::Abandoned)) => self.give_up(slices),
            Err(error) => self.fail(slice.sequence, error.into()),
        }
    }

    /// How long a pass of `slices` that ends now took; counts it.
    fn took(&self, started: Instant, slices: &[Slice]) -> Duration {
        let took = clock::now() - started;
        // Before anyone is answered: who then asks what was run finds it.
        self.load.leave(&self.pool);
        self.load.ran(slices.iter().map(|slice| slice.rows.len()).sum(), took);
        took
    }

    /// Makes a job's sequence ready for its first row. Whether it can run now.
    fn seat(&mut self, key: SequenceKey) -> bool {
        if self.batcher.job(key).submitted.answer.is_closed() {
            self.batcher.abandon(key);
            return false;
        }
        if self.batcher.job(key).seated {
            return true;
        }
        let job = &self.batcher.job(key).submitted.job;
        let options = &job.sequence.options;
        let id = *self.open.entry(key).or_insert_with(|| self.pool.open(options));
        let (base, held) = (job.base, self.pool.len(id));
        // A run without layers leaves no KV behind, so there is none before it either.
        if held < base.index() && !job.run.layers.is_empty() {
            self.fail(key, EngineError::Gap { base, held });
            return false;
        }
        if let Err(error) = self.pool.truncate(id, base) {
            tracing::debug!(%error, "a rollback past what a window leaves");
            // Which drops the rest as well.
            self.fail(key, EngineError::Gap { base, held: 0 });
            return false;
        }
        self.batcher.job_mut(key).seated = true;
        true
    }

    fn forward(&mut self, run: StageSpec, slices: &[Slice]) -> Result<Vec<SpanOutput>, PassError> {
        let width = self.stage.config().width;
        let (batcher, open) = (&self.batcher, &self.open);
        let spans: Vec<Span<'_>> = slices
            .iter()
            .map(|slice| batcher.job(slice.sequence).span(open[&slice.sequence], slice, width))
            .collect();
        let waits = |slice: &Slice| !batcher.job(slice.sequence).submitted.answer.is_closed();
        let wanted = || slices.iter().any(waits);
        let (stage, pool) = (&self.stage, &mut self.pool);
        // What a panic leaves behind in the pool is truncated before anyone sees it.
        let pass =
            catch_unwind(AssertUnwindSafe(|| stage.forward_while(run, &spans, pool, &wanted)));
        pass.map_err(|_| PassError::Panicked)?.map_err(PassError::Refused)
    }

    /// Takes as long as an emulated machine would, to the next millisecond of tokio's timers; it would
    /// stop early too where nobody waits for any of the jobs.
    async fn pace(&mut self, started: Instant, rows: u64, run: LayerRange, slices: &[Slice]) {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let until = started + self.pace.pass(rows, run, self.stage.config().layers);
        if until <= clock::now() {
            return;
        }
        let abandoned = async {
            for slice in slices {
                self.batcher.job_mut(slice.sequence).submitted.answer.closed().await;
            }
        };
        tokio::select! {
            biased;
            () = abandoned => {}
            () = clock::reached(Some((until, ()))) => {}
        }
    }

    fn take_all(&mut self, slices: &[Slice], outputs: Vec<SpanOutput>, took: Duration) {
        for (slice, output) in slices.iter().zip(outputs) {
            self.tell_text(slice);
            let running = self.batcher.job_mut(slice.sequence);
            running.done.took += took;
            if let Err(error) = running.take(slice, output, &self.stage) {
                self.fail(slice.sequence, error);
            } else if let Some(running) = self.batcher.advance(slice) {
                // A receiver that is gone has no use for it.
                let _ = running.submitted.answer.send(Ok(running.done));
            }
        }
    }

    /// Says whose KV the rows of a slice are that came as hidden states.
    fn tell_text(&mut self, slice: &Slice) {
        let job = &self.batcher.job(slice.sequence).submitted.job;
        if let (Rows::Hidden { tokens, .. }, false) = (&job.rows, job.run.layers.is_empty()) {
            self.pool.tell_text(self.open[&slice.sequence], &tokens[slice.rows.clone()]);
        }
    }

    /// Drops jobs that nobody waits for. Their KV ends before the pass.
    fn give_up(&mut self, slices: &[Slice]) {
        for slice in slices {
            self.batcher.abandon(slice.sequence);
        }
    }

    /// Answers the first job of a sequence with an error and drops what it left behind.
    fn fail(&mut self, key: SequenceKey, error: EngineError) {
        tracing::warn!(%error, "a job failed");
        self.truncate(key, 0);
        let running = self.batcher.abandon(key);
        // A receiver that is gone has no use for it.
        let _ = running.submitted.answer.send(Err(error));
    }

    /// Drops the KV from `row` of the sequence's first job on; all of it, where a window has passed
    /// over what that row sees.
    fn truncate(&mut self, key: SequenceKey, row: usize) {
        let to = Position::after(self.batcher.job(key).submitted.job.base.index() + row);
        let Some(id) = self.open.get(&key) else { return };
        if self.pool.truncate(*id, to).is_err() {
            let cut = self.pool.truncate(*id, Position(0));
            cut.expect("a sequence can always be emptied");
        }
    }

    fn close(&mut self, key: SequenceKey) {
        if let Some(id) = self.open.remove(&key) {
            self.pool.close(id);
        }
    }
}

impl Running {
    /// The part of the job that a slice names.
    fn span(&self, sequence: SequenceId, slice: &Slice, width: usize) -> Span<'_> {
        let job = &self.submitted.job;
        let rows = slice.rows.clone();
        let input = match &job.rows {
            Rows::Tokens(tokens) => Input::Tokens(&tokens[rows.clone()]),
            Rows::Hidden { values, .. } => {
                Input::Hidden(&values[rows.start * width..rows.end * width])
            }
        };
        let base = Position::after(job.base.index() + rows.start);
        Span { sequence, base, input, logits: self.chosen_rows(slice) }
    }

    /// The rows of a slice whose tokens are wanted, counted from its first.
    fn chosen_rows(&self, slice: &Slice) -> Range<usize> {
        let Some(choose) = &self.submitted.job.choose else { return 0..0 };
        let start = choose.rows.start.clamp(slice.rows.start, slice.rows.end);
        let end = choose.rows.end.clamp(start, slice.rows.end);
        start - slice.rows.start..end - slice.rows.start
    }

    fn take(
        &mut self,
        slice: &Slice,
        output: SpanOutput,
        stage: &Stage,
    ) -> Result<(), EngineError> {
        match output {
            SpanOutput::Hidden(values) => self.done.hidden.extend(values),
            SpanOutput::Logits(logits) => {
                let first = slice.rows.start + self.chosen_rows(slice).start;
                let Some(choose) = &self.submitted.job.choose else { return Ok(()) };
                let base = self.submitted.job.base.index();
                for (row, logits) in logits.chunks_exact(stage.config().vocab).enumerate() {
                    // The row at position p says what stands at p + 1.
                    let at = Position::after(base + first + row + 1);
                    let allowed = choose.allowed.get(first + row - choose.rows.start);
                    let allowed = allowed.unwrap_or(&Allowed::Any);
                    let token = stage
                        .choose(logits, allowed, &choose.sampling, at)
                        .map_err(|source| EngineError::Sample { at, source })?;
                    self.done.chosen.push(token);
                    if let Some(top) = choose.likelihoods {
                        let likelihoods = stage.likelihoods(logits, allowed, token, top);
                        self.done.likelihoods.push(likelihoods);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
