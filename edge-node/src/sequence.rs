//! One sequence through one stage of a model: keeps KV equal to a text that grows and is cut.

use crate::generate::PASS_ROWS_MAX;
use crate::segments::Brought;
use base::{LayerRange, Position, TokenId};
use runtime::{
    BLOCK_SLOTS, ForwardError, Input, KvOptions, KvPool, Pool, PoolError, Segment, SegmentError,
    SegmentFormat, SegmentKey, SequenceId, Span, SpanOutput, Stage,
};
use runtime::{LoadError, ModelFile, StageSpec};
use settings::Pace;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use transport::clock;

/// Rows of one forward pass while catching up: enough to be efficient, few enough to be cheap to
/// hold.
const CHUNK_ROWS: usize = 128;

/// Rows of a pass that tells what a row costs in one of many.
const MANY_ROWS: usize = 16;

/// A stage, its KV, and the tokens that the KV stands for.
#[derive(Debug)]
pub(crate) struct StageSequence {
    stage: Arc<Stage>,
    pool: KvPool,
    kv: KvOptions,
    sequence: SequenceId,
    /// All of the text, also where the KV has forgotten some of it.
    held: Vec<TokenId>,
    pace: Pace,
    /// What the emulated machine would still be busy with.
    owed: Duration,
    /// What a row of the last pass of many took.
    row_time: Option<Duration>,
}

/// A stage that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    /// Its weights.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its KV.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

impl StageSequence {
    /// Loads the part `spec` of `model` with KV for one sequence of `positions_max`, kept as `kv` says.
    ///
    /// # Errors
    ///
    /// [`SequenceError`] where weights are missing or memory is short.
    pub(crate) fn load(
        model: &ModelFile,
        spec: StageSpec,
        threads: &Arc<Pool>,
        positions_max: u32,
        kv: &KvOptions,
        pace: Pace,
    ) -> Result<Self, SequenceError> {
        Self::over(Arc::new(model.load_stage(spec, threads)?), positions_max, kv, pace)
    }

    /// The same with a part that is loaded already, and that others may run as well.
    ///
    /// # Errors
    ///
    /// [`SequenceError`] where memory is short.
    pub(crate) fn over(
        stage: Arc<Stage>,
        positions_max: u32,
        kv: &KvOptions,
        pace: Pace,
    ) -> Result<Self, SequenceError> {
        let rows_max = CHUNK_ROWS.max(PASS_ROWS_MAX);
        let bound = stage.kv_bytes(kv, positions_max as usize, rows_max);
        let mut pool = stage.new_pool_of(bound)?;
        let sequence = pool.open(kv);
        let (kv, held, owed, row_time) = (*kv, Vec::new(), Duration::ZERO, None);
        Ok(Self { stage, pool, kv, sequence, held, pace, owed, row_time })
    }

    /// Runs `text[from..]`, after whatever of `text[..from]` the KV lacks, and gives the output of
    /// these rows: hidden states, or the logits of the last row where the stage has the head.
    ///
    /// # Errors
    ///
    /// [`ForwardError`] where the text is past the model's context or holds tokens it does not know.
    ///
    /// # Panics
    ///
    /// Where `from` is not before the text's end.
    pub(crate) fn run(
        &mut self,
        text: &[TokenId],
        from: usize,
    ) -> Result<SpanOutput, ForwardError> {
        assert!(from < text.len(), "there is at least one row to run");
        let held = self.adopt(&text[..from]);
        // A few rows more cost little more than one; another pass would read all weights again.
        if self.stage.spec().head && text.len() - held <= CHUNK_ROWS {
            return self.pass(&text[held..]);
        }
        self.catch_up(&text[..from])?;
        self.pass(&text[from..])
    }

    /// As [`Self::run`], with the logits of each row of `text[from..]`, `[T, V]`, where the stage has the
    /// head.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    ///
    /// # Panics
    ///
    /// Where these rows are none, or more than a pass takes.
    pub(crate) fn run_each(
        &mut self,
        text: &[TokenId],
        from: usize,
    ) -> Result<SpanOutput, ForwardError> {
        assert!((1..=CHUNK_ROWS).contains(&(text.len() - from)), "the rows of one pass");
        self.catch_up(&text[..from])?;
        self.pass_of(&text[from..], 0..text.len() - from)
    }

