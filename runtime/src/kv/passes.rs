//! What a pass does to the pool: finds what was computed before, takes room, writes, reads, and
//! leaves its full blocks for others to find.

use super::block::Block;
use super::key::{BlockKey, TextKey};
use super::lineage::Lineage;
use super::pool::{KvPool, foreign};
use super::segment_format::SegmentFormat;
use super::sequence::{Sequence, Trace};
use super::{BLOCK_SLOTS, SequenceId};
use base::{LayerRange, TokenId};
use kernels::PagedKv;
use std::sync::Arc;

/// Blocks that hold a sequence's next positions already.
#[derive(Debug, Default)]
pub(crate) struct Adoption {
    blocks: Vec<(TextKey, SegmentFormat, Arc<Block>)>,
    /// Rows of the span that need not run.
    pub(crate) rows: usize,
}

impl KvPool {
    /// Makes what the pool knows of `tokens`, which follow `sequence` in `layers`, part of it; how many
    /// positions that is. What was computed here is known, and what came in segments that lose no more
    /// than the sequence accepts; of both whole blocks, and none behind one that is missing.
    ///
    /// A pass of a whole model does it by itself. A stage that hands on hidden states, or gets them, has
    /// to be told, and the stages above and below it too, because these rows do not run there either.
    /// Nothing is known to a sequence whose own text is not, see [`Self::tell_text`].
    ///
    /// # Panics
    ///
    /// Where `sequence` is closed or another pool's.
    pub fn adopt_known(
        &mut self,
        sequence: SequenceId,
        layers: LayerRange,
        tokens: &[TokenId],
    ) -> usize {
        let found = self.find(sequence, layers, tokens, tokens.len());
        let rows = found.rows;
        self.adopt(sequence, found, tokens, layers);
        rows
    }

    /// Says that `sequence`, whose hidden states came from another stage, is the KV of `tokens` at the
    /// first positions of which that was not known. From then on others find its whole blocks, and
    /// they can be exported. Nobody can check it: who says it has to have had the text from whoever
    /// sent the states, and the sequence's lineage has to be theirs.
    ///
    /// # Panics
    ///
    /// Where there are more tokens than such positions, or `sequence` is closed or another pool's.
    pub fn tell_text(&mut self, sequence: SequenceId, tokens: &[TokenId]) {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let Some(trace) = &mut entry.trace else { return };
        trace.tokens.extend(tokens);
        assert!(trace.tokens.len() <= entry.length, "more tokens than positions");
        self.publish(sequence);
    }

    /// Blocks that hold the KV in `layers` of `sequence` going on with the first `most` of `tokens`, or
    /// some.
    pub(crate) fn find(
        &mut self,
        sequence: SequenceId,
        layers: LayerRange,
        tokens: &[TokenId],
        most: usize,
    ) -> Adoption {
        let mut found = Adoption::default();
        let Some(entry) = self.sequences.get(&sequence) else { foreign(sequence) };
        let Some(trace) = entry.trace.as_ref().filter(|trace| trace.tokens.len() == entry.length)
        else {
            return found;
        };
        if entry.layers.is_some_and(|written| written != layers) {
            return found;
        }
        let text = [trace.rest(), tokens].concat();
        let begun = trace.rest().len();
        let mut key = trace.last_key();
        for (number, chunk) in text.chunks_exact(BLOCK_SLOTS).enumerate() {
            let rows = (number + 1) * BLOCK_SLOTS - begun;
            if rows > most {
                break;
            }
            key = key.child(chunk);
            let mut formats = entry.accepts.and_better();
            let known =
                formats.find_map(|format| Some((format, self.index.find(key, layers, format)?)));
            let Some((format, block)) = known else { break };
            found.blocks.push((key, format, block));
            found.rows = rows;
        }
        found
    }

