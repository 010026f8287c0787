//! The pool's bookkeeping, and that what is written is what attention reads.

use super::*;

fn pool(tokens: usize) -> KvPool {
    let layers = LayerRange::new(3, 5).unwrap();
    let shape = BlockShape { layers, kv_heads: 1, head_width: 2 };
    KvPool::new(shape, tokens, RopeTable::new(&[1.0], 1)).unwrap()
}

fn grow(pool: &mut KvPool, sequence: SequenceId, rows: usize) {
    pool.reserve(sequence, rows);
    pool.advance(sequence, rows, pool.shape().layers);
}

#[test]
fn blocks_are_taken_as_positions_come_and_given_back_as_they_go() {
    let mut pool = pool(100);
    assert_eq!(pool.free_tokens(), 128);
    let (a, b) = (pool.open(), pool.open());
    grow(&mut pool, a, 1);
    grow(&mut pool, b, 33);
    grow(&mut pool, a, 31);
    assert_eq!((pool.len(a), pool.len(b), pool.free_tokens()), (32, 33, 32));
    assert_eq!(pool.blocks_for(a, 1), 1);
    pool.truncate(b, Position(32));
    assert_eq!((pool.len(b), pool.free_tokens()), (32, 64));
    pool.truncate(b, Position(40));
    assert_eq!(pool.len(b), 32);
    pool.close(a);
    pool.close(b);
    assert_eq!(pool.free_tokens(), 128);
    assert!(!pool.holds(a));
}

/// Goal: no block is ever in two places. Method: many random steps, every block counted after each.
#[test]
fn every_block_is_free_or_one_sequences() {
    let mut pool = pool(640);
    let mut open: Vec<SequenceId> = Vec::new();
    let mut state = 7_u32;
    for _ in 0..5000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (step, n) = (state >> 30, (state >> 8) % 70);
        let chosen = open.get(n as usize % open.len().max(1)).copied();
        match (step, chosen) {
            (0, _) if open.len() < 8 => open.push(pool.open()),
            (1, Some(sequence)) if n % 3 == 0 => {
                pool.close(sequence);
                open.retain(|other| *other != sequence);
            }
            (2, Some(sequence)) => pool.truncate(sequence, Position(n)),
            (_, Some(sequence)) if pool.blocks_for(sequence, n as usize) <= pool.free_blocks() => {
                grow(&mut pool, sequence, n as usize);
            }
            _ => {}
        }
        let held = pool.sequences.values().flat_map(|sequence| &sequence.blocks);
        let mut all: Vec<u32> = held.chain(&pool.free).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..20).collect::<Vec<u32>>());
        for sequence in pool.sequences.values() {
            assert_eq!(sequence.blocks.len(), sequence.length.div_ceil(BLOCK_SLOTS));
        }
    }
}

#[test]
fn reserved_blocks_that_are_not_written_go_back() {
    let mut pool = pool(64);
    let sequence = pool.open();
    grow(&mut pool, sequence, 3);
    pool.reserve(sequence, 40);
    assert_eq!(pool.free_blocks(), 0);
    pool.release(sequence);
    assert_eq!((pool.free_blocks(), pool.len(sequence)), (1, 3));
}

#[test]
fn written_rows_lie_where_attention_looks_for_them() {
    let mut pool = pool(96);
    let (first, second) = (pool.open(), pool.open());
    grow(&mut pool, first, 1);
    // The second sequence's blocks are 1 and 2, so that a table that is ignored shows.
    pool.reserve(second, 40);
    for layer in [3, 4] {
        let key = |slot: u16| [f32::from(slot), 0.5];
        let keys: Vec<f32> = (0..40).flat_map(key).collect();
        let values: Vec<f32> = keys.iter().map(|x| x + 100.0 * layer as f32).collect();
        pool.write(second, layer, &keys, &values);
        let kv = pool.read(second, layer);
        for slot in 0..40 {
            let block = kv.table[slot / kv.block_slots] as usize * kv.block_stride;
            let at = block + slot % kv.block_slots * 2;
            assert_eq!(kv.blocks[at + kv.key_at..][..2], keys[slot * 2..][..2]);
            assert_eq!(kv.blocks[at + kv.value_at..][..2], values[slot * 2..][..2]);
        }
    }
    // Layer 3 was not disturbed by layer 4.
    assert_eq!(pool.read(second, 3).blocks[pool.read(second, 3).block_stride + 2..][..1], [1.0]);
}

#[test]
fn a_sequence_forgets_its_layers_when_it_is_empty_again() {
    let mut pool = pool(32);
    let sequence = pool.open();
    assert_eq!(pool.written_by(sequence), None);
    grow(&mut pool, sequence, 2);
    assert_eq!(pool.written_by(sequence), Some(pool.shape().layers));
    pool.truncate(sequence, Position(0));
    assert_eq!(pool.written_by(sequence), None);
}

#[test]
#[should_panic(expected = "closed or another pool's")]
fn a_sequence_of_another_pool_is_not_mistaken_for_ours() {
    let (mut ours, mut theirs) = (pool(32), pool(32));
    ours.open();
    let foreign = theirs.open();
    ours.len(foreign);
}

#[test]
fn a_pool_beyond_memory_is_an_error() {
    let shape = BlockShape { layers: LayerRange::all(64), kv_heads: 64, head_width: 1024 };
    for tokens in [usize::MAX, usize::MAX / 64, 1 << 36] {
        let made = KvPool::new(shape, tokens, RopeTable::new(&[1.0], 1));
        assert_eq!(made.err(), Some(PoolError::Memory { tokens }));
    }
}