    /// Makes the KV that of `text`: drops what differs, runs what is missing; all of it, where a
    /// window has passed over what stands before the difference.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) fn catch_up(&mut self, text: &[TokenId]) -> Result<(), ForwardError> {
        let same = self.adopt(text);
        for chunk in text[same..].chunks(CHUNK_ROWS) {
            self.pass(chunk)?;
        }
        Ok(())
    }

    /// Runs one chunk of what the KV lacks of `text`, where that is more than one: others may have the machine in
    /// between. Whether it was.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) fn approach(&mut self, text: &[TokenId]) -> Result<bool, ForwardError> {
        let held = self.adopt(text);
        let is_far = text.len() - held > CHUNK_ROWS;
        if is_far {
            self.pass(&text[held..held + CHUNK_ROWS])?;
        }
        Ok(is_far)
    }

    /// The segments, in `format`, of the whole blocks of `text` that the KV lacks and the pool has not got
    /// either, by block; none where it shares none.
    pub(crate) fn lacking(&self, text: &[TokenId], format: SegmentFormat) -> Vec<(usize, Segment)> {
        let same = self.held.iter().zip(text).take_while(|(held, token)| held == token).count();
        let Some(segments) = self.stage.segments(&self.kv, text) else { return Vec::new() };
        let layers = self.stage.spec().layers;
        let of = |block| Some((block, segments.at(block, layers, format).ok()?));
        let lacking = (same / BLOCK_SLOTS..segments.blocks()).filter_map(of);
        lacking.filter(|(_, segment)| !self.pool.has_segment(segment)).collect()
    }

    /// What it runs.
    pub(crate) fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Logits of a row, where the stage has the head.
    pub(crate) fn vocab(&self) -> usize {
        self.stage.config().vocab
    }

    /// The layers that it runs, and how many the model has.
    pub(crate) fn layers(&self) -> (LayerRange, u32) {
        (self.stage.spec().layers, self.stage.config().layers)
    }

    /// How long it takes for a row of many, without what is emulated, once it had to run so many.
    pub(crate) const fn row_time(&self) -> Option<Duration> {
        self.row_time
    }

    /// Whether its pool has `segment`, or better.
    pub(crate) fn has(&self, segment: &Segment) -> bool {
        self.pool.has_segment(segment)
    }

    /// The exact segments of the whole blocks of `text` that the pool has, but for those that are `kept`
    /// already: what each is called, and its bytes.
    pub(crate) fn known(
        &mut self,
        text: &[TokenId],
        kept: impl FnOnce(&[SegmentKey]) -> Vec<bool>,
    ) -> Vec<(SegmentKey, Vec<u8>)> {
        let Some(segments) = self.stage.segments(&self.kv, text) else { return Vec::new() };
        let layers = self.stage.spec().layers;
        let of = |block| segments.at(block, layers, SegmentFormat::Exact).ok();
        let all: Vec<_> = (0..segments.blocks()).filter_map(of).collect();
        let keys: Vec<_> = all.iter().map(Segment::key).collect();
        let kept = kept(&keys);
        let new = all.iter().zip(keys).zip(kept).filter(|(_, kept)| !kept);
        new.filter_map(|((segment, key), _)| Some((key, self.pool.export(segment)?))).collect()
    }

    /// Takes in what another node has computed; [`Self::adopt`] then finds it. How many segments were good.
    pub(crate) fn take_all(&mut self, brought: &[Brought]) -> usize {
        let taken =
            brought.iter().map(|Brought { segment, bytes }| self.pool.import(segment, bytes));
        let is_good = |taken: Result<_, SegmentError>| match taken {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%error, "a segment is of no use");
                false
            }
        };
        taken.filter(|taken| is_good(*taken)).count()
    }

    /// Makes the KV that of the beginning of `text`, as far as it is known without running any of it. How
    /// many tokens that is.
    pub(crate) fn adopt(&mut self, text: &[TokenId]) -> usize {
        let held = self.cut_to(text);
        let layers = self.stage.spec().layers;
        let known = self.pool.adopt_known(self.sequence, layers, &text[held..]);
        self.held.extend(&text[held..held + known]);
        self.held.len()
    }

    /// Runs the next rows of `text`, up to the end of a block and `most` of them. How many are held then.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub(crate) fn advance(&mut self, text: &[TokenId], most: usize) -> Result<usize, ForwardError> {
        let held = self.cut_to(text);
        let end = text.len().min(held + most).min((held / BLOCK_SLOTS + 1) * BLOCK_SLOTS);
        if held < end {
            self.pass(&text[held..end])?;
        }
        Ok(self.held.len())
    }

    /// Drops what differs from `text`. How many of its tokens are held then.
    fn cut_to(&mut self, text: &[TokenId]) -> usize {
        let same = self.held.iter().zip(text).take_while(|(held, token)| held == token).count();
        let same = match self.pool.truncate(self.sequence, Position::after(same)) {
            Ok(()) => same,
            Err(_) => {
                let emptied = self.pool.truncate(self.sequence, Position(0));
                emptied.expect("a sequence can always be emptied");
                0
            }
        };
        self.held.truncate(same);
        same
    }

    /// How many positions the KV holds.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// How much longer the passes since the last call would have taken on the emulated machine.
    /// Whoever uses their results waits for so long, which costs no thread.
    pub(crate) fn take_owed(&mut self) -> Duration {
        std::mem::take(&mut self.owed)
    }

    fn pass(&mut self, rows: &[TokenId]) -> Result<SpanOutput, ForwardError> {
        self.pass_of(rows, rows.len() - 1..rows.len())
    }

    fn pass_of(
        &mut self,
        rows: &[TokenId],
        logits: Range<usize>,
    ) -> Result<SpanOutput, ForwardError> {
        let (started, run) = (clock::now(), self.pool.counts().run);
        let span = Span {
            sequence: self.sequence,
            base: Position::after(self.held.len()),
            input: Input::Tokens(rows),
            logits,
        };
        let outputs = self.stage.forward(self.stage.spec(), &[span], &mut self.pool)?;
        self.held.extend(rows);
        let run = usize::try_from(self.pool.counts().run - run).unwrap_or(usize::MAX);
        let (layers, all) = (self.stage.spec().layers, self.stage.config().layers);
        let took = clock::now() - started;
        self.owed += self.pace.pass(run, layers, all).saturating_sub(took);
        if run >= MANY_ROWS {
            self.row_time = Some(took / u32::try_from(run).unwrap_or(u32::MAX));
        }
        Ok(outputs.into_iter().next().expect("one span gives one output"))
    }
}

#[cfg(test)]
mod tests;
