//! The pool's bookkeeping without a model: rows are written whose values follow from their text.

mod formats;
mod named;
mod random;
mod segments;

use super::*;
use base::{KvFormat, LayerRange, ModelFingerprint, Position, StreamWindow, TokenId};
use kernels::View;

pub(super) const VIEW_WINDOW: u32 = 64;

pub(super) fn shape() -> KvShape {
    let layers = LayerRange::new(3, 5).unwrap();
    let model = ModelFingerprint([7; 32]);
    KvShape { layers, kv_heads: 1, head_width: 4, sliding_window: None, model }
}

/// A pool of so many blocks in half precision.
pub(super) fn pool(blocks: usize) -> KvPool {
    let bound = shape().bytes_max(&KvOptions::default(), blocks * BLOCK_SLOTS, 0);
    KvPool::new(shape(), bound, vec![1.0, 0.1]).unwrap()
}

pub(super) fn shared(format: KvFormat) -> KvOptions {
    KvOptions { format, scope: PrefixScope::of("test"), ..KvOptions::default() }
}

fn stream(sinks: u32) -> KvOptions {
    let stream = Some(StreamWindow::new(sinks, VIEW_WINDOW).unwrap());
    KvOptions { stream, ..KvOptions::default() }
}

/// The key and value rows of the last token of `text`, which stand for all of it.
pub(super) fn row(text: &[TokenId], layer: u32) -> ([f32; 4], [f32; 4]) {
    let hash = text.iter().fold(layer, |hash, token| (hash ^ token.0).wrapping_mul(16_777_619));
    let value = |shift: u32| f32::from(u8::try_from((hash >> shift) & 0xff).unwrap()) / 16.0;
    let keys = [0, 8, 16, 24].map(value);
    (keys, keys.map(|x| -x))
}

/// Runs `tokens` after `text` as a pass would: whether there was room, and the rows that ran.
pub(super) fn append(
    pool: &mut KvPool,
    sequence: SequenceId,
    text: &[TokenId],
    tokens: &[TokenId],
    most: usize,
) -> Option<usize> {
    assert_eq!(pool.len(sequence), text.len());
    let found = pool.find(sequence, shape().layers, tokens, most);
    let skipped = found.rows;
    if !pool.has_room(pool.demand(sequence, &found, tokens.len())) {
        return None;
    }
    pool.adopt(sequence, found, tokens, shape().layers);
    assert!(pool.reserve(sequence, tokens.len() - skipped), "what fits is there");
    let all = [text, tokens].concat();
    let ends = text.len() + skipped + 1..=all.len();
    for layer in shape().layers.iter() {
        let rows: Vec<_> = ends.clone().map(|end| row(&all[..end], layer)).collect();
        let keys: Vec<f32> = rows.iter().flat_map(|(keys, _)| *keys).collect();
        let values: Vec<f32> = rows.iter().flat_map(|(_, values)| *values).collect();
        pool.write(sequence, layer, &keys, &values);
    }
    let ran = tokens.len() - skipped;
    pool.advance(sequence, ran, shape().layers, Some(&tokens[skipped..]));
    Some(ran)
}

/// Fails where `sequence` does not hold the KV of `text`, as far as a later row sees it: writing
/// again what should be there must change no byte.
pub(super) fn check_content(pool: &KvPool, sequence: SequenceId, text: &[TokenId]) {
    assert_eq!(pool.len(sequence), text.len());
    let View { window, sinks } = pool.view(sequence);
    let first = window.map_or(0, |window| (text.len() + 1).saturating_sub(window as usize));
    let blocks = pool.blocks(sequence);
    for layer in shape().layers.iter() {
        let kv = pool.read(sequence, layer, &blocks);
        let seen = (0..text.len()).filter(|at| *at >= first || *at < sinks as usize);
        for at in seen {
            let held = &kv.blocks[at / BLOCK_SLOTS][kv.layer_at..][..kv.layout.block_bytes()];
            let mut again = held.to_vec();
            let (keys, values) = row(&text[..=at], layer);
            kernels::write_kv(&kv.layout, &mut again, at % BLOCK_SLOTS, &keys, &values);
            assert!(again == held, "position {at} of {sequence:?}, layer {layer}");
        }
    }
}

