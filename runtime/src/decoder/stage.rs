//! A stage: some layers of a model, perhaps its embedding and head, with their weights mapped.

use super::layer::LayerWeights;
use crate::kv::{KvOptions, KvPool, KvShape, PoolError, SegmentFormat, Segments};
use crate::sampler::{self, SampleError};
use crate::weights::{MappedTensor, TensorTable, Weight, WeightMatrix};
use crate::{LoadError, ModelConfig};
use base::{
    Allowed, ByteCount, LayerRange, Likelihoods, ModelFingerprint, Position, Sampling, TokenId,
};
use kernels::Pool;
use std::fmt;
use std::sync::Arc;

/// Which part of a model: what a stage loads, or what one pass runs of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StageSpec {
    /// The layers; may be empty.
    pub layers: LayerRange,
    /// Whether tokens come in, and not hidden states.
    pub embedding: bool,
    /// Whether logits come out, and not hidden states.
    pub head: bool,
}

impl StageSpec {
    /// The whole of a model with `layers` layers.
    pub const fn whole(layers: u32) -> Self {
        Self { layers: LayerRange::all(layers), embedding: true, head: true }
    }

    /// The head of a model with `layers` layers, and nothing else.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn head_alone(layers: u32) -> Self {
        let layers = LayerRange::new(layers, layers).expect("an empty range is a range");
        Self { layers, embedding: false, head: true }
    }

    /// Whether all of `other` is ours.
    pub const fn contains(&self, other: Self) -> bool {
        self.layers.contains(other.layers)
            && (self.embedding || !other.embedding)
            && (self.head || !other.head)
    }

    /// Whether a pass through this computes a part of the function of a model with `layers`
    /// layers: nothing skipped between the embedding, the layers and the head.
    pub(super) fn is_consecutive(&self, layers: u32) -> bool {
        if self.layers.is_empty() {
            return !(self.embedding && self.head);
        }
        (!self.embedding || self.layers.start() == 0) && (!self.head || self.layers.end() == layers)
    }
}

impl fmt::Display for StageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let embedding = if self.embedding { "embedding, " } else { "" };
        let head = if self.head { ", head" } else { "" };
        write!(f, "{embedding}layers {}{head}", self.layers)
    }
}

/// The loaded part of a model. Cheap to clone; many threads may run passes, each with its own KV pool.
#[derive(Clone)]
pub struct Stage(pub(super) Arc<StageWeights>);

pub(super) struct StageWeights {
    pub(super) config: ModelConfig,
    model: ModelFingerprint,
    pub(super) threads: Arc<Pool>,
    pub(super) spec: StageSpec,
    /// `[V, D]`
    pub(super) embedding: Option<MappedTensor>,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) head: Option<Head>,
}

pub(super) struct Head {
    /// `[D]`
    pub(super) norm: Vec<f32>,
    /// `[V, D]`
    pub(super) output: WeightMatrix,
    /// Tokens that mean something; the rows of `output` behind them fill it up.
    known: usize,
}

impl Stage {
    /// Makes the tensors ready that `spec` needs, and no others, for passes on `threads`. The tokenizer
    /// has `known` tokens.
    pub(crate) fn load(
        config: &ModelConfig,
        model: ModelFingerprint,
        table: &TensorTable,
        spec: StageSpec,
        known: usize,
        threads: &Arc<Pool>,
    ) -> Result<Self, LoadError> {
        if !LayerRange::all(config.layers).contains(spec.layers) {
            let (layers, asked) = (config.layers, spec.layers);
            return Err(LoadError::Layers { path: table.path().to_owned(), layers, asked });
        }
        // Of the embedding, only the rows of tokens are read: it stays where the file has it.
        let embedding =
            if spec.embedding { Some(table.find(Weight::Embedding)?.map()?) } else { None };
        let load = |layer| LayerWeights::load(table, config.parts, layer, threads);
        let layers: Result<_, _> = spec.layers.iter().map(load).collect();
        let head = if spec.head {
            let output = if config.tied { Weight::Embedding } else { Weight::Head };
            let output = WeightMatrix::load(table, output, threads)?;
            Some(Head { norm: table.find(Weight::OutputNorm)?.map()?.values(), output, known })
        } else {
            None
        };
        let (config, threads) = (config.clone(), Arc::clone(threads));
        let layers = layers?;
        let weights = StageWeights { config, model, threads, spec, embedding, layers, head };
        Ok(Self(Arc::new(weights)))
    }