    /// Bytes that `sequence` would take for `rows` more positions, the adopted among them.
    pub(crate) fn demand(&self, sequence: SequenceId, adoption: &Adoption, rows: usize) -> usize {
        let entry = self.sequence(sequence);
        let held = match adoption.blocks.len() {
            0 => entry.blocks.len() - usize::from(self.tail_is_shared(entry)),
            adopted => entry.length / BLOCK_SLOTS + adopted,
        };
        let wanted = Sequence::table_len(entry.length + rows).saturating_sub(held);
        entry.shape.bytes().map_or(usize::MAX, |bytes| wanted.saturating_mul(bytes))
    }

    /// Makes the rows of `adoption`, which [`Self::find`] gave for `tokens`, part of `sequence`.
    pub(crate) fn adopt(
        &mut self,
        sequence: SequenceId,
        adoption: Adoption,
        tokens: &[TokenId],
        layers: LayerRange,
    ) {
        let Adoption { blocks, rows } = adoption;
        if rows == 0 {
            return;
        }
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        for own in entry.blocks.drain(entry.length / BLOCK_SLOTS..).flatten() {
            self.memory.give(own);
        }
        for (key, format, block) in blocks {
            if format != SegmentFormat::Exact {
                entry.lossy_from.get_or_insert(entry.blocks.len());
            }
            entry.blocks.push(Some(block));
            entry.trace.iter_mut().for_each(|trace| trace.push_key(key));
        }
        entry.grow(rows, layers, Some(&tokens[..rows]));
        self.counts.adopted += rows as u64;
    }

    /// Gives `sequence` blocks of its own for `rows` more positions; its length stays. Whether there
    /// was memory for them; if not, [`Self::truncate`] undoes it.
    #[must_use]
    pub(crate) fn reserve(&mut self, sequence: SequenceId, rows: usize) -> bool {
        self.own_tail(sequence) && self.extend(sequence, rows)
    }

    /// Makes `rows` positions that `layers` wrote part of `sequence`: those of `tokens`, where their KV
    /// is a function of these and of the tokens before them.
    pub(crate) fn advance(
        &mut self,
        sequence: SequenceId,
        rows: usize,
        layers: LayerRange,
        tokens: Option<&[TokenId]>,
    ) {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        // Tokens come over no hop: of whom it is said that they do, nothing is said to others.
        let tokens = tokens.filter(|_| entry.lineage == Lineage::EXACT);
        entry.grow(rows, layers, tokens);
        assert!(entry.length <= entry.blocks.len() * BLOCK_SLOTS, "written beyond reserve");
        self.counts.run += rows as u64;
        self.publish(sequence);
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        entry.forget_unseen().into_iter().for_each(|block| self.memory.give(block));
    }

    /// Writes the keys and values `[T, G * E]` of `layer` behind the length of `sequence`.
    pub(crate) fn write(&mut self, sequence: SequenceId, layer: u32, keys: &[f32], values: &[f32]) {
        let row = self.shape.kv_heads * self.shape.head_width;
        let layer = (layer - self.shape.layers.start()) as usize;
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let layout = entry.shape.layout;
        let bytes = layer * layout.block_bytes()..(layer + 1) * layout.block_bytes();
        let rows = keys.chunks_exact(row).zip(values.chunks_exact(row));
        for (position, (key, value)) in (entry.length..).zip(rows) {
            let block = entry.blocks[position / BLOCK_SLOTS].as_mut().and_then(Arc::get_mut);
            let block = block.expect("reserved, and with one holder");
            let layer = &mut block.bytes_mut()[bytes.clone()];
            kernels::write_kv(&layout, layer, position % BLOCK_SLOTS, key, value);
        }
    }

    /// The blocks of `sequence` by position, all layers in each; empty where they are forgotten.
    pub(crate) fn blocks(&self, sequence: SequenceId) -> Vec<&[u8]> {
        let blocks = self.sequence(sequence).blocks.iter();
        blocks.map(|block| block.as_ref().map_or(&[][..], |block| block.bytes())).collect()
    }