pub(super) fn text(seed: u32, length: u32) -> Vec<TokenId> {
    (0..length).map(|at| TokenId(seed * 1000 + at)).collect()
}

fn blocks_used(pool: &KvPool) -> u64 {
    let block = shape().bytes_max(&KvOptions::default(), 1, 0);
    pool.used().0 / block.0
}

#[test]
fn blocks_are_taken_as_positions_come_and_given_back_as_they_go() {
    let mut pool = pool(4);
    let [a, b] = [(); 2].map(|()| pool.open(&KvOptions::default()));
    let (of_a, of_b) = (text(1, 32), text(2, 65));
    append(&mut pool, a, &[], &of_a[..1], 0).unwrap();
    append(&mut pool, b, &[], &of_b[..33], 0).unwrap();
    append(&mut pool, a, &of_a[..1], &of_a[1..], 0).unwrap();
    assert_eq!(blocks_used(&pool), 3);
    append(&mut pool, b, &of_b[..33], &of_b[33..64], 0).unwrap();
    assert_eq!(blocks_used(&pool), 3);
    append(&mut pool, b, &of_b[..64], &of_b[64..], 0).unwrap();
    assert_eq!(append(&mut pool, a, &of_a, &text(3, 1), 0), None, "all blocks are taken");
    check_content(&pool, a, &of_a);
    pool.truncate(b, Position(32)).unwrap();
    pool.truncate(b, Position(40)).unwrap();
    assert_eq!((pool.len(b), blocks_used(&pool)), (32, 2));
    check_content(&pool, b, &of_b[..32]);
    pool.close(a);
    pool.close(b);
    assert_eq!((pool.used().0, pool.free()), (0, pool.bound()));
    assert!(!pool.holds(a));
}

#[test]
fn what_is_reserved_and_not_written_goes_back() {
    let mut pool = pool(2);
    let sequence = pool.open(&KvOptions::default());
    append(&mut pool, sequence, &[], &text(1, 3), 0).unwrap();
    assert!(pool.reserve(sequence, 40));
    assert_eq!(blocks_used(&pool), 2);
    pool.truncate(sequence, Position(3)).unwrap();
    assert_eq!((blocks_used(&pool), pool.len(sequence)), (1, 3));
    check_content(&pool, sequence, &text(1, 3));
}

#[test]
fn a_known_beginning_is_not_run_again_and_takes_no_room() {
    let mut pool = pool(8);
    let all = text(1, 100);
    let first = pool.open(&shared(KvFormat::F16));
    append(&mut pool, first, &[], &all, 0).unwrap();
    let second = pool.open(&shared(KvFormat::F16));
    assert_eq!(append(&mut pool, second, &[], &all, 99), Some(4));
    assert_eq!(blocks_used(&pool), 5, "three blocks are both's");
    check_content(&pool, second, &all);
    // In the middle of a block: the rest of it is found too.
    let third = pool.open(&shared(KvFormat::F16));
    append(&mut pool, third, &[], &all[..5], 4).unwrap();
    assert_eq!(append(&mut pool, third, &all[..5], &all[5..70], 64), Some(6));
    check_content(&pool, third, &all[..70]);
    assert_eq!(pool.counts(), PoolCounts { run: 100 + 4 + 5 + 6, adopted: 96 + 59 });
}

#[test]
fn rows_that_are_wanted_are_not_skipped() {
    let mut pool = pool(8);
    let all = text(1, 64);
    let first = pool.open(&shared(KvFormat::F16));
    append(&mut pool, first, &[], &all, 0).unwrap();
    for (most, ran) in [(0, 64), (31, 64), (32, 32), (63, 32), (64, 0)] {
        let other = pool.open(&shared(KvFormat::F16));
        assert_eq!(append(&mut pool, other, &[], &all, most), Some(ran), "up to {most}");
        pool.close(other);
    }
}

