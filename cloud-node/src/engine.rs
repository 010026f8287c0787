//! The one place where a node computes: a worker that owns the model stage and the KV pool, and runs
//! the jobs of all sessions in ragged batches.
//!
//! ```text
//!   session tasks ──Job──▶ bounded channel ──▶ worker: batcher ─▶ forward ─▶ sampler
//!        ▲                                       │
//!        └────────── Done, by a oneshot ◀────────┘
//! ```
//!
//! The worker has a thread of its own, or is a task under a paused clock ([`RunsOn`]).
//!
//! # Invariants
//!
//! - **Nobody else touches the pool.** A session holds a [`Sequence`]; when the last clone of it is
//!   gone, its KV is.
//! - **Jobs fail alone.** A batch that fails or panics is run again job by job; only the job that
//!   fails alone is answered with an error.
//! - **What nobody waits for ends with the layer that it is at**, and leaves no KV behind.
//! - The engine knows no peer, no message and no session.

mod batcher;
mod errand;
mod load;
mod worker;

pub(crate) use errand::Hold;
pub(crate) use load::{Passes, PoolReading};

use crate::config::{EngineOptions, RunsOn};
use crate::store::Outlet;
use base::{Allowed, ByteCount, LayerRange, Likelihoods, Position, Sampling, TokenId};
use batcher::SequenceKey;
use errand::Errand;
use grammar::GuideError;
use load::Load;
use runtime::sampler::SampleError;
use runtime::{
    ForwardError, KvOptions, Pool, PoolError, SegmentFormat, Segments, Stage, StageSpec,
};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use worker::Worker;

/// Jobs and errands on their way to the worker. It takes them out before every batch, so this only
/// bounds what piles up during one.
const REQUESTS_WAITING_MAX: usize = 256;

/// Where jobs are handed in. Dropping the last clone of its `Arc` ends the worker.
#[derive(Debug)]
pub(crate) struct Engine {
    stage: Stage,
    runs_on: RunsOn,
    rows_max: usize,
    bound: ByteCount,
    requests: mpsc::Sender<Request>,
    closes: mpsc::UnboundedSender<SequenceKey>,
    sequences: AtomicU64,
    load: Arc<Load>,
}

/// A sequence of the KV pool. The worker opens it with its first job.
#[derive(Debug)]
pub(crate) struct Sequence {
    key: SequenceKey,
    options: KvOptions,
    closes: mpsc::UnboundedSender<SequenceKey>,
}

/// Rows to run through layers.
#[derive(Debug)]
pub(crate) struct Job {
    /// Whose KV the rows see and extend.
    pub(crate) sequence: Arc<Sequence>,
    /// Through which layers, and whether from tokens and to logits.
    pub(crate) run: StageSpec,
    /// Position of the first row. KV from here on is dropped first.
    pub(crate) base: Position,
    /// The rows.
    pub(crate) rows: Rows,
    /// Which tokens to choose; where `run` has the head.
    pub(crate) choose: Option<Choose>,
}

/// What goes into the first layer of a run.
#[derive(Debug)]
pub(crate) enum Rows {
    /// `[T]`, for a run that has the embedding.
    Tokens(Vec<TokenId>),
    /// For one that has not.
    Hidden {
        /// `[T, D]`.
        values: Vec<f32>,
        /// `[T]`, of which text they are the states: so that others find the KV.
        tokens: Vec<TokenId>,
    },
}

/// The target's choice after some rows of a job.
#[derive(Debug, Clone)]
pub(crate) struct Choose {
    /// The rows, counted from the job's first.
    pub(crate) rows: Range<usize>,
    /// Which tokens may follow each of them; after those that it says nothing of, any.
    pub(crate) allowed: Vec<Allowed>,
    /// How to choose.
    pub(crate) sampling: Sampling,
    /// Whether to say how likely each token was, with so many of the likeliest.
    pub(crate) likelihoods: Option<usize>,
}

