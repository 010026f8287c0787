//! Passes of a stage that are timed, behind texts of known length.

use crate::MeasureError;
use crate::part::Part;
use base::{ByteCount, Position, TokenId};
use runtime::{Input, KvOptions, KvPool, SequenceId, Span, Stage};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows of one pass while a sequence is brought to its length, which is not timed.
const FILL_ROWS: usize = 128;

/// A stage, and for each part that is timed a sequence that its pass continues.
pub(crate) struct Passes<'a> {
    stage: &'a Stage,
    pool: KvPool,
    /// By length, through all layers.
    behind: BTreeMap<u32, SequenceId>,
    /// Of passes through the first layer alone, or through none.
    others: SequenceId,
    /// Hidden states `[T, D]` of as many rows as any pass has.
    hidden: Vec<f32>,
    tokens: Vec<TokenId>,
}

impl<'a> Passes<'a> {
    /// Makes the sequences that `parts` continue.
    pub(crate) fn new(
        stage: &'a Stage,
        kv: &KvOptions,
        parts: &[Part],
    ) -> Result<Self, MeasureError> {
        let rows = parts.iter().map(|part| part.rows()).max().unwrap_or(1).max(1) as usize;
        let rows = rows.max(FILL_ROWS);
        let mut longest: BTreeMap<u32, u32> = BTreeMap::new();
        for part in parts.iter().filter(|part| matches!(part, Part::Layers { .. })) {
            let most = longest.entry(part.context()).or_default();
            *most = (*most).max(part.rows());
        }
        let room =
            |(context, most): (&u32, &u32)| stage.kv_bytes(kv, (context + most) as usize, rows);
        let bound: ByteCount = longest.iter().map(room).sum();
        let mut pool = stage.new_pool_of(bound + stage.kv_bytes(kv, rows, rows))?;
        let others = pool.open(kv);
        let width = stage.config().width;
        let hidden = (0..rows * width).map(|at| noise(at as u64)).collect();
        let tokens = (0..rows).map(|at| token(at as u64, stage.config().vocab)).collect();
        let mut passes = Self { stage, pool, behind: BTreeMap::new(), others, hidden, tokens };
        for context in longest.into_keys() {
            let sequence = passes.pool.open(kv);
            passes.fill(sequence, context as usize)?;
            passes.behind.insert(context, sequence);
        }
        Ok(passes)
    }

    /// How long the pass of `part` takes. Sequences are as long afterwards as they were before.
    pub(crate) fn time(&mut self, part: Part) -> Result<Duration, MeasureError> {
        let sequence = match part {
            Part::Layers { context, .. } => self.behind[&context],
            Part::OneLayer | Part::Embedding { .. } | Part::Head { .. } => self.others,
        };
        let time = self.pass(part, sequence, part.rows() as usize)?;
        self.pool.truncate(sequence, Position(part.context()))?;
        Ok(time)
    }

    fn fill(&mut self, sequence: SequenceId, length: usize) -> Result<(), MeasureError> {
        let mut left = length;
        while left > 0 {
            let rows = left.min(FILL_ROWS);
            self.pass(Part::Layers { rows: 0, context: 0 }, sequence, rows)?;
            left -= rows;
        }
        Ok(())
    }

    fn pass(
        &mut self,
        part: Part,
        sequence: SequenceId,
        rows: usize,
    ) -> Result<Duration, MeasureError> {
        let run = part.run(self.stage.spec(), self.stage.config().layers);
        let width = self.stage.config().width;
        let input = match run.embedding {
            true => Input::Tokens(&self.tokens[..rows]),
            false => Input::Hidden(&self.hidden[..rows * width]),
        };
        let base = Position::after(self.pool.len(sequence));
        let span = Span { sequence, base, input, logits: 0..rows };
        let started = Instant::now();
        self.stage.forward(run, &[span], &mut self.pool)?;
        Ok(started.elapsed())
    }
}

/// A value between -1 and 1.
fn noise(at: u64) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
    let unit = (scatter(at) >> 40) as f32 / (1 << 24) as f32;
    2.0 * unit - 1.0
}

fn token(at: u64, vocab: usize) -> TokenId {
    let token = scatter(at) % vocab as u64;
    TokenId(u32::try_from(token).expect("vocabularies are capped below 2^32 tokens"))
}

/// Well-mixed bits of `x`: the output function of SplitMix64 (Steele et al. 2014).
pub const fn scatter(x: u64) -> u64 {
    let mut z = x.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
