//! Which blocks passes have completed lately, for who keeps them beyond the pool.

use super::key::{BlockKey, TextKey};
use super::pool::KvPool;
use base::LayerRange;

/// Blocks that are remembered at most: those of more rows than any pass has.
const COMPLETED_MAX: usize = 1_024;

/// `None` where nobody wants to know.
#[derive(Debug, Default)]
pub(super) struct Completed(Option<Vec<BlockKey>>);

impl Completed {
    /// The block of `key` is whole, and others find it.
    pub(super) fn note(&mut self, key: BlockKey) {
        if let Some(keys) = self.0.as_mut().filter(|keys| keys.len() < COMPLETED_MAX) {
            keys.push(key);
        }
    }
}

impl KvPool {
    /// From now on remembers which blocks passes complete, for [`Self::take_completed`].
    pub fn note_what_is_completed(&mut self) {
        self.completed.0.get_or_insert_default();
    }

    /// The texts that end in a block that passes have completed since the last call, each with the layers
    /// that ran; only blocks that others may find. Of very many, the first ones.
    pub fn take_completed(&mut self) -> Vec<(TextKey, LayerRange)> {
        let keys = self.completed.0.as_mut().map(std::mem::take).unwrap_or_default();
        keys.into_iter().map(|key| (key.text, key.layers)).collect()
    }
}
