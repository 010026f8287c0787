//! What nodes call a text, where they speak of its KV.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text up to the end of one of its blocks of 32 positions: a hash over all that the block's KV depends
/// on (model, numerics class, RoPE, KV format, window, lineage, tenant, tokens so far). Who knows all
/// that computes the same name; this crate only carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TextName(pub [u8; Self::LEN]);

impl TextName {
    /// Bytes of a name.
    pub const LEN: usize = 32;
}

impl fmt::Debug for TextName {
    /// Its first four bytes tell it from others in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "TextName({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}
