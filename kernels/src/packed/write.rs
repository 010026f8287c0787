//! Stored blocks into packed panels: every field moved as it is, four codes at a time.

use super::Packed;
use super::layout::{GROUP, Layout, PANEL, VECTOR};
use crate::disjoint::Disjoint;
use crate::layout::{field, q4_0, q4_k, q5_0, q5_k, q6_k, q8_0, sub_scales};
use crate::{Format, Matrix, Pool};

/// Panels that a thread packs at a time.
const PIECE: usize = 4;

/// A bit, two bits and four bits in each byte of a word.
const BIT: u32 = 0x0101_0101;
const PAIR: u32 = 0x0303_0303;
const NIBBLE: u32 = 0x0f0f_0f0f;

/// Packs `w` into `out`, which has [`Packed::len`] bytes. The last panel is filled up with zeros.
///
/// # Panics
///
/// Where `w` is not quantized or `out` has another length.
pub fn pack(pool: &Pool, w: &Matrix<'_>, out: &mut [u8]) {
    let len = Packed::len(w.format(), w.rows(), w.cols());
    assert_eq!(Some(out.len()), len, "a packed matrix has one length");
    let panels = w.rows().div_ceil(PANEL);
    let panel_bytes = out.len() / panels;
    let out = Disjoint::new(out);
    pool.run(panels.div_ceil(PIECE), &|piece| {
        for panel in piece * PIECE..panels.min((piece + 1) * PIECE) {
            // SAFETY: a panel belongs to one piece, and a piece runs once.
            let out = unsafe { out.slice(panel * panel_bytes..(panel + 1) * panel_bytes) };
            pack_panel(w, panel, out);
        }
    });
}

/// Packs outputs `16 * panel..`.
fn pack_panel(w: &Matrix<'_>, panel: usize, out: &mut [u8]) {
    let (format, layout) = (w.format(), Layout::of(w.format()));
    let outputs = (w.rows() - panel * PANEL).min(PANEL);
    if outputs < PANEL {
        out.fill(0);
    }
    for output in 0..outputs {
        let blocks = w.row(panel * PANEL + output).chunks_exact(format.block_bytes());
        for (block, out) in blocks.zip(out.chunks_exact_mut(layout.block_bytes())) {
            let (head, subs) = out.split_at_mut(layout.head);
            for (at, out) in halves(format).iter().zip(head.chunks_exact_mut(2 * PANEL)) {
                out[2 * output..][..2].copy_from_slice(&block[*at..at + 2]);
            }
            for (sub, out) in subs.chunks_exact_mut(layout.sub_bytes()).enumerate() {
                Fields::read(format, block, sub).write(&layout, output, out);
            }
        }
    }
}

/// Where a stored block has its `f16` scales.
fn halves(format: Format) -> &'static [usize] {
    match format {
        Format::Q8_0 => &[q8_0::SCALE],
        Format::Q4_0 => &[q4_0::SCALE],
        Format::Q5_0 => &[q5_0::SCALE],
        Format::Q4K => &[q4_k::SCALE, q4_k::MIN],
        Format::Q5K => &[q5_k::SCALE, q5_k::MIN],
        Format::Q6K => &[q6_k::SCALE],
        Format::F32 | Format::F16 | Format::BF16 => unreachable!("{format} is not packed"),
    }
}

/// A sub-block of one output, as a packed panel holds it.
struct Fields {
    scales: [u8; 2],
    high: [u32; 2],
    /// Four codes each, or their low nibbles.
    groups: [u32; 8],
}

impl Fields {
    fn read(format: Format, block: &[u8], sub: usize) -> Self {
        let word = |at: usize| u32::from_le_bytes(*field(block, at));
        // Groups 0 to 3 in the low nibbles of 16 bytes, 4 to 7 in the high ones.
        let legacy = |at: usize| groups(|j| (word(at + j % 4 * GROUP) >> (j / 4 * 4)) & NIBBLE);
        // Two sub-blocks share 32 bytes: one has the low nibbles, one the high.
        let shared =
            |at: usize, high: usize| groups(|j| (word(at + j * GROUP) >> (4 * high)) & NIBBLE);
        let plain = |groups| Self { scales: [0; 2], high: [0; 2], groups };
        match format {
            Format::Q8_0 => plain(groups(|j| word(q8_0::CODES + j * GROUP))),
            Format::Q4_0 => plain(legacy(q4_0::CODES)),
            Format::Q5_0 => {
                let bits = word(q5_0::HIGH);
                let high = join(0..8, |j| spread(bits >> (4 * j)) << j);
                Self { high: [high, 0], ..plain(legacy(q5_0::CODES)) }
            }
            Format::Q4K => {
                let (scales, minima) = sub_scales(field(block, q4_k::SUB_SCALES));
                let groups = shared(q4_k::CODES + sub / 2 * 32, sub % 2);
                Self { scales: [scales[sub], minima[sub]], ..plain(groups) }
            }
            Format::Q5K => {
                let (scales, minima) = sub_scales(field(block, q5_k::SUB_SCALES));
                let high = join(0..8, |j| ((word(q5_k::HIGH + j * GROUP) >> sub) & BIT) << j);
                let groups = shared(q5_k::CODES + sub / 2 * 32, sub % 2);
                Self { scales: [scales[sub], minima[sub]], high: [high, 0], groups }
            }
            Format::Q6K => {
                let (half, quarter) = (sub / 4, sub % 4);
                let pairs = |j: usize| word(q6_k::HIGH + half * 32 + j * GROUP) >> (2 * quarter);
                let high = [0, 4]
                    .map(|first| join(0..4, |pair| (pairs(first + pair) & PAIR) << (2 * pair)));
                let groups = shared(q6_k::LOW + half * 64 + quarter % 2 * 32, quarter / 2);
                Self { scales: *field(block, q6_k::SUB_SCALES + 2 * sub), high, groups }
            }
            Format::F32 | Format::F16 | Format::BF16 => unreachable!("{format} is not packed"),
        }
    }

    fn write(&self, layout: &Layout, output: usize, out: &mut [u8]) {
        let (scales, out) = out.split_at_mut(layout.scales);
        for (out, scale) in scales.chunks_exact_mut(PANEL).zip(self.scales) {
            out[output] = scale;
        }
        let (high, codes) = out.split_at_mut(layout.high);
        for (out, word) in high.chunks_exact_mut(VECTOR).zip(self.high) {
            out[output * GROUP..][..GROUP].copy_from_slice(&word.to_le_bytes());
        }
        let nibbles = layout.codes == self.groups.len() / 2 * VECTOR;
        for (vector, out) in codes.chunks_exact_mut(VECTOR).enumerate() {
            let low = self.groups[vector];
            let word = if nibbles { low | self.groups[vector + 4] << 4 } else { low };
            out[output * GROUP..][..GROUP].copy_from_slice(&word.to_le_bytes());
        }
    }
}

fn groups(group: impl Fn(usize) -> u32) -> [u32; 8] {
    std::array::from_fn(group)
}

/// The parts, which share no bit, in one word.
fn join(parts: std::ops::Range<usize>, part: impl Fn(usize) -> u32) -> u32 {
    parts.map(part).fold(0, |word, part| word | part)
}

/// The low four bits of `bits`, one in each byte.
fn spread(bits: u32) -> u32 {
    // Bit `i` is copied to bits `i`, `i + 7`, `i + 14` and `i + 21`; bit `8 i` is one of these.
    ((bits & 15) * 0x0020_4081) & BIT
}
