//! Reads a whole block of one layer back, position by position: what [`super::write_kv`] was given,
//! as near as the format keeps it.
//!
//! Attention never needs this; whoever stores KV in another format does.

use super::layout::{BLOCK_SLOTS, KvLayout};
use crate::hadamard::rotate;
use crate::scratch::with_floats;
use crate::table;

/// Reads all slots of `block`, the [`block_bytes`](KvLayout::block_bytes) of one layer: their `keys`
/// and `values`, `[32, G, E]` each. Slots that were never written read as whatever their bytes say.
///
/// Any bytes are read without a panic; a scale that is no number makes its group NaN.
///
/// # Panics
///
/// Where a length is wrong.
pub fn read_kv(layout: &KvLayout, block: &[u8], keys: &mut [f32], values: &mut [f32]) {
    let (heads, width) = (layout.kv_heads, layout.head_width);
    assert_eq!(block.len(), layout.block_bytes(), "a block of one layer");
    assert_eq!(keys.len(), BLOCK_SLOTS * heads * width, "keys are [32, G, E]");
    assert_eq!(values.len(), keys.len(), "values are [32, G, E]");
    let steps = &table::current().attention;
    with_floats(BLOCK_SLOTS * width, |tile| {
        for (head, bytes) in block.chunks_exact(layout.head_bytes()).enumerate() {
            (steps.read_keys)(layout, bytes, tile);
            for (slot, key) in keys.chunks_exact_mut(width).skip(head).step_by(heads).enumerate() {
                let column = tile.iter().skip(slot).step_by(BLOCK_SLOTS);
                key.iter_mut().zip(column).for_each(|(key, x)| *key = *x);
            }
            (steps.read_values)(layout, bytes, tile);
            let rows = values.chunks_exact_mut(width).skip(head).step_by(heads);
            rows.zip(tile.chunks_exact(width)).for_each(|(value, row)| value.copy_from_slice(row));
        }
    });
    if layout.format.rotates_keys() {
        // The matrix is symmetric and orthonormal: it is its own inverse, but for rounding.
        rotate(keys, width);
    }
}
