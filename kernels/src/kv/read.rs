//! Reads the 32 slots of one KV head back into f32.
//!
//! Written to become vectors: rows of 32 slots, groups of elements, no branch within. Each table
//! inlines these functions where its instructions are enabled, and gives the one step that plain Rust
//! has no vectors for: how eight `f16` become `f32`.

use super::layout::{BLOCK_SLOTS, Fields, KvFormat, KvLayout};
use super::quantize::STEP;

/// One f32 for each slot of a block.
type Row = [f32; BLOCK_SLOTS];

/// Fills `tile`, `[E, 32]`, with the keys of `head`; `widen` makes eight `f16` exact f32, and `decode`
/// computes `fma(code, scale, minimum)` for eight codes.
#[inline(always)]
pub(crate) fn read_keys(
    layout: &KvLayout,
    head: &[u8],
    tile: &mut [f32],
    widen: impl Fn(&[u8; 2 * STEP]) -> [f32; STEP],
    decode: impl Fn(&[u8; STEP], &[f32; STEP], &[f32; STEP]) -> [f32; STEP],
) {
    let fields = layout.keys();
    let codes = &head[fields.codes.clone()];
    let rows = tile.as_chunks_mut::<BLOCK_SLOTS>().0;
    let groups = rows.chunks_exact_mut(layout.group()).enumerate();
    match layout.format {
        KvFormat::F32 => read_f32(codes, tile),
        KvFormat::F16 => read_f16(codes, tile, widen),
        KvFormat::Q8 => {
            let codes = codes.as_chunks::<BLOCK_SLOTS>().0.chunks_exact(layout.group());
            for ((group, rows), codes) in groups.zip(codes) {
                let scales = parameters(&head[fields.scales.clone()], group, &widen);
                for (row, codes) in rows.iter_mut().zip(codes) {
                    for slot in 0..BLOCK_SLOTS {
                        row[slot] = f32::from(codes[slot].cast_signed()) * scales[slot];
                    }
                }
            }
        }
        KvFormat::Q4 => {
            let codes = codes.as_chunks::<{ BLOCK_SLOTS / 2 }>().0.chunks_exact(layout.group());
            for ((group, rows), codes) in groups.zip(codes) {
                let scales = parameters(&head[fields.scales.clone()], group, &widen);
                let minima = parameters(&head[fields.minima.clone()], group, &widen);
                let parameters = scales.as_chunks().0.iter().zip(minima.as_chunks().0);
                for (row, codes) in rows.iter_mut().zip(codes) {
                    let nibbles = [codes.map(|byte| byte & 15), codes.map(|byte| byte >> 4)];
                    let codes = nibbles.as_flattened().as_chunks().0.iter();
                    let steps = row.as_chunks_mut().0.iter_mut().zip(codes);
                    for ((row, codes), (scales, minima)) in steps.zip(parameters.clone()) {
                        *row = decode(codes, scales, minima);
                    }
                }
            }
        }
    }
}

/// Fills `tile`, `[32, E]`, with the values of `head`; `widen` makes eight `f16` exact f32.
#[inline(always)]
pub(crate) fn read_values(
    layout: &KvLayout,
    head: &[u8],
    tile: &mut [f32],
    widen: impl Fn(&[u8; 2 * STEP]) -> [f32; STEP],
) {
    let fields = layout.values();
    match layout.format {
        KvFormat::F32 => read_f32(&head[fields.codes], tile),
        KvFormat::F16 => read_f16(&head[fields.codes], tile, widen),
        KvFormat::Q8 | KvFormat::Q4 => match layout.group() {
            // The usual sizes as constants: the loop over a group is then a few whole vectors.
            32 => read_value_groups(layout, 32, &fields, head, tile, widen),
            16 => read_value_groups(layout, 16, &fields, head, tile, widen),
            group => read_value_groups(layout, group, &fields, head, tile, widen),
        },
    }
}

/// [`read_values`] of the quantized formats.
#[inline(always)]
fn read_value_groups(
    layout: &KvLayout,
    group: usize,
    fields: &Fields,
    head: &[u8],
    tile: &mut [f32],
    widen: impl Fn(&[u8; 2 * STEP]) -> [f32; STEP],
) {
    let codes = &head[fields.codes.clone()];
    let groups = layout.head_width / group;
    let half = group.div_ceil(2);
    for at in 0..groups {
        let scales = parameters(&head[fields.scales.clone()], at, &widen);
        if layout.format == KvFormat::Q8 {
            for (slot, scale) in scales.iter().enumerate() {
                let from = (slot * groups + at) * group;
                let values = tile[from..][..group].iter_mut();
                for (value, code) in values.zip(&codes[from..][..group]) {
                    *value = f32::from(code.cast_signed()) * scale;
                }
            }
            continue;
        }
        let minima = parameters(&head[fields.minima.clone()], at, &widen);
        for (slot, (scale, minimum)) in scales.iter().zip(&minima).enumerate() {
            let codes = &codes[(slot * groups + at) * half..][..half];
            let values = &mut tile[(slot * groups + at) * group..][..group];
            let (low, high) = values.split_at_mut(half);
            for (value, byte) in low.iter_mut().zip(codes) {
                *value = f32::from(byte & 15).mul_add(*scale, *minimum);
            }
            for (value, byte) in high.iter_mut().zip(codes) {
                *value = f32::from(byte >> 4).mul_add(*scale, *minimum);
            }
        }
    }
}

#[inline(always)]
fn read_f32(codes: &[u8], tile: &mut [f32]) {
    for (value, code) in tile.iter_mut().zip(codes.as_chunks().0) {
        *value = f32::from_le_bytes(*code);
    }
}

#[inline(always)]
fn read_f16(codes: &[u8], tile: &mut [f32], widen: impl Fn(&[u8; 2 * STEP]) -> [f32; STEP]) {
    for (values, codes) in tile.as_chunks_mut().0.iter_mut().zip(codes.as_chunks().0) {
        *values = widen(codes);
    }
}

/// Row `group` of scales or minima, `[E / g][32]`.
#[inline(always)]
fn parameters(
    parameters: &[u8],
    group: usize,
    widen: &impl Fn(&[u8; 2 * STEP]) -> [f32; STEP],
) -> Row {
    let mut row = [0.0; BLOCK_SLOTS];
    let halves = &parameters[group * 2 * BLOCK_SLOTS..][..2 * BLOCK_SLOTS];
    for (values, halves) in row.as_chunks_mut().0.iter_mut().zip(halves.as_chunks().0) {
        *values = widen(halves);
    }
    row
}