#[test]
fn other_scopes_formats_windows_and_texts_share_nothing() {
    let mut pool = pool(40);
    let all = text(1, 64);
    let base = shared(KvFormat::F16);
    let first = pool.open(&base);
    append(&mut pool, first, &[], &all, 0).unwrap();
    let window = Some(StreamWindow::new(0, 64).unwrap());
    for options in [
        KvOptions { scope: PrefixScope::of("another"), ..base },
        KvOptions { scope: PrefixScope::NOBODY, ..base },
        KvOptions { format: KvFormat::Q8, ..base },
        KvOptions { stream: window, ..base },
    ] {
        let other = pool.open(&options);
        assert_eq!(append(&mut pool, other, &[], &all, 64), Some(64), "{options:?}");
    }
    let other = pool.open(&base);
    let differs = [&text(2, 1), &all[1..]].concat();
    assert_eq!(append(&mut pool, other, &[], &differs, 64), Some(64));
}

#[test]
fn going_on_in_a_shared_block_leaves_the_others_what_they_hold() {
    let mut pool = pool(8);
    let all = text(1, 64);
    let [a, b] = [(); 2].map(|()| pool.open(&shared(KvFormat::F16)));
    append(&mut pool, a, &[], &all, 0).unwrap();
    append(&mut pool, b, &[], &all, 64).unwrap();
    pool.truncate(b, Position(40)).unwrap();
    append(&mut pool, b, &all[..40], &text(2, 30), 0).unwrap();
    check_content(&pool, a, &all);
    check_content(&pool, b, &[&all[..40], &text(2, 30)].concat());
    // The index alone gives a block up: no copy, and nobody finds the old text there.
    let used = blocks_used(&pool);
    pool.truncate(a, Position(40)).unwrap();
    append(&mut pool, a, &all[..40], &text(3, 10), 0).unwrap();
    assert_eq!(blocks_used(&pool), used);
    let c = pool.open(&shared(KvFormat::F16));
    assert_eq!(append(&mut pool, c, &[], &all, 64), Some(32));
    check_content(&pool, c, &all);
}

#[test]
fn two_that_compute_the_same_at_once_keep_it_once() {
    let mut pool = pool(8);
    let all = text(1, 70);
    let [a, b] = [(); 2].map(|()| pool.open(&shared(KvFormat::F16)));
    // Cut so that neither finds the other's blocks before its own are full.
    for (from, to) in [(0, 20), (20, 50), (50, 70)] {
        for sequence in [a, b] {
            append(&mut pool, sequence, &all[..from], &all[from..to], 0).unwrap();
        }
    }
    assert_eq!(blocks_used(&pool), 4);
    check_content(&pool, a, &all);
    check_content(&pool, b, &all);
}

#[test]
fn what_only_the_index_holds_yields_the_longest_unused_end_first() {
    let mut pool = pool(4);
    let (old, new) = (text(1, 64), text(2, 64));
    for known in [&old, &new, &old] {
        let sequence = pool.open(&shared(KvFormat::F16));
        append(&mut pool, sequence, &[], known, 64).unwrap();
        pool.close(sequence);
    }
    assert_eq!((pool.used(), pool.free()), (pool.bound(), pool.bound()));
    let pushy = pool.open(&KvOptions::default());
    append(&mut pool, pushy, &[], &text(3, 32), 0).unwrap();
    let again = pool.open(&shared(KvFormat::F16));
    assert_eq!(append(&mut pool, again, &[], &old, 64), Some(0), "used last");
    pool.close(again);
    let again = pool.open(&shared(KvFormat::F16));
    assert_eq!(append(&mut pool, again, &[], &new, 64), Some(32), "its end is gone");
}

#[test]
fn a_stream_stays_within_what_it_is_said_to_take() {
    for (sinks, rows) in [(0, 1), (4, 7), (40, 100), (64, 33)] {
        let options = stream(sinks);
        let bound = shape().bytes_max(&options, usize::MAX / 2, rows);
        let mut pool = KvPool::new(shape(), bound, vec![1.0, 0.1]).unwrap();
        let sequence = pool.open(&options);
        let all = text(1, 3000);
        for (number, pass) in all.chunks(rows).enumerate() {
            append(&mut pool, sequence, &all[..number * rows], pass, 0).unwrap();
            pool.memory.poison();
        }
        check_content(&pool, sequence, &all);
    }
}