    /// The keys and values of `layer` in `blocks`, which [`Self::blocks`] gave, as attention reads
    /// them.
    pub(crate) fn read<'a>(
        &self,
        sequence: SequenceId,
        layer: u32,
        blocks: &'a [&'a [u8]],
    ) -> PagedKv<'a> {
        let layout = self.sequence(sequence).shape.layout;
        let layer = (layer - self.shape.layers.start()) as usize;
        PagedKv { layout, blocks, layer_at: layer * layout.block_bytes() }
    }

    /// Puts the full blocks of `sequence` into the index; where it has one of the same text already,
    /// that one takes the place of ours. What was computed from a lossy block is nobody else's.
    fn publish(&mut self, sequence: SequenceId) {
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let Some(layers) = entry.layers else { return };
        while let Some((number, text, before)) = entry.trace.as_ref().and_then(Trace::next_full) {
            entry.trace.iter_mut().for_each(|trace| trace.push_key(text));
            if entry.lossy_from.is_some_and(|first| first <= number) {
                continue;
            }
            let own = entry.blocks[number].as_mut().expect("a sequence with a trace keeps all");
            if let Some(known) = self.index.find(text, layers, SegmentFormat::Exact) {
                let own = std::mem::replace(own, known);
                self.memory.give(own);
            } else {
                let key = BlockKey { text, format: SegmentFormat::Exact, layers };
                Arc::get_mut(own).expect("just written, so with one holder").key = Some(key);
                self.index.insert(key, before, Arc::clone(own));
                self.completed.note(key);
            }
        }
    }

    /// Whether other sequences hold the block that the next row of `entry` goes into.
    fn tail_is_shared(&self, entry: &Sequence) -> bool {
        entry
            .tail()
            .is_some_and(|tail| Arc::strong_count(tail) > 1 + usize::from(self.index.holds(tail)))
    }

    /// Makes the block that the next row of `sequence` goes into its own.
    fn own_tail(&mut self, sequence: SequenceId) -> bool {
        let entry = self.sequence(sequence);
        let Some(tail) = entry.tail() else { return true };
        let (len, number) = (tail.bytes().len(), entry.length / BLOCK_SLOTS);
        let copy = if self.tail_is_shared(entry) {
            let Some(copy) = self.take(len) else { return false };
            Some(copy)
        } else {
            None
        };
        let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
        let tail = entry.blocks[number].as_mut().expect("a tail is there");
        if let Some(mut copy) = copy {
            let bytes = Arc::get_mut(&mut copy).expect("just taken").bytes_mut();
            bytes.copy_from_slice(tail.bytes());
            let shared = std::mem::replace(tail, copy);
            self.memory.give(shared);
        } else {
            // The index may have it, and nobody else: a text that ends otherwise is no loss.
            drop(self.index.forget(tail));
            Arc::get_mut(tail).expect("held by the index at most").key = None;
        }
        true
    }

    /// Gives `sequence` the blocks that it lacks for `rows` more positions.
    fn extend(&mut self, sequence: SequenceId, rows: usize) -> bool {
        let entry = self.sequence(sequence);
        let (have, want) = (entry.blocks.len(), Sequence::table_len(entry.length + rows));
        let Some(len) = entry.shape.bytes() else { return false };
        for _ in have..want {
            let Some(block) = self.take(len) else { return false };
            let Some(entry) = self.sequences.get_mut(&sequence) else { foreign(sequence) };
            entry.blocks.push(Some(block));
        }
        true
    }

    /// A block of `len` bytes, for which the index gives up what is in the way.
    pub(super) fn take(&mut self, len: usize) -> Option<Arc<Block>> {
        loop {
            if let Some(block) = self.memory.take(len) {
                return Some(block);
            }
            let idle = self.index.evict()?;
            self.memory.give(idle);
        }
    }
}