    /// What is loaded.
    pub fn spec(&self) -> StageSpec {
        self.0.spec
    }

    /// The model's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.0.config
    }

    /// Chooses the token that stands at `position` from a row of this stage's logits, `[V]`, as
    /// [`sampler::choose`] does: one that the tokenizer knows.
    ///
    /// Models of one tokenizer pad their vocabularies to different widths. What one of them chooses is
    /// a token of the others.
    ///
    /// # Errors
    ///
    /// As [`sampler::choose`].
    ///
    /// # Panics
    ///
    /// Where the stage has no head.
    pub fn choose(
        &self,
        logits: &[f32],
        allowed: &Allowed,
        sampling: &Sampling,
        position: Position,
    ) -> Result<TokenId, SampleError> {
        sampler::choose(self.known(logits), allowed, sampling, position)
    }

    /// How likely `token` was among those that [`Self::choose`] chooses from, as [`sampler::likelihoods`] says it.
    ///
    /// # Panics
    ///
    /// Where the stage has no head.
    pub fn likelihoods(
        &self,
        logits: &[f32],
        allowed: &Allowed,
        token: TokenId,
        top: usize,
    ) -> Likelihoods {
        sampler::likelihoods(self.known(logits), allowed, token, top)
    }

    /// The logits of tokens that the tokenizer knows.
    fn known<'a>(&self, logits: &'a [f32]) -> &'a [f32] {
        let known = self.0.head.as_ref().expect("logits come from a head").known;
        &logits[..known.min(logits.len())]
    }

    /// Bytes of the weights in the file; those of a tied embedding count once.
    pub fn weight_bytes(&self) -> ByteCount {
        let StageWeights { config, embedding, layers, head, .. } = &*self.0;
        let head = head.as_ref().map(|head| head.output.size());
        let twice = config.tied && head.is_some();
        let embedding = embedding.as_ref().filter(|_| !twice).map(MappedTensor::size);
        layers.iter().map(LayerWeights::size).chain(embedding).chain(head).sum()
    }

    /// A pool for `tokens` positions of KV in all, over the loaded layers: as many in half precision,
    /// half of them in single, and more in the quantized formats.
    ///
    /// # Errors
    ///
    /// [`PoolError::Memory`] where there can never be that much.
    pub fn new_pool(&self, tokens: usize) -> Result<KvPool, PoolError> {
        self.new_pool_of(self.kv_bytes(&KvOptions::default(), tokens, 0))
    }

    /// A pool of at most `bound` bytes of KV, over the loaded layers. They are taken as they are
    /// needed.
    ///
    /// # Errors
    ///
    /// [`PoolError::Memory`] where there can never be that much.
    pub fn new_pool_of(&self, bound: ByteCount) -> Result<KvPool, PoolError> {
        KvPool::new(self.kv_shape(), bound, self.frequencies())
    }

    /// The segments of the KV that sequences with these `options` have of `tokens`, of any layers of
    /// the model, loaded here or not. Costs one hash a block. `None` where the scope is nobody.
    pub fn segments(&self, options: &KvOptions, tokens: &[TokenId]) -> Option<Segments> {
        Segments::new(&self.kv_shape(), &self.frequencies(), options, tokens)
    }

    /// Of a block's `exact` KV in the layers `of` the segment in `layers` and `format`, as
    /// [`KvPool::export_named`] gives it; `None` where these are not among them, it is no block, or the
    /// format gains nothing.
    pub fn part_of_block(
        &self,
        exact: &[u8],
        of: LayerRange,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Option<Vec<u8>> {
        self.kv_shape().part_of_block(exact, of, layers, format)
    }

    /// The most bytes of a pool that a sequence of up to `positions` takes, with passes of up to
    /// `rows` rows. With a window, that is little more than the window's.
    pub fn kv_bytes(&self, options: &KvOptions, positions: usize, rows: usize) -> ByteCount {
        self.kv_shape().bytes_max(options, positions, rows)
    }

    pub(super) fn kv_shape(&self) -> KvShape {
        let ModelConfig { kv_heads, head_width, sliding_window, .. } = *self.config();
        let (layers, model) = (self.spec().layers, self.0.model);
        KvShape { layers, kv_heads, head_width, sliding_window, model }
    }

    /// Radians a position, `[E / 2]`.
    fn frequencies(&self) -> Vec<f32> {
        let config = self.config();
        config.rope.inverse_frequencies(config.head_width)
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stage({}, {})", self.spec(), self.weight_bytes())
    }
}
