//! Activations as 8-bit codes: what the quantized dot products multiply weights with.

use crate::disjoint::Disjoint;
use crate::layout::SUB_BLOCK;
use crate::packed::GROUP;
use crate::{Pool, table::Table};

/// Magnitudes below which a block counts as zero: `127 / absmax` stays finite well above it.
pub(crate) const SMALLEST: f32 = 1e-30;

/// Activation rows that share one reading of the weights.
pub(crate) const ROW_TILE: usize = 8;

/// Values that a thread quantizes at a time, at least; see [`crate::matmul::PARALLEL_WORK_MIN`] for Miri.
const PIECE: usize = if cfg!(miri) { 1 } else { 1 << 14 };

/// The codes of a block, four in a word: in memory, one after the other.
pub(crate) type Codes = [i32; SUB_BLOCK / GROUP];

/// `T` rows of `K` activations, quantized row by row in blocks of 32.
///
/// A block holds `round(x * 127 / absmax)` (half to even) and the scale `absmax / 127`. A block with a
/// NaN or an infinity has codes 0 and a NaN for its scale, so that every output that reads it becomes
/// NaN rather than something plausible.
///
/// Rows lie in tiles of eight, the last one of fewer: block by block, the rows of the tile side by
/// side, so that a tile is read from front to back.
#[derive(Default)]
pub(crate) struct Quantized {
    /// `[tile, K / 32, row in tile]`, as all fields.
    codes: Vec<Codes>,
    scales: Vec<f32>,
    /// Sums of the codes of each half of a block.
    sums: Vec<[i32; 2]>,
    /// Scale times the sum of all codes: what a minimum of 1 subtracts.
    weighted_sums: Vec<f32>,
    rows: usize,
    blocks: usize,
}

/// The tile that begins with some row; all slices have `K / 32` times its rows.
#[derive(Clone, Copy)]
pub(crate) struct RowTile<'a> {
    pub(crate) rows: usize,
    pub(crate) codes: &'a [Codes],
    pub(crate) scales: &'a [f32],
    pub(crate) sums: &'a [[i32; 2]],
    pub(crate) weighted_sums: &'a [f32],
}

/// Quantizes one block: fills the codes, returns the scale and the sums of the codes' halves.
pub(crate) type QuantizeBlock = fn(&[f32; SUB_BLOCK], &mut Codes) -> (f32, [i32; 2]);

impl Quantized {
    /// Replaces the content by `x`, `[T, cols]` with `cols` a multiple of 32.
    pub(crate) fn fill(&mut self, pool: &Pool, table: &Table, x: &[f32], cols: usize) {
        let (blocks, rest) = x.as_chunks::<SUB_BLOCK>();
        assert!(rest.is_empty() && cols.is_multiple_of(SUB_BLOCK), "rows are whole blocks");
        self.blocks = cols / SUB_BLOCK;
        self.rows = x.len() / cols;
        self.codes.resize(blocks.len(), Codes::default());
        self.scales.resize(blocks.len(), 0.0);
        self.sums.resize(blocks.len(), [0; 2]);
        self.weighted_sums.resize(blocks.len(), 0.0);
        let (rows, in_row) = (self.rows, self.blocks);
        let codes = Disjoint::new(&mut self.codes);
        let scales = Disjoint::new(&mut self.scales);
        let sums = Disjoint::new(&mut self.sums);
        let weighted_sums = Disjoint::new(&mut self.weighted_sums);
        let tiles = rows.div_ceil(ROW_TILE);
        let piece = PIECE.div_ceil(ROW_TILE * cols);
        pool.run(tiles.div_ceil(piece), &|index| {
            for tile in index * piece..tiles.min((index + 1) * piece) {
                let first = tile * ROW_TILE;
                let count = (rows - first).min(ROW_TILE);
                let part = first * in_row..(first + count) * in_row;
                // SAFETY: a tile belongs to one piece, and a piece runs once.
                let codes = unsafe { codes.slice(part.clone()) };
                // SAFETY: as above.
                let scales = unsafe { scales.slice(part.clone()) };
                // SAFETY: as above.
                let sums = unsafe { sums.slice(part.clone()) };
                // SAFETY: as above.
                let weighted_sums = unsafe { weighted_sums.slice(part.clone()) };
                for (at, block) in blocks[part].iter().enumerate() {
                    let to = at % in_row * count + at / in_row;
                    (scales[to], sums[to]) = (table.quantize_block)(block, &mut codes[to]);
                    #[expect(clippy::cast_precision_loss, reason = "at most 32 * 127")]
                    let sum = (sums[to][0] + sums[to][1]) as f32;
                    weighted_sums[to] = scales[to] * sum;
                }
            }
        });
    }

    /// Number of rows, `T`.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The tile of rows that begins with row `first`, a multiple of [`ROW_TILE`].
    #[inline]
    pub(crate) fn tile(&self, first: usize) -> RowTile<'_> {
        let rows = (self.rows - first).min(ROW_TILE);
        let part = first * self.blocks..(first + rows) * self.blocks;
        RowTile {
            rows,
            codes: &self.codes[part.clone()],
            scales: &self.scales[part.clone()],
            sums: &self.sums[part.clone()],
            weighted_sums: &self.weighted_sums[part],
        }
    }
}

/// The two factors of a block whose largest magnitude is `absmax`: `(scale, 1 / scale)`.
#[inline(always)]
pub(crate) fn block_scale(absmax: f32) -> (f32, f32) {
    if absmax < SMALLEST { (0.0, 0.0) } else { (absmax / 127.0, 127.0 / absmax) }
}
