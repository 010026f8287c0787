//! Every operation that gives parts of its output to several threads, small enough for Miri, which sees
//! what no result shows: two threads at one place, or a reference that outlives its right.

use super::{Random, assert_same_bits};
use crate::quantize::Quantized;
use crate::table::current;
use crate::{
    AttentionSpan, Format, KvFormat, KvLayout, Matrix, Packed, PagedKv, Pool, Product, RopeLayout,
    RopeTurns, View, Weights, add, attention, matmul, pack, rms_norm, rope, swiglu,
};

/// Asserts that `operation` returns the same with one thread and with three.
fn check(operation: impl Fn(&Pool) -> Vec<f32>) {
    let alone = operation(&Pool::new(1).unwrap());
    assert_same_bits(&operation(&Pool::new(3).unwrap()), &alone, "three threads");
}

#[test]
fn products_of_float_and_packed_weights() {
    let mut random = Random(1);
    let (rows, cols) = (70, 32);
    let float = random.weights(Format::F16, rows, cols);
    let stored = random.weights(Format::Q4_0, rows, cols);
    let x = random.floats(2 * cols);
    check(|pool| {
        let stored = Matrix::new(Format::Q4_0, rows, cols, &stored).unwrap();
        let mut bytes = vec![0; Packed::len(Format::Q4_0, rows, cols).unwrap()];
        pack(pool, &stored, &mut bytes);
        let packed = Packed::new(Format::Q4_0, rows, cols, &bytes).unwrap();
        let float = Matrix::new(Format::F16, rows, cols, &float).unwrap();
        let [mut first, mut second] = [vec![0.0; 2 * rows], vec![0.0; 2 * rows]];
        let mut products = [
            Product { weights: Weights::Packed(packed), out: &mut first },
            Product { weights: Weights::Plain(float), out: &mut second },
        ];
        matmul(pool, &x, &mut products);
        [first, second].concat()
    });
}

#[test]
fn activations_become_codes() {
    let x = Random(2).floats(20 * 32);
    check(|pool| {
        let mut quantized = Quantized::default();
        quantized.fill(pool, current(), &x, 32);
        let tiles = (0..quantized.rows()).step_by(8).map(|first| quantized.tile(first));
        tiles.flat_map(|tile| [tile.scales, tile.weighted_sums].concat()).collect()
    });
}

#[test]
fn rows_and_elements() {
    let mut random = Random(3);
    let (rows, width) = (9, 130);
    let (x, y) = (random.floats(rows * width), random.floats(rows * width));
    let positions: Vec<u32> = (0..9).collect();
    let turns = RopeTurns::new(&[1.0, 0.1], &positions);
    check(|pool| {
        let mut results = [x.clone(), x.clone(), x.clone(), vec![0.0; x.len()]];
        let [sum, gate, turned, norm] = &mut results;
        add(pool, sum, &y);
        swiglu(pool, gate, &y);
        rope(pool, turned, 1, width, &turns, RopeLayout::HalfSplit);
        rms_norm(pool, &x, &y[..width], 1e-5, norm);
        results.concat()
    });
}

/// Few rows share their stretches among the threads, many go to threads piece by piece.
#[test]
fn attention_by_stretches_and_by_pieces() {
    let mut random = Random(4);
    let layout = KvLayout::new(KvFormat::F32, 2, 2);
    let mut block = || -> Vec<u8> {
        let floats = random.floats(layout.block_bytes() / 4);
        floats.iter().flat_map(|x| x.to_le_bytes()).collect()
    };
    let blocks: Vec<_> = (0..9).map(|_| block()).collect();
    let blocks: Vec<_> = blocks.iter().map(Vec::as_slice).collect();
    for (first, rows, heads) in [(257, 1, 2), (3, 17, 8)] {
        let positions: Vec<u32> = (first..first + rows).collect();
        let q = random.floats(positions.len() * heads * layout.head_width);
        check(|pool| {
            let kv = PagedKv { layout, blocks: &blocks, layer_at: 0 };
            let positions = positions.as_slice();
            let span = AttentionSpan { q: &q, sink_q: None, positions, kv, view: View::ALL };
            let mut out = vec![0.0; q.len()];
            attention(pool, heads, &[span], &mut out);
            out
        });
    }
}
