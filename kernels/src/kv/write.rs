//! Writes one position's key and value into its slot.
//!
//! Like [`super::read`]: plain Rust over whole groups, inlined by each table, which gives the
//! conversion of eight f32 to `f16`, to the nearest and ties to even.

use super::layout::{BLOCK_SLOTS, Fields, GROUP_MAX, KvFormat, KvLayout};
use super::quantize::{STEP, quantize_q4, quantize_q8};
use crate::hadamard::rotate;
use crate::scratch::with_floats;
use crate::table::{self, Table};

/// Stores one position's `keys` and `values`, both `[G, E]`, in slot `slot` of `block`, the
/// [`block_bytes`](KvLayout::block_bytes) of one layer.
///
/// Keys come as attention scores them, turned to their position. A group with a NaN or an infinity, or
/// with values that its scale cannot hold, reads as NaN in the quantized formats.
///
/// # Panics
///
/// Where a length is wrong or the slot is none of 32.
pub fn write_kv(layout: &KvLayout, block: &mut [u8], slot: usize, keys: &[f32], values: &[f32]) {
    write_kv_with(table::current(), layout, block, slot, keys, values);
}

/// [`write_kv`] by the functions of `table`.
pub(crate) fn write_kv_with(
    table: &Table,
    layout: &KvLayout,
    block: &mut [u8],
    slot: usize,
    keys: &[f32],
    values: &[f32],
) {
    let width = layout.head_width;
    assert!(slot < BLOCK_SLOTS, "slot {slot} of {BLOCK_SLOTS}");
    assert_eq!(block.len(), layout.block_bytes(), "a block of one layer");
    assert_eq!(keys.len(), layout.kv_heads * width, "keys are [G, E]");
    assert_eq!(values.len(), keys.len(), "values are [G, E]");
    let mut write = |keys: &[f32]| {
        let heads = keys.chunks_exact(width).zip(values.chunks_exact(width));
        for (head, (key, value)) in block.chunks_exact_mut(layout.head_bytes()).zip(heads) {
            (table.attention.write_head)(layout, head, slot, key, value);
        }
    };
    if !layout.format.rotates_keys() {
        return write(keys);
    }
    with_floats(keys.len(), |rotated| {
        rotated.copy_from_slice(keys);
        rotate(rotated, width);
        write(rotated);
    });
}

/// Writes one head's key and value, `[E]` each; the key rotated already where the format says so.
#[inline(always)]
pub(crate) fn write_head(
    layout: &KvLayout,
    head: &mut [u8],
    slot: usize,
    key: &[f32],
    value: &[f32],
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
) {
    let (keys, values) = (layout.keys(), layout.values());
    let width = layout.head_width;
    match layout.format {
        KvFormat::F32 => {
            let codes = head[keys.codes].as_chunks_mut().0;
            for (code, x) in codes.iter_mut().skip(slot).step_by(BLOCK_SLOTS).zip(key) {
                *code = x.to_le_bytes();
            }
            let codes = &mut head[values.codes].as_chunks_mut().0[slot * width..];
            for (code, x) in codes.iter_mut().zip(value) {
                *code = x.to_le_bytes();
            }
        }
        KvFormat::F16 => {
            let rows = head[keys.codes].as_chunks_mut().0.as_chunks_mut::<BLOCK_SLOTS>().0;
            write_f16(rows, key, &narrow, |row| &mut row[slot]);
            let codes = &mut head[values.codes].as_chunks_mut().0[slot * width..];
            write_f16(codes, value, &narrow, |code| code);
        }
        KvFormat::Q8 | KvFormat::Q4 => {
            write_groups(layout, head, slot, key, &keys, put_key, &narrow);
            write_groups(layout, head, slot, value, &values, put_value, &narrow);
        }
    }
}

/// Rounds each element of `x` into its place, which is in the row of the same index.
#[inline(always)]
fn write_f16<R>(
    rows: &mut [R],
    x: &[f32],
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
    place: impl Fn(&mut R) -> &mut [u8; 2],
) {
    for (rows, x) in rows.chunks_mut(STEP).zip(x.chunks(STEP)) {
        let mut step = [0.0; STEP];
        step[..x.len()].copy_from_slice(x);
        for ((row, half), _) in rows.iter_mut().zip(narrow(&step)).zip(x) {
            *place(row) = half.to_le_bytes();
        }
    }
}

/// Quantizes the groups of `x`, `[E]`; `put` places the codes of a group.
#[inline(always)]
fn write_groups(
    layout: &KvLayout,
    head: &mut [u8],
    slot: usize,
    x: &[f32],
    fields: &Fields,
    put: impl Fn(&KvLayout, &mut [u8], usize, usize, &[u8]),
    narrow: impl Fn(&[f32; STEP]) -> [u16; STEP],
) {
    let len = layout.group();
    for (group, x) in x.chunks_exact(len).enumerate() {
        // Padded with one of its own elements: neither the range nor the largest magnitude changes.
        let mut padded = [x[0]; GROUP_MAX];
        padded[..len].copy_from_slice(x);
        let at = 2 * (group * BLOCK_SLOTS + slot);
        let codes = if layout.format == KvFormat::Q8 {
            let (codes, scale) = quantize_q8(&padded, &narrow);
            head[fields.scales.clone()][at..at + 2].copy_from_slice(&scale.to_le_bytes());
            codes
        } else {
            let (codes, scale, minimum) = quantize_q4(&padded, &narrow);
            head[fields.scales.clone()][at..at + 2].copy_from_slice(&scale.to_le_bytes());
            head[fields.minima.clone()][at..at + 2].copy_from_slice(&minimum.to_le_bytes());
            codes
        };
        put(layout, &mut head[fields.codes.clone()], slot, group, &codes[..len]);
    }
}

/// Places a group of a key in column `slot` of `codes`.
#[inline(always)]
fn put_key(layout: &KvLayout, codes: &mut [u8], slot: usize, group: usize, new: &[u8]) {
    let first = group * new.len();
    if layout.format == KvFormat::Q8 {
        let rows = codes.as_chunks_mut::<BLOCK_SLOTS>().0[first..].iter_mut();
        rows.zip(new).for_each(|(row, code)| row[slot] = *code);
        return;
    }
    const BYTES: usize = BLOCK_SLOTS / 2;
    let shift = if slot < BYTES { 0 } else { 4 };
    for (row, code) in codes.as_chunks_mut::<BYTES>().0[first..].iter_mut().zip(new) {
        let byte = &mut row[slot % BYTES];
        *byte = *byte & (0xf0 >> shift) | code << shift;
    }
}

/// Places a group of a value in row `slot` of `codes`.
#[inline(always)]
fn put_value(layout: &KvLayout, codes: &mut [u8], slot: usize, group: usize, new: &[u8]) {
    let at = slot * (layout.head_width / new.len()) + group;
    if layout.format == KvFormat::Q8 {
        codes[at * new.len()..][..new.len()].copy_from_slice(new);
        return;
    }
    let half = new.len().div_ceil(2);
    let (low, high) = new.split_at(half);
    let bytes = &mut codes[at * half..][..half];
    bytes.copy_from_slice(low);
    for (byte, high) in bytes.iter_mut().zip(high) {
        *byte |= high << 4;
    }
}
