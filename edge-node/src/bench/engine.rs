//! The model under measurement: sequences of known lengths, and passes that continue them.

use super::figures::{Figure, Series, session_length};
use base::{ByteCount, Position, TokenId};
use measure::scatter;
use runtime::{Input, KvOptions, KvPool, SequenceId, Span, Stage};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rows of one pass while a sequence is brought to its length, which is not measured.
const FILL_ROWS: usize = 128;

/// A loaded model, and for each context that figures begin at a sequence of that length.
#[derive(Debug)]
pub(super) struct Engine {
    stage: Stage,
    pool: KvPool,
    /// By length: of the figures with one sequence.
    alone: BTreeMap<usize, SequenceId>,
    /// Of the batches, which take as many of them as they need; each of a length of its own.
    sessions: Vec<SequenceId>,
}

/// A sequence that the figures need.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    length: usize,
    rows_max: usize,
}

impl Engine {
    /// Brings a sequence to each length that `series` begin at. Nothing is shared between them.
    pub(super) fn new(
        stage: Stage,
        options: &KvOptions,
        series: &[Series],
    ) -> anyhow::Result<Self> {
        let (alone, sessions) = wanted(series);
        let bytes = |wanted: &Wanted| {
            let (positions, rows) = (wanted.length + wanted.rows_max, wanted.rows_max);
            stage.kv_bytes(options, positions, rows.max(FILL_ROWS))
        };
        let bound = alone.values().chain(&sessions).map(bytes).sum();
        let pool = stage.new_pool_of(bound)?;
        let mut engine = Self { stage, pool, alone: BTreeMap::new(), sessions: Vec::new() };
        for length in alone.into_keys() {
            let sequence = engine.fill(options, length)?;
            engine.alone.insert(length, sequence);
        }
        for session in sessions {
            let sequence = engine.fill(options, session.length)?;
            engine.sessions.push(sequence);
        }
        Ok(engine)
    }

    /// How long `figure` takes. Sequences are as long afterwards as they were before.
    pub(super) fn time(&mut self, figure: Figure) -> anyhow::Result<Duration> {
        match figure {
            Figure::Prefill { rows } => self.continued(0, &[rows], rows - 1),
            Figure::Pass { rows, context } => self.continued(context, &[rows], 0),
            Figure::Decode { tokens, context } => self.continued(context, &vec![1; tokens], 0),
            Figure::Batch { sessions, .. } => self.batch(sessions),
        }
    }

    /// KV in use: as much as was needed so far.
    pub(super) fn kv_used(&self) -> ByteCount {
        self.pool.used()
    }

    /// Passes of so many rows each, from `context` on. Logits are wanted of the rows of each pass
    /// from `logits_from` on.
    fn continued(
        &mut self,
        context: usize,
        passes: &[usize],
        logits_from: usize,
    ) -> anyhow::Result<Duration> {
        let sequence = self.alone[&context];
        let text = self.text(context, passes.iter().sum());
        let mut rest = &text[..];
        let started = Instant::now();
        for rows in passes {
            let (tokens, others) = rest.split_at(*rows);
            self.pass(sequence, tokens, logits_from)?;
            rest = others;
        }
        let time = started.elapsed();
        self.pool.truncate(sequence, Position::after(context))?;
        Ok(time)
    }

    /// One row of each of the first `count` sessions.
    fn batch(&mut self, count: usize) -> anyhow::Result<Duration> {
        let sequences = self.sessions[..count].to_vec();
        let lengths: Vec<_> = sequences.iter().map(|s| self.pool.len(*s)).collect();
        let texts: Vec<_> = lengths.iter().map(|length| self.text(*length, 1)).collect();
        let spans = sequences.iter().zip(&lengths).zip(&texts);
        let spans: Vec<_> = spans.map(|((s, length), text)| span(*s, *length, text, 0)).collect();
        let started = Instant::now();
        self.stage.forward(self.stage.spec(), &spans, &mut self.pool)?;
        let time = started.elapsed();
        for (sequence, length) in sequences.iter().zip(lengths) {
            self.pool.truncate(*sequence, Position::after(length))?;
        }
        Ok(time)
    }

    fn fill(&mut self, options: &KvOptions, length: usize) -> anyhow::Result<SequenceId> {
        let sequence = self.pool.open(options);
        for chunk in self.text(0, length).chunks(FILL_ROWS) {
            self.pass(sequence, chunk, chunk.len())?;
        }
        Ok(sequence)
    }

    fn pass(
        &mut self,
        sequence: SequenceId,
        tokens: &[TokenId],
        logits_from: usize,
    ) -> anyhow::Result<()> {
        let length = self.pool.len(sequence);
        let span = span(sequence, length, tokens, logits_from);
        self.stage.forward(self.stage.spec(), &[span], &mut self.pool)?;
        Ok(())
    }

    /// `count` tokens, from position `from` on, of a text that is the same in every run.
    fn text(&self, from: usize, count: usize) -> Vec<TokenId> {
        let vocab = self.stage.config().vocab as u64;
        let token = |at: usize| {
            let token = scatter(at as u64) % vocab;
            TokenId(u32::try_from(token).expect("vocabularies are capped below 2^32 tokens"))
        };
        (from..from + count).map(token).collect()
    }
}

/// What figures with one sequence begin at, by length; and the sequences of the largest batch.
fn wanted(series: &[Series]) -> (BTreeMap<usize, Wanted>, Vec<Wanted>) {
    let mut alone: BTreeMap<usize, Wanted> = BTreeMap::new();
    let mut sessions = Vec::new();
    for Series { figure, .. } in series {
        let (length, rows) = match *figure {
            Figure::Prefill { rows } => (0, rows),
            Figure::Decode { tokens, context } => (context, tokens),
            Figure::Pass { rows, context } => (context, rows),
            Figure::Batch { sessions: count, context } => {
                let session = |at| Wanted { length: session_length(at, context), rows_max: 1 };
                sessions.extend((sessions.len()..count).map(session));
                continue;
            }
        };
        let entry = alone.entry(length).or_insert(Wanted { length, rows_max: 0 });
        entry.rows_max = entry.rows_max.max(rows);
    }
    (alone, sessions)
}

fn span(sequence: SequenceId, length: usize, tokens: &[TokenId], logits_from: usize) -> Span<'_> {
    Span {
        sequence,
        base: Position::after(length),
        input: Input::Tokens(tokens),
        logits: logits_from..tokens.len(),
    }
}
