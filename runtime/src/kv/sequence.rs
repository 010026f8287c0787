//! One sequence of a pool: its blocks, what of them it has forgotten, and the text behind them.

use super::BLOCK_SLOTS;
use super::block::{Block, BlockShape};
use super::key::TextKey;
use super::lineage::Lineage;
use super::options::{KvOptions, ROLLBACK_MAX};
use super::pool::KvShape;
use super::segment_format::SegmentFormat;
use base::{LayerRange, TokenId};
use kernels::View;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Sequence {
    pub(super) shape: BlockShape,
    pub(super) view: View,
    /// Whether the view is one that the text may outgrow the model's context with.
    pub(super) is_stream: bool,
    pub(super) length: usize,
    /// By position; `None` where the window has passed over all of the block.
    pub(super) blocks: Vec<Option<Arc<Block>>>,
    /// The layers that wrote the slots; `None` while there are none.
    pub(super) layers: Option<LayerRange>,
    pub(super) lineage: Lineage,
    /// What its segments may lose.
    pub(super) accepts: SegmentFormat,
    /// The first block that came with a loss, if one did: it and those behind it are not exact.
    pub(super) lossy_from: Option<usize>,
    /// The blocks between the sinks and this one are forgotten.
    forgotten_to: usize,
    root: Option<TextKey>,
    /// `None` where nothing is shared, or a window has passed over the beginning.
    pub(super) trace: Option<Trace>,
}

/// The text whose KV a sequence holds, as far as it is known.
#[derive(Debug)]
pub(super) struct Trace {
    root: TextKey,
    pub(super) tokens: Vec<TokenId>,
    /// Of the full blocks.
    keys: Vec<TextKey>,
}

impl Sequence {
    pub(super) fn new(shape: &KvShape, options: &KvOptions, root: Option<TextKey>) -> Self {
        Self {
            shape: shape.block(options.format),
            view: options.view(shape.sliding_window),
            is_stream: options.stream.is_some(),
            lineage: options.lineage,
            accepts: options.accepts,
            lossy_from: None,
            length: 0,
            blocks: Vec::new(),
            layers: None,
            forgotten_to: 0,
            root,
            trace: root.map(Trace::new),
        }
    }

    /// Blocks of the table that `length` positions take.
    pub(super) const fn table_len(length: usize) -> usize {
        length.div_ceil(BLOCK_SLOTS)
    }

    /// The table's last block, where the next row goes into it and not into a new one.
    pub(super) fn tail(&self) -> Option<&Arc<Block>> {
        let is_partial = !self.length.is_multiple_of(BLOCK_SLOTS);
        is_partial.then(|| self.blocks[self.length / BLOCK_SLOTS].as_ref()).flatten()
    }

    /// The shortest length but 0 that it can be cut to.
    pub(super) fn cut_min(&self) -> usize {
        match (self.forgotten_to, self.view.window) {
            (0, _) | (_, None) => 0,
            (blocks, Some(window)) => blocks * BLOCK_SLOTS + window as usize - 1,
        }
    }

    /// Cuts to `length`; what that frees.
    pub(super) fn cut(&mut self, length: usize) -> Vec<Arc<Block>> {
        self.length = length;
        if length == 0 {
            self.layers = None;
            self.forgotten_to = 0;
            self.trace = self.root.map(Trace::new);
        }
        if let Some(trace) = &mut self.trace {
            trace.tokens.truncate(length);
            trace.keys.truncate(length / BLOCK_SLOTS);
        }
        self.lossy_from = self.lossy_from.filter(|first| first * BLOCK_SLOTS < length);
        let kept = Self::table_len(length).min(self.blocks.len());
        self.blocks.drain(kept..).flatten().collect()
    }

    /// Forgets the blocks that no row sees any more, however far the sequence may be cut back.
    pub(super) fn forget_unseen(&mut self) -> Vec<Arc<Block>> {
        let Some(window) = self.view.window else { return Vec::new() };
        let first_seen = self.length.saturating_sub(ROLLBACK_MAX + window as usize - 1);
        let from = self.forgotten_to.max(Self::table_len(self.view.sinks as usize));
        let to = first_seen / BLOCK_SLOTS;
        if from >= to {
            return Vec::new();
        }
        self.forgotten_to = to;
        self.trace = None;
        self.blocks[from..to].iter_mut().filter_map(Option::take).collect()
    }

    /// `rows` positions that `layers` wrote join: those of `tokens`, where these are known.
    pub(super) fn grow(&mut self, rows: usize, layers: LayerRange, tokens: Option<&[TokenId]>) {
        // What follows an unknown text has no key, though its own tokens are known.
        if let (Some(trace), Some(tokens)) = (self.whole_trace(), tokens) {
            trace.tokens.extend(tokens);
        }
        self.length += rows;
        self.layers = Some(layers);
    }

    /// The trace, where it is one of all positions.
    fn whole_trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut().filter(|trace| trace.tokens.len() == self.length)
    }

    /// The most blocks that a sequence of `positions` holds at a time, with passes of up to `rows`.
    pub(super) fn blocks_max(view: View, positions: usize, rows: usize) -> usize {
        let all = Self::table_len(positions);
        let Some(window) = view.window else { return all };
        let sinks = Self::table_len(view.sinks as usize);
        let seen = (ROLLBACK_MAX + window as usize).saturating_add(rows);
        // The first and the last of the seen blocks may be seen in part.
        all.min(sinks + Self::table_len(seen) + 1)
    }
}

impl Trace {
    const fn new(root: TextKey) -> Self {
        Self { root, tokens: Vec::new(), keys: Vec::new() }
    }

    /// The key of the text of all full blocks.
    pub(super) fn last_key(&self) -> TextKey {
        self.keys.last().copied().unwrap_or(self.root)
    }

    /// The tokens after the last full block that has its key.
    pub(super) fn rest(&self) -> &[TokenId] {
        &self.tokens[self.keys.len() * BLOCK_SLOTS..]
    }

    /// The next full block's number, its key and its parent's; `None` where there is none.
    pub(super) fn next_full(&self) -> Option<(usize, TextKey, TextKey)> {
        let tokens = self.rest().get(..BLOCK_SLOTS)?;
        let parent = self.last_key();
        Some((self.keys.len(), parent.child(tokens), parent))
    }

    pub(super) fn push_key(&mut self, key: TextKey) {
        self.keys.push(key);
    }
}
