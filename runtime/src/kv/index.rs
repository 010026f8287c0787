//! Which blocks hold the KV of which texts, so that a sequence with the same beginning need not
//! compute it again: those that were computed here, and those that came as segments.
//!
//! # Invariants
//!
//! - **Only full blocks are here**, and nobody writes to a block while it is.
//! - **What only the index holds costs nobody room**: it goes when memory is wanted, the least
//!   recently used first, and of one text its end before its beginning.

use super::block::Block;
use super::key::{BlockKey, TextKey};
use super::segment_format::SegmentFormat;
use base::LayerRange;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All full blocks whose text is known.
#[derive(Debug, Default)]
pub(super) struct PrefixIndex {
    entries: BTreeMap<BlockKey, Entry>,
    /// The keys by `Entry::used`.
    by_use: BTreeMap<u64, BlockKey>,
    /// How many blocks go on where a text ends, whether or not its own last block is here. Of those that
    /// have none to go on, the evicted one is chosen.
    followers: BTreeMap<TextKey, usize>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    block: Arc<Block>,
    /// The text without the block.
    before: TextKey,
    used: u64,
}

impl PrefixIndex {
    /// The block that holds `layers` of `text` in `format`, perhaps beside others. It counts as used
    /// now.
    pub(super) fn find(
        &mut self,
        text: TextKey,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Option<Arc<Block>> {
        let key = self.key(text, layers, format)?;
        let entry = self.entries.get_mut(&key)?;
        self.clock += 1;
        self.by_use.remove(&entry.used);
        self.by_use.insert(self.clock, key);
        entry.used = self.clock;
        Some(Arc::clone(&entry.block))
    }

    /// How many blocks are here.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether [`Self::find`] finds one.
    pub(super) fn has(&self, text: TextKey, layers: LayerRange, format: SegmentFormat) -> bool {
        self.key(text, layers, format).is_some()
    }

    /// Puts in a block of which nobody else has the `key` yet, and which goes on the text `before`.
    pub(super) fn insert(&mut self, key: BlockKey, before: TextKey, block: Arc<Block>) {
        self.clock += 1;
        self.by_use.insert(self.clock, key);
        let known = self.entries.insert(key, Entry { block, before, used: self.clock });
        assert!(known.is_none(), "a key stands for one block");
        *self.followers.entry(before).or_default() += 1;
    }

    /// Whether `block` is here.
    pub(super) fn holds(&self, block: &Arc<Block>) -> bool {
        let entry = block.key.and_then(|key| self.entries.get(&key));
        entry.is_some_and(|entry| Arc::ptr_eq(&entry.block, block))
    }

    /// Takes `block` out, if it is here.
    pub(super) fn forget(&mut self, block: &Arc<Block>) -> Option<Arc<Block>> {
        if self.holds(block) { self.remove(block.key?) } else { None }
    }

    /// Takes out the block that is missed least, of those that only the index holds.
    pub(super) fn evict(&mut self) -> Option<Arc<Block>> {
        let idle = |entry: &Entry| Arc::strong_count(&entry.block) == 1;
        let by_use = || self.by_use.values().map(|key| (*key, &self.entries[key]));
        let is_end = |key: &BlockKey| !self.followers.contains_key(&key.text);
        let end = by_use().find(|(key, entry)| is_end(key) && idle(entry));
        // The end of a text may be in use where its beginning is not: a window has passed over it.
        let key = end.or_else(|| by_use().find(|(_, entry)| idle(entry)))?.0;
        self.remove(key)
    }

    /// Bytes that [`Self::evict`] can give, called again and again.
    pub(super) fn idle_bytes(&self) -> usize {
        let blocks = self.entries.values().map(|entry| &entry.block);
        blocks.filter(|block| Arc::strong_count(block) == 1).map(|block| block.bytes().len()).sum()
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Arc<Block>> {
        self.entries.values().map(|entry| &entry.block)
    }

    fn key(&self, text: TextKey, layers: LayerRange, format: SegmentFormat) -> Option<BlockKey> {
        let first = BlockKey { text, format, layers: LayerRange::all(0) };
        let of_text = self.entries.range(first..).map(|(key, _)| *key);
        let mut of_text = of_text.take_while(|key| key.text == text && key.format == format);
        of_text.find(|key| key.layers.contains(layers))
    }

    fn remove(&mut self, key: BlockKey) -> Option<Arc<Block>> {
        let entry = self.entries.remove(&key)?;
        self.by_use.remove(&entry.used);
        let followers = self.followers.get_mut(&entry.before).expect("counted when it came");
        *followers -= 1;
        if *followers == 0 {
            self.followers.remove(&entry.before);
        }
        Some(entry.block)
    }
}
