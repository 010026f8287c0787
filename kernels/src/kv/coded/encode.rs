//! A block of the pool to its code.

use super::super::layout::{BLOCK_SLOTS, KvLayout};
use super::super::unpack::read_kv;
use super::context::{Means, Sizes, of_member, size_of_head};
use super::{CODED, EXACT, KvStep, STEP_MAX, STEP_MIN, coded_kv_bytes, lanes, row_len};
use crate::family::{Family, OUTLIER};
use crate::rans;

/// The largest code. With a larger one the block is not coded.
const CODE_MAX: f32 = 32_767.0;

/// The lowest bit of a number so far up is worth one.
const ROUNDER: f32 = 12_582_912.0;

/// The root mean square of what is normally distributed, by the mean pattern of its magnitudes; as in
/// [`Calibration`](crate::wire::Calibration).
const ROOT_MEAN_SQUARE: f32 = 1.83;

/// Appends the code of `block`, the [`block_bytes`](KvLayout::block_bytes) of one layer, to `bytes`: as
/// many as [`coded_kv_bytes`] says. Every slot counts; one that was never written is coded as it reads.
///
/// # Panics
///
/// Where `block` has another length.
pub fn encode_kv(layout: &KvLayout, block: &[u8], step: KvStep, bytes: &mut Vec<u8>) {
    let from = bytes.len();
    let coded = append_coded(layout, block, step, bytes);
    if coded.is_none() || bytes.len() - from > *coded_kv_bytes(layout).end() {
        bytes.truncate(from);
        bytes.push(EXACT);
        bytes.extend(block);
    }
}

/// `None` where the block cannot be coded; `bytes` may then have grown.
fn append_coded(layout: &KvLayout, block: &[u8], step: KvStep, bytes: &mut Vec<u8>) -> Option<()> {
    let len = BLOCK_SLOTS * layout.kv_heads * layout.head_width;
    let (mut keys, mut values) = (vec![0.0; len], vec![0.0; len]);
    read_kv(layout, block, &mut keys, &mut values);
    let patterns = [usual_step(&keys, step), usual_step(&values, step)];
    let codes = quantize(layout, &keys, &values, patterns.map(step_of_pattern))?;
    let sizes = sizes_of_heads(layout, &codes);
    let (symbols, members, escapes) = symbols(layout, &sizes, &codes);
    bytes.push(CODED);
    patterns.iter().for_each(|pattern| bytes.extend(pattern.to_le_bytes()));
    bytes.extend(&sizes);
    bytes.extend(u32::try_from(escapes.len()).ok()?.to_le_bytes());
    escapes.iter().for_each(|code| bytes.extend(code.to_le_bytes()));
    if lanes(layout) == 4 {
        append_stream::<4>(&symbols, &members, bytes);
    } else {
        append_stream::<2>(&symbols, &members, bytes);
    }
    Some(())
}

/// The step for elements of which the geometric mean of the magnitudes says what is usual: one that
/// is a thousand times the others does not count for more. As the upper half of an f32.
///
/// Patterns read as integers are logarithms, nearly, and sums of integers have no order.
fn usual_step(elements: &[f32], step: KvStep) -> u16 {
    let usual = elements.iter().filter(|x| x.is_normal());
    let (sum, count) = usual.fold((0, 0), |(sum, count): (u64, u64), x| {
        (sum + u64::from(x.abs().to_bits()), count + 1)
    });
    let mean = u32::try_from(sum.checked_div(count).unwrap_or_default()).expect("a mean of such");
    let wanted = f32::from_bits(mean) * ROOT_MEAN_SQUARE * step.factor();
    let step = wanted.clamp(STEP_MIN, STEP_MAX);
    u16::try_from(step.to_bits() >> 16).expect("a half")
}

/// The step of which `pattern` is the upper half.
pub(super) fn step_of_pattern(pattern: u16) -> f32 {
    f32::from_bits(u32::from(pattern) << 16)
}

/// All codes, `[32, 2 G E]`; `None` where one would be too large or no number.
fn quantize(layout: &KvLayout, keys: &[f32], values: &[f32], steps: [f32; 2]) -> Option<Vec<i16>> {
    let row = row_len(layout);
    let mut codes = vec![0; BLOCK_SLOTS * row];
    let (mut elements, mut residuals) = (vec![0.0; row], vec![0.0; row]);
    let mut means = Means::new(row);
    let slots = keys.chunks_exact(row / 2).zip(values.chunks_exact(row / 2));
    for (codes, (key, value)) in codes.chunks_exact_mut(row).zip(slots) {
        elements[..row / 2].copy_from_slice(key);
        elements[row / 2..].copy_from_slice(value);
        means.residuals(steps, &elements, &mut residuals);
        // False for NaN.
        if !residuals.iter().fold(true, |all, x| all & (x.abs() <= CODE_MAX)) {
            return None;
        }
        for (code, x) in codes.iter_mut().zip(&residuals) {
            let [low, high, ..] = (x + ROUNDER).to_bits().to_le_bytes();
            *code = i16::from_le_bytes([low, high]);
        }
        means.restore(steps, codes, &mut elements);
    }
    Some(codes)
}

/// How large the codes of each head are: keys, then values, `[2 G]`.
fn sizes_of_heads(layout: &KvLayout, codes: &[i16]) -> Vec<u8> {
    let (row, width) = (row_len(layout), layout.head_width);
    let magnitudes = |head: usize| -> u64 {
        let slots = codes.chunks_exact(row).flat_map(|slot| &slot[head * width..][..width]);
        slots.map(|code| u64::from(code.unsigned_abs())).sum()
    };
    let heads = 0..2 * layout.kv_heads;
    heads.map(|head| size_of_head(magnitudes(head), BLOCK_SLOTS * width)).collect()
}

/// Codes as symbols, the members of the family that they are expected from, and what no symbol says.
fn symbols(layout: &KvLayout, sizes: &[u8], codes: &[i16]) -> (Vec<u8>, Vec<u8>, Vec<i16>) {
    let (row, family) = (row_len(layout), Family::get());
    let (mut symbols, mut members) = (vec![0; codes.len()], vec![0; codes.len()]);
    let mut escapes = Vec::new();
    let mut sizes = Sizes::new(layout, sizes);
    let slots = symbols.chunks_exact_mut(row).zip(members.chunks_exact_mut(row));
    for (codes, (symbols, members)) in codes.chunks_exact(row).zip(slots) {
        sizes.members(members);
        for ((symbol, code), member) in symbols.iter_mut().zip(codes).zip(&*members) {
            let fits = code.unsigned_abs() <= u16::from(of_member(family, *member).1);
            *symbol = if fits { code.to_le_bytes()[0] } else { OUTLIER };
            if !fits {
                escapes.push(*code);
            }
        }
        sizes.add(codes);
    }
    (symbols, members, escapes)
}

/// Streams are written from their end: to the end of the room there is, then moved.
fn append_stream<const LANES: usize>(symbols: &[u8], members: &[u8], bytes: &mut Vec<u8>) {
    let (from, family) = (bytes.len(), Family::get());
    bytes.resize(from + rans::room::<LANES>(symbols.len()), 0);
    let table = |i: usize| of_member(family, members[i]).0;
    let start = rans::encode::<LANES>(symbols, table, &mut bytes[from..]);
    bytes.copy_within(from + start.., from);
    bytes.truncate(bytes.len() - start);
}