/// An endless text would fill the pool with what nobody can find: a later block without the first.
#[test]
fn a_stream_that_forgets_leaves_no_more_for_others_to_find() {
    let mut pool = pool(200);
    let sequence = pool.open(&KvOptions { scope: PrefixScope::of("test"), ..stream(4) });
    let all = text(1, 3000);
    for (number, pass) in all.chunks(100).enumerate() {
        append(&mut pool, sequence, &all[..number * 100], pass, 100).unwrap();
    }
    assert!(blocks_used(&pool) < 40, "{} blocks", blocks_used(&pool));
    let second = pool.open(&KvOptions { scope: PrefixScope::of("test"), ..stream(4) });
    assert_eq!(append(&mut pool, second, &[], &all[..100], 99), Some(4));
}

#[test]
fn a_stream_is_cut_back_by_the_promised_length_and_no_further() {
    let mut pool = pool(40);
    let sequence = pool.open(&stream(4));
    let all = text(1, 1000);
    append(&mut pool, sequence, &[], &all, 0).unwrap();
    let kept = 1000 - ROLLBACK_MAX;
    pool.truncate(sequence, Position::after(kept)).unwrap();
    check_content(&pool, sequence, &all[..kept]);
    let error = pool.truncate(sequence, Position(200)).unwrap_err();
    assert_eq!((error.length, error.to), (kept, Position(200)));
    let message = error.to_string();
    assert!(message.contains(&format!("cut to {} or more, or to 0", error.least)), "{message}");
    check_content(&pool, sequence, &all[..kept]);
    pool.truncate(sequence, Position::after(error.least)).unwrap();
    check_content(&pool, sequence, &all[..error.least]);
    pool.truncate(sequence, Position(0)).unwrap();
    assert_eq!(pool.used().0, 0);
    append(&mut pool, sequence, &[], &all[..100], 0).unwrap();
    check_content(&pool, sequence, &all[..100]);
}

/// A window of the model's own evicts as well, and takes the narrower of two.
#[test]
fn a_sliding_window_of_the_model_forgets_too() {
    let shape = KvShape { sliding_window: Some(80), ..shape() };
    let view = |options: KvOptions| options.view(shape.sliding_window);
    assert_eq!(view(KvOptions::default()), View { window: Some(80), sinks: 0 });
    assert_eq!(view(stream(4)), View { window: Some(64), sinks: 4 });
    let wide = Some(StreamWindow::new(4, 100).unwrap());
    let wide = KvOptions { stream: wide, ..KvOptions::default() };
    assert_eq!(view(wide), View { window: Some(80), sinks: 4 });

    let bound = shape.bytes_max(&KvOptions::default(), 2000, 50);
    let mut pool = KvPool::new(shape, bound, vec![1.0, 0.1]).unwrap();
    let sequence = pool.open(&KvOptions::default());
    let all = text(1, 2000);
    for (number, pass) in all.chunks(50).enumerate() {
        append(&mut pool, sequence, &all[..number * 50], pass, 0).unwrap();
    }
    check_content(&pool, sequence, &all);
    assert!(pool.truncate(sequence, Position(100)).is_err());
}

#[test]
fn a_sequence_forgets_its_layers_when_it_is_empty_again() {
    let mut pool = pool(1);
    let sequence = pool.open(&KvOptions::default());
    assert_eq!(pool.written_by(sequence), None);
    append(&mut pool, sequence, &[], &text(1, 2), 0).unwrap();
    assert_eq!(pool.written_by(sequence), Some(shape().layers));
    pool.truncate(sequence, Position(0)).unwrap();
    assert_eq!(pool.written_by(sequence), None);
}

#[test]
#[should_panic(expected = "closed or another pool's")]
fn a_sequence_of_another_pool_is_not_mistaken_for_ours() {
    let (mut ours, mut theirs) = (pool(1), pool(1));
    ours.open(&KvOptions::default());
    let foreign = theirs.open(&KvOptions::default());
    ours.len(foreign);
}

#[test]
fn a_pool_beyond_memory_is_an_error() {
    let shape = KvShape { layers: LayerRange::all(64), kv_heads: 64, head_width: 1024, ..shape() };
    for tokens in [usize::MAX, usize::MAX / 64, 1 << 36] {
        let bound = shape.bytes_max(&KvOptions::default(), tokens, 0);
        let made = KvPool::new(shape, bound, vec![1.0]);
        assert_eq!(made.err(), Some(PoolError::Memory(bound)), "{tokens}");
    }
}
