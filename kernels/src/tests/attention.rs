//! Attention: tables, row independence, accuracy, blocks and windows.

use rayon::ThreadPoolBuilder;

use super::{Random, assert_same_bits};
use crate::attention::attention_with;
use crate::table::{Table, available, current};
use crate::{PagedKv, scalar};

/// A pool of blocks in shuffled order, with two layers and junk between them.
struct Pool {
    blocks: Vec<f32>,
    table: Vec<u32>,
    kv_heads: usize,
    width: usize,
}

const SLOTS: usize = 4;
const LENGTH: usize = 30;

impl Pool {
    fn new(random: &mut Random, kv_heads: usize, width: usize) -> Self {
        let count = u32::try_from(LENGTH.div_ceil(SLOTS)).unwrap();
        let mut table: Vec<u32> = (0..count).collect();
        for i in (1..table.len()).rev() {
            table.swap(i, random.below(i + 1));
        }
        let stride = 4 * SLOTS * kv_heads * width + 3;
        Self { blocks: random.floats(table.len() * stride), table, kv_heads, width }
    }

    fn kv(&self) -> PagedKv<'_> {
        let span = SLOTS * self.kv_heads * self.width;
        PagedKv {
            blocks: &self.blocks,
            table: &self.table,
            block_slots: SLOTS,
            block_stride: 4 * span + 3,
            key_at: 2 * span + 1,
            value_at: 3 * span + 2,
            kv_heads: self.kv_heads,
            head_width: self.width,
        }
    }

    /// Index into the pool of element `e` of the key at `position`; the value is one span further.
    fn key_at(&self, position: usize, head: usize) -> usize {
        let kv = self.kv();
        let block = usize::try_from(self.table[position / SLOTS]).unwrap();
        let slot = position % SLOTS;
        block * kv.block_stride + kv.key_at + (slot * self.kv_heads + head) * self.width
    }
}

fn attend(
    table: &Table,
    pool: &Pool,
    q: &[f32],
    heads: usize,
    positions: &[u32],
    window: Option<u32>,
) -> Vec<f32> {
    let mut out = vec![f32::NAN; q.len()];
    attention_with(table, q, heads, positions, &pool.kv(), window, &mut out);
    out
}

#[test]
fn every_table_returns_the_oracles_bits() {
    let mut random = Random(1);
    for (heads, kv_heads, width) in [(1, 1, 1), (4, 2, 8), (6, 2, 20), (3, 3, 64), (2, 1, 100)] {
        let mut pool = Pool::new(&mut random, kv_heads, width);
        for round in 0..3 {
            if round == 2 {
                pool.blocks = random.wild_floats(pool.blocks.len());
            }
            let positions = [0, 1, 7, 8, 16, 29];
            let q = random.floats(positions.len() * heads * width);
            for window in [None, Some(1), Some(5), Some(100)] {
                let expected = attend(&scalar::TABLE, &pool, &q, heads, &positions, window);
                for table in available() {
                    let got = attend(table, &pool, &q, heads, &positions, window);
                    assert_same_bits(&got, &expected, table.name);
                }
            }
        }
    }
}

#[test]
fn a_row_does_not_notice_its_company_or_the_threads() {
    let mut random = Random(2);
    let (heads, width) = (8, 64);
    let pool = Pool::new(&mut random, 4, width);
    let positions: Vec<u32> = (0..64).map(|t| t % 30).collect();
    let row = heads * width;
    let q = random.floats(positions.len() * row);
    let one =
        |t: usize| attend(current(), &pool, &q[t * row..][..row], heads, &positions[t..=t], None);
    let alone: Vec<f32> = (0..64).flat_map(one).collect();
    for threads in 1..=4 {
        let workers = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for t in [2, 5, 33, 64] {
            let got = workers
                .install(|| attend(current(), &pool, &q[..t * row], heads, &positions[..t], None));
            assert_same_bits(&got, &alone[..t * row], &format!("{t} rows, {threads} threads"));
        }
    }
}

/// Weighted means in double precision; f32 rounding and our exponential stay within 1e-5 of the
/// largest value.
#[test]
fn the_oracle_agrees_with_double_precision_over_the_right_positions() {
    let mut random = Random(3);
    let (heads, kv_heads, width) = (6, 3, 16);
    let pool = Pool::new(&mut random, kv_heads, width);
    let positions = [0_u32, 3, 4, 29];
    let q = random.floats(positions.len() * heads * width);
    let span = SLOTS * kv_heads * width + 1;
    for window in [None, Some(6)] {
        let got = attend(&scalar::TABLE, &pool, &q, heads, &positions, window);
        for (index, (q, got)) in q.chunks(width).zip(got.chunks(width)).enumerate() {
            let position = positions[index / heads];
            let first = window.map_or(0, |window: u32| (position + 1).saturating_sub(window));
            let seen: Vec<usize> = (first..=position)
                .map(|position| pool.key_at(usize::try_from(position).unwrap(), index % heads / 2))
                .collect();
            let score = |&at: &usize| {
                let key = &pool.blocks[at..at + width];
                let dot: f64 = q.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum();
                (dot / (width as f64).sqrt()).exp()
            };
            let weights: Vec<f64> = seen.iter().map(score).collect();
            let sum: f64 = weights.iter().sum();
            for (e, got) in got.iter().enumerate() {
                let value = |at: &usize| f64::from(pool.blocks[at + span + e]);
                let exact: f64 = seen.iter().zip(&weights).map(|(at, w)| w / sum * value(at)).sum();
                assert!((f64::from(*got) - exact).abs() < 1e-5, "{got} for {exact}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "out of range")]
fn a_position_without_a_block_is_a_callers_mistake() {
    let pool = Pool::new(&mut Random(4), 1, 8);
    attend(current(), &pool, &[0.0; 8], 1, &[32], None);
}
