//! One sequence through a chain of stages, each with its own pool: what a split model is.

use base::{LayerRange, Position, TokenId};
use runtime::{
    ForwardError, Input, KvOptions, KvPool, ModelFile, Pool, SequenceId, Span, SpanOutput, Stage,
    StageSpec,
};
use std::ops::Range;
use std::sync::Arc;

const POOL_TOKENS: usize = 512;

/// The calling thread and no other.
pub(crate) fn one_thread() -> Arc<Pool> {
    Arc::new(Pool::new(1).unwrap())
}

pub(crate) struct Chain {
    links: Vec<(Stage, KvPool, SequenceId)>,
}

impl Chain {
    /// The model of `file`, split at `points`; none for the whole model in one stage. Its KV is in
    /// half precision.
    pub(crate) fn new(file: &ModelFile, points: &[u32]) -> Self {
        Self::with(file, points, &KvOptions::default())
    }

    /// The same with KV as `options` say.
    pub(crate) fn with(file: &ModelFile, points: &[u32], options: &KvOptions) -> Self {
        Self::on(&one_thread(), file, points, options)
    }

    /// The same on `threads`.
    pub(crate) fn on(
        threads: &Arc<Pool>,
        file: &ModelFile,
        points: &[u32],
        options: &KvOptions,
    ) -> Self {
        let layers = file.config().layers;
        let bounds: Vec<u32> = [&[0], points, &[layers]].concat();
        let last = bounds.len() - 2;
        let link = |(i, pair): (usize, &[u32])| {
            let range = LayerRange::new(pair[0], pair[1]).unwrap();
            let spec = StageSpec { layers: range, embedding: i == 0, head: i == last };
            let stage = file.load_stage(spec, threads).unwrap();
            let bound = stage.kv_bytes(options, POOL_TOKENS, POOL_TOKENS);
            let mut pool = stage.new_pool_of(bound).unwrap();
            let sequence = pool.open(options);
            (stage, pool, sequence)
        };
        Self { links: bounds.windows(2).enumerate().map(link).collect() }
    }

    /// How many tokens went through.
    pub(crate) fn len(&self) -> usize {
        // A stage without layers holds no KV.
        let lengths = self.links.iter().map(|(_, pool, sequence)| pool.len(*sequence));
        lengths.max().expect("a chain has a link")
    }

    /// Runs `tokens` and returns the logits of `rows` of them.
    pub(crate) fn run(
        &mut self,
        tokens: &[TokenId],
        rows: Range<usize>,
    ) -> Result<Vec<f32>, ForwardError> {
        let base = Position::after(self.len());
        let mut hidden = Vec::new();
        for (i, (stage, pool, sequence)) in self.links.iter_mut().enumerate() {
            let input = if i == 0 { Input::Tokens(tokens) } else { Input::Hidden(&hidden) };
            let span = Span { sequence: *sequence, base, input, logits: rows.clone() };
            match stage.forward(stage.spec(), &[span], pool)?.remove(0) {
                SpanOutput::Hidden(states) => hidden = states,
                SpanOutput::Logits(logits) => return Ok(logits),
            }
        }
        unreachable!("the last stage has the head")
    }

    /// Runs `tokens` and returns the logits of all of them.
    pub(crate) fn logits(&mut self, tokens: &[TokenId]) -> Vec<f32> {
        self.run(tokens, 0..tokens.len()).unwrap()
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        for (_, pool, sequence) in &mut self.links {
            pool.truncate(*sequence, Position::after(length)).unwrap();
        }
    }
}

/// The index of the largest logit, the lowest of equals.
pub(crate) fn argmax(logits: &[f32]) -> TokenId {
    let best = logits.iter().enumerate().reduce(|a, b| if b.1 > a.1 { b } else { a }).unwrap();
    TokenId(u32::try_from(best.0).unwrap())
}

/// Fails with the first difference where the two are not the same bits.
pub(crate) fn assert_same_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(a.to_bits(), b.to_bits(), "{what}: value {i} is {a}, not {b}");
    }
}