/// What a job gave.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// One token a row of [`Choose::rows`].
    pub(crate) chosen: Vec<TokenId>,
    /// How likely each was, where [`Choose::likelihoods`] asks.
    pub(crate) likelihoods: Vec<Likelihoods>,
    /// `[T, D]`, where the run has no head.
    pub(crate) hidden: Vec<f32>,
    /// How long the forward passes took that rows of this job were in, by tokio's clock.
    pub(crate) took: Duration,
}

/// A job that gave nothing. The sequence's KV ends before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// Rows that do not follow what is held; or rows so far back that a window has passed over what
    /// they see, and nothing is held any more.
    #[error("rows from position {base} on, where KV of {held} positions is held")]
    Gap {
        /// Of the first row.
        base: Position,
        /// How many positions the pool holds.
        held: usize,
    },
    /// The forward pass refuses the rows.
    #[error("the forward pass refuses the rows")]
    Forward(#[source] ForwardError),
    /// The logits cannot be sampled.
    #[error("no token can be chosen at position {at}")]
    Sample {
        /// The position of the token.
        at: Position,
        /// Why.
        source: SampleError,
    },
    /// Nobody can say which tokens may be chosen. The job was not taken up.
    #[error(transparent)]
    Guide(#[from] GuideError),
    /// A defect of ours.
    #[error("the forward pass panicked")]
    Panicked,
    /// The worker has ended.
    #[error("the engine has stopped")]
    Stopped,
}

/// An engine that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineStartError {
    /// There is no memory for the KV pool.
    #[error("cannot make the KV pool; lower limits.kv_tokens_max")]
    Pool(#[source] PoolError),
    /// The system gives no threads.
    #[error("cannot start {threads} compute threads")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread, or no timer for it.
    #[error("cannot start the engine's thread")]
    Thread(#[source] io::Error),
}

/// What is handed in.
#[derive(Debug)]
enum Request {
    Job(Submitted),
    Errand(Errand),
}

/// A job and where its answer goes.
#[derive(Debug)]
struct Submitted {
    job: Job,
    answer: oneshot::Sender<Result<Done, EngineError>>,
}

/// The threads that a stage's passes run on; the engine's own is one of them.
///
/// # Errors
///
/// [`EngineStartError::Threads`].
pub(crate) fn threads(options: &EngineOptions) -> Result<Arc<Pool>, EngineStartError> {
    let threads = options.threads;
    let pool = Pool::new(threads);
    pool.map(Arc::new).map_err(|source| EngineStartError::Threads { threads, source })
}

impl Engine {
    /// Starts the worker on `stage` with KV for `tokens` positions in half precision; a copy of each
    /// block that is completed goes into `outlet`, while there is room. Must be called within a tokio
    /// runtime where `options` say [`RunsOn::Runtime`].
    ///
    /// # Errors
    ///
    /// [`EngineStartError`] where the system gives no memory or no thread.
    pub(crate) fn start(
        stage: Stage,
        tokens: usize,
        options: EngineOptions,
        outlet: Option<Outlet>,
    ) -> Result<Arc<Self>, EngineStartError> {
        let bound = stage.kv_bytes(&KvOptions::default(), tokens, 0);
        let kv = stage.new_pool_of(bound).map_err(EngineStartError::Pool)?;
        let (requests, requests_in) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (closes, closes_in) = mpsc::unbounded_channel();
        let load = Arc::<Load>::default();
        let worker =
            Worker::new(stage.clone(), kv, options, Arc::clone(&load), requests_in, closes_in);
        let worker = worker.keeping(outlet);
        match options.runs_on {
            RunsOn::OwnThread => on_a_thread(worker).map_err(EngineStartError::Thread)?,
            RunsOn::Runtime => drop(tokio::spawn(worker.run())),
        }
        let (rows_max, sequences) = (options.batch_rows_max, AtomicU64::new(0));
        let runs_on = options.runs_on;
        Ok(Arc::new(Self { stage, runs_on, rows_max, bound, requests, closes, sequences, load }))
    }

    /// A sequence that holds nothing yet.
    pub(crate) fn open(&self, options: KvOptions) -> Arc<Sequence> {
        let key = self.sequences.fetch_add(1, Ordering::Relaxed);
        Arc::new(Sequence { key, options, closes: self.closes.clone() })
    }

    /// What the segments of `text` are called, in sequences with these `options`; `None` where nothing is
    /// shared.
    pub(crate) fn segments(&self, options: &KvOptions, text: &[TokenId]) -> Option<Segments> {
        self.stage.segments(options, text)
    }

    /// Of a block's `exact` KV in the layers `of` the segment in `layers` and `format`; `None` where these
    /// are not among them, or it is no block. Made beside passes.
    pub(crate) async fn part_of_block(
        &self,
        exact: Vec<u8>,
        of: LayerRange,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Option<Vec<u8>> {
        let stage = self.stage.clone();
        let make = move || stage.part_of_block(&exact, of, layers, format);
        self.runs_on.aside(make).await.flatten()
    }

    /// Does what takes a while beside passes; `None` where it panicked, or the runtime ended first.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.runs_on.aside(act).await
    }

    /// The most bytes of KV that a sequence of `positions` takes.
    pub(crate) fn kv_bytes(&self, options: &KvOptions, positions: u32) -> ByteCount {
        self.stage.kv_bytes(options, positions as usize, self.rows_max)
    }

    /// The most bytes of KV that all sequences take.
    pub(crate) const fn bound(&self) -> ByteCount {
        self.bound
    }

    /// How long its forward passes took so far, by tokio's clock, with what their pace adds.
    pub(crate) fn busy(&self) -> Duration {
        self.load.busy()
    }

    /// How many forward passes it has run.
    pub(crate) fn passes_run(&self) -> u64 {
        self.load.passes_run()
    }

    /// How its forward passes are distributed.
    pub(crate) fn passes(&self) -> &Passes {
        self.load.passes()
    }

    /// The KV pool, as it is between two passes.
    pub(crate) fn pool(&self) -> PoolReading {
        self.load.pool()
    }

    /// How many jobs wait or run.
    pub(crate) fn jobs(&self) -> usize {
        self.load.waiting()
    }

    /// Whether others want the engine as well: another sequence had rows in the last batch, or has a
    /// job that waits.
    pub(crate) fn is_crowded_for(&self, sequence: &Sequence) -> bool {
        self.load.is_crowded_for(sequence.key)
    }

    /// Runs a job. Dropping the future abandons it: before its next batch, or before the next layer
    /// where nobody waits for the other jobs of its batch either.
    ///
    /// # Errors
    ///
    /// [`EngineError`]: the sequence's KV then ends before the job, or earlier.
    pub(crate) async fn run(&self, job: Job) -> Result<Done, EngineError> {
        let _waits = self.load.hand_in(job.sequence.key);
        let (answer, done) = oneshot::channel();
        let submitted = self.requests.send(Request::Job(Submitted { job, answer })).await;
        submitted.map_err(|_| EngineError::Stopped)?;
        done.await.unwrap_or(Err(EngineError::Stopped))
    }
}

/// Runs a worker to its end on a thread of its own. Its timers are its own as well: it outlives the
/// runtime of the server by the pass that it is at.
fn on_a_thread(worker: Worker) -> io::Result<()> {
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let thread = std::thread::Builder::new().name("engine".to_owned());
    thread.spawn(move || timers.block_on(worker.run())).map(drop)
}

impl Sequence {
    /// How its KV is kept.
    pub(crate) const fn options(&self) -> &KvOptions {
        &self.options
    }
}

/// Jobs hold clones, so no job of a closed sequence is left.
impl Drop for Sequence {
    fn drop(&mut self) {
        // A worker that has ended holds no KV.
        let _ = self.closes.send(self.key);
    }
}

impl Rows {
    /// How many rows, each of `width` values where they are hidden states.
    fn count(&self, width: usize) -> usize {
        match self {
            Self::Tokens(tokens) => tokens.len(),
            Self::Hidden { values, .. } => values.len() / width,
        }
    }
}

#[cfg(test)]
mod tests;
