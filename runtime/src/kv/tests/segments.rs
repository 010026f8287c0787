//! Segments between pools without a model: what they are called, who finds them, what is refused.

use super::*;
use crate::kv::key::SegmentKey;
use base::{ChannelScale, TokenizerFingerprint, WireCodec};
use kernels::CodedKvError;

/// What [`pool`] was made with.
pub(super) const FREQUENCIES: [f32; 2] = [1.0, 0.1];

pub(super) fn segments(options: &KvOptions, tokens: &[TokenId]) -> Segments {
    Segments::new(&shape(), &FREQUENCIES, options, tokens).unwrap()
}

/// A pool in which `tokens` were computed.
pub(super) fn elsewhere(options: &KvOptions, tokens: &[TokenId]) -> KvPool {
    let bound = shape().bytes_max(options, tokens.len(), 0);
    let mut pool = KvPool::new(shape(), bound, FREQUENCIES.to_vec()).unwrap();
    let sequence = pool.open(options);
    append(&mut pool, sequence, &[], tokens, 0).unwrap();
    pool
}

pub(super) fn all(segments: &Segments, format: SegmentFormat) -> Vec<Segment> {
    let at = |block| segments.at(block, shape().layers, format).unwrap();
    (0..segments.blocks()).map(at).collect()
}

/// Brings `segments` in `order` from where they are computed.
pub(super) fn bring(pool: &mut KvPool, from: &mut KvPool, segments: &[Segment], order: &[usize]) {
    for block in order {
        let bytes = from.export(&segments[*block]).unwrap();
        assert!(segments[*block].sizes().contains(&bytes.len()));
        assert_eq!(pool.import(&segments[*block], &bytes), Ok(Arrival::Taken));
    }
}

fn accepting(accepts: SegmentFormat) -> KvOptions {
    KvOptions { accepts, ..shared(KvFormat::F16) }
}

/// Goal: whatever KV is a function of is in its key, and nothing else is. Method: one ingredient at a
/// time differs; all keys differ from each other.
#[test]
fn another_ingredient_is_another_key() {
    let base = shared(KvFormat::F16);
    let tenant = |secret: &[u8], tokenizer| KvOptions {
        scope: PrefixScope::tenant(secret, TokenizerFingerprint([tokenizer; 32])),
        ..base
    };
    let stream = |sinks, length| KvOptions {
        stream: Some(StreamWindow::new(sinks, length).unwrap()),
        ..base
    };
    let hop =
        |boundary, codec| KvOptions { lineage: base.lineage.hop(boundary, codec, &[]), ..base };
    let two_hops = hop(1, WireCodec::F16).lineage.hop(2, WireCodec::F16, &[]);
    let of = |shape: KvShape, frequencies: &[f32], options: KvOptions, tokens: &[TokenId]| {
        let segments = Segments::new(&shape, frequencies, &options, tokens).unwrap();
        segments.at(1, self::shape().layers, SegmentFormat::Exact).unwrap().key()
    };
    let options = |options| of(shape(), &FREQUENCIES, options, &text(1, 64));
    let shaped = |shape| of(shape, &FREQUENCIES, base, &text(1, 64));
    let named = |start, end, format| {
        let layers = LayerRange::new(start, end).unwrap();
        segments(&base, &text(1, 64)).at(1, layers, format).unwrap().key()
    };
    let changed_token = |at: usize| {
        let mut tokens = text(1, 64);
        tokens[at].0 += 1;
        of(shape(), &FREQUENCIES, base, &tokens)
    };
    let mut keys: Vec<SegmentKey> = vec![
        options(base),
        shaped(KvShape { model: ModelFingerprint([8; 32]), ..shape() }),
        shaped(KvShape { kv_heads: 2, ..shape() }),
        shaped(KvShape { head_width: 8, ..shape() }),
        shaped(KvShape { sliding_window: Some(64), ..shape() }),
        of(shape(), &[1.0, 0.2], base, &text(1, 64)),
        of(shape(), &[1.0], base, &text(1, 64)),
        options(shared(KvFormat::F32)),
        options(shared(KvFormat::Q8)),
        options(KvOptions { scope: PrefixScope::of("another"), ..base }),
        options(tenant(b"ours", 1)),
        options(tenant(b"theirs", 1)),
        options(tenant(b"ours", 2)),
        options(stream(0, 64)),
        options(stream(4, 64)),
        options(stream(4, 65)),
        options(hop(1, WireCodec::F16)),
        options(hop(2, WireCodec::F16)),
        options(hop(1, WireCodec::Int8)),
        options(KvOptions {
            lineage: base.lineage.hop(1, WireCodec::Int8, &[ChannelScale(1)]),
            ..base
        }),
        options(KvOptions { lineage: two_hops, ..base }),
        changed_token(0),
        changed_token(63),
        segments(&base, &text(1, 64)).at(0, shape().layers, SegmentFormat::Exact).unwrap().key(),
        named(3, 4, SegmentFormat::Exact),
        named(4, 5, SegmentFormat::Exact),
    ];
    keys.extend(SegmentFormat::ALL[1..].iter().map(|format| named(3, 5, *format)));
    // What is no ingredient: hops that round nothing, layers that are loaded, what is accepted, what
    // comes behind the block.
    assert_eq!(options(hop(1, WireCodec::F32)), keys[0]);
    assert_eq!(shaped(KvShape { layers: LayerRange::all(9), ..shape() }), keys[0]);
    assert_eq!(options(accepting(SegmentFormat::Q4)), keys[0]);
    assert_eq!(of(shape(), &FREQUENCIES, base, &text(1, 100)), keys[0]);
    assert_eq!(named(3, 5, SegmentFormat::Exact), keys[0]);
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert!(Segments::new(&shape(), &FREQUENCIES, &KvOptions::default(), &[]).is_none());
}

/// A key is part of what nodes of different versions say to each other: it must not change by accident.
#[test]
fn a_key_is_what_it_was() {
    let segment = all(&segments(&shared(KvFormat::F16), &text(1, 64)), SegmentFormat::Exact)[1];
    let key = segment.key().to_string();
    assert_eq!(key, "ded792f725c26ea05f0f6d91015fcf7379329146b684e86fe5c5e536d8c2badc");
}

#[test]
fn segments_are_found_in_whatever_order_they_come_and_none_behind_a_gap() {
    let options = shared(KvFormat::F16);
    let tokens = text(1, 140);
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    for (order, found) in [([3, 2, 1, 0], 128), ([0, 1, 2, 3], 128), ([2, 0, 3, 1], 128)]
        .into_iter()
        .chain([([3, 2, 0, 9], 32), ([3, 2, 1, 9], 0), ([0, 1, 3, 9], 64)])
    {
        let (mut pool, mut from) = (pool(8), elsewhere(&options, &tokens));
        let order: Vec<_> = order.into_iter().filter(|block| *block < 4).collect();
        bring(&mut pool, &mut from, &all, &order);
        let sequence = pool.open(&options);
        let ran = append(&mut pool, sequence, &[], &tokens, 139);
        assert_eq!(ran, Some(140 - found), "{order:?}");
        check_content(&pool, sequence, &tokens);
    }
}

/// Goal: prefill offload. Method: a sequence computes from the front, segments come from the back.
#[test]
fn a_sequence_that_computes_from_the_front_meets_what_comes_from_the_back() {
    let options = shared(KvFormat::F16);
    let tokens = text(1, 170);
    let (mut pool, mut from) = (pool(8), elsewhere(&options, &tokens));
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    let sequence = pool.open(&options);
    let layers = shape().layers;
    for (start, brought) in [(0, 4), (20, 3), (40, 2)] {
        assert_eq!(pool.adopt_known(sequence, layers, &tokens[start..]), 0, "a gap");
        append(&mut pool, sequence, &tokens[..start], &tokens[start..start + 20], 0).unwrap();
        bring(&mut pool, &mut from, &all, &[brought]);
    }
    // The block that it stands in has not come; it is soon over, and the rest is there.
    append(&mut pool, sequence, &tokens[..60], &tokens[60..64], 0).unwrap();
    assert_eq!(pool.adopt_known(sequence, layers, &tokens[64..]), 96);
    append(&mut pool, sequence, &tokens[..160], &tokens[160..], 0).unwrap();
    check_content(&pool, sequence, &tokens);
    assert_eq!(pool.counts(), PoolCounts { run: 74, adopted: 96 });
}

#[test]
fn nobody_else_finds_a_segment() {
    let tokens = text(1, 64);
    let ours = shared(KvFormat::F16);
    let (mut pool, mut from) = (pool(40), elsewhere(&ours, &tokens));
    bring(&mut pool, &mut from, &all(&segments(&ours, &tokens), SegmentFormat::Exact), &[0, 1]);
    for options in [
        KvOptions { scope: PrefixScope::of("another"), ..ours },
        KvOptions { scope: PrefixScope::NOBODY, ..ours },
        KvOptions { format: KvFormat::F32, ..ours },
        KvOptions { stream: Some(StreamWindow::new(4, 64).unwrap()), ..ours },
        KvOptions { lineage: Lineage::EXACT.hop(3, WireCodec::F16, &[]), ..ours },
    ] {
        let other = pool.open(&options);
        assert_eq!(append(&mut pool, other, &[], &tokens, 64), Some(64), "{options:?}");
        pool.close(other);
    }
    let sequence = pool.open(&ours);
    assert_eq!(append(&mut pool, sequence, &[], &text(2, 64), 64), Some(64));
}

/// Goal: a loss stays with those who accept it. Method: an exact sequence, one that accepts less and
/// one that accepts as much meet a segment of each format that loses something; then what the last has
/// computed is looked for.
#[test]
fn what_came_with_a_loss_is_for_those_who_accept_it_and_goes_no_further() {
    for pair in SegmentFormat::ALL[1..].windows(2) {
        check_loss(pair[0], pair[1]);
    }
}

/// Of a segment in `format` among sequences that accept `worse`.
fn check_loss(format: SegmentFormat, worse: SegmentFormat) {
    let tokens = text(1, 100);
    let exact = shared(KvFormat::F16);
    let (mut pool, mut from) = (pool(20), elsewhere(&exact, &tokens));
    let segments = segments(&exact, &tokens);
    let lossy = all(&segments, format);
    append_front(&mut pool, &exact, &tokens[..32]);
    bring(&mut pool, &mut from, &lossy, &[1]);

    let plain = pool.open(&exact);
    assert_eq!(pool.adopt_known(plain, shape().layers, &tokens), 32);
    let less = SegmentFormat::ALL.into_iter().rfind(|less| *less < format);
    let picky = pool.open(&accepting(less.unwrap()));
    assert_eq!(pool.adopt_known(picky, shape().layers, &tokens), 32, "accepts {less:?}");
    let accepting = pool.open(&accepting(worse));
    assert_eq!(append(&mut pool, accepting, &[], &tokens, 99), Some(36), "both blocks are found");
    let exact_segments = all(&segments, SegmentFormat::Exact);
    assert!(pool.has_segment(&lossy[1]) && !pool.has_segment(&exact_segments[1]));
    for block in 1..3 {
        assert_eq!(pool.export(&exact_segments[block]), None, "block {block}");
        assert_eq!(pool.export(&lossy[block]), None, "block {block}, which was not made here");
    }
    // Cut back to where all is exact, what it computes is everybody's again.
    pool.truncate(accepting, Position(32)).unwrap();
    append(&mut pool, accepting, &tokens[..32], &tokens[32..], 0).unwrap();
    check_content(&pool, accepting, &tokens);
    assert!(pool.has_segment(&exact_segments[2]));
    assert_eq!(pool.import(&lossy[2], &from.export(&lossy[2]).unwrap()), Ok(Arrival::Known));
}

fn append_front(pool: &mut KvPool, options: &KvOptions, tokens: &[TokenId]) {
    let sequence = pool.open(options);
    append(pool, sequence, &[], tokens, 0).unwrap();
    pool.close(sequence);
}

/// Cut into the middle of a lossy block, the rest of it is still one.
#[test]
fn what_goes_on_in_a_lossy_block_is_not_exact() {
    let tokens = text(1, 64);
    for (format, cut) in
        SegmentFormat::ALL[1..].iter().flat_map(|format| [1, 31, 32, 50].map(|cut| (*format, cut)))
    {
        let options = accepting(format);
        let mut from = elsewhere(&options, &tokens);
        let segments = all(&segments(&options, &tokens), format);
        let mut pool = pool(20);
        bring(&mut pool, &mut from, &segments, &[0, 1]);
        let sequence = pool.open(&options);
        assert_eq!(pool.adopt_known(sequence, shape().layers, &tokens), 64);
        pool.truncate(sequence, Position(cut)).unwrap();
        let before = &tokens[..cut as usize];
        let other = [before, &text(cut + 1, 70)].concat();
        append(&mut pool, sequence, before, &other[before.len()..], 0).unwrap();
        let made = all(&self::segments(&options, &other), SegmentFormat::Exact);
        assert!(made.iter().all(|segment| !pool.has_segment(segment)), "cut to {cut}");
        pool.close(sequence);
    }
}

/// Goal: no bytes harm. Method: lengths that are wrong, and every byte changed to each of a few values;
/// what is taken in is read without a panic.
#[test]
fn wrong_bytes_are_an_error_or_another_number() {
    let tokens = text(1, 32);
    for format in SegmentFormat::ALL {
        let options = KvOptions { accepts: format, ..shared(KvFormat::F16) };
        let mut from = elsewhere(&options, &tokens);
        let segment = all(&segments(&options, &tokens), format)[0];
        let good = from.export(&segment).unwrap();
        for actual in [0, 1, good.len() - 1, good.len() + 1, 2 * good.len(), 4 * good.len()] {
            let bytes: Vec<u8> = good.iter().copied().cycle().take(actual).collect();
            let (least, most) = segment.sizes().into_inner();
            let error = if (least..=most).contains(&actual) {
                let longer = actual > good.len();
                SegmentError::Code(if longer { CodedKvError::Long } else { CodedKvError::Short })
            } else {
                SegmentError::Length { least, most, actual }
            };
            assert_eq!(pool(1).import(&segment, &bytes), Err(error), "{format}");
        }
        let (mut refused, mut taken) = (0, 0);
        for at in 0..good.len() {
            for new in [0x00, 0x7c, 0x7f, 0xff] {
                let (mut pool, mut bytes) = (pool(1), good.clone());
                bytes[at] = new;
                match pool.import(&segment, &bytes) {
                    Ok(Arrival::Taken) => taken += 1,
                    Err(SegmentError::NotFinite | SegmentError::Code(_)) => refused += 1,
                    other => panic!("{other:?}"),
                }
                let sequence = pool.open(&options);
                let found = pool.adopt_known(sequence, shape().layers, &tokens);
                let blocks = pool.blocks(sequence);
                let finite = |bytes| segment_format::is_finite(segment.layout, bytes);
                assert!(blocks.iter().all(|bytes| finite(bytes)));
                assert_eq!(found, 32 * blocks.len());
            }
        }
        assert!(refused > 0 && taken > 0, "{format}: {refused} of {taken}");
        let fixed = segment.sizes().start() == segment.sizes().end();
        assert_eq!(taken > refused, fixed, "{format}: a change of a code is seen");
    }
}

#[test]
fn what_cannot_be_is_said() {
    let options = shared(KvFormat::Q8);
    let tokens = text(1, 70);
    let segments = segments(&options, &tokens);
    let layers = shape().layers;
    let (block, blocks) = (2, 2);
    let error = segments.at(2, layers, SegmentFormat::Exact).unwrap_err();
    assert_eq!(error, SegmentError::Block { block, blocks });
    let nothing = LayerRange::new(3, 3).unwrap();
    assert!(matches!(
        segments.at(0, nothing, SegmentFormat::Exact),
        Err(SegmentError::Layers { .. })
    ));
    let (format, kv) = (SegmentFormat::Q8, KvFormat::Q8);
    assert_eq!(segments.at(0, layers, format), Err(SegmentError::Format { format, kv }));
    assert!(segments.at(0, layers, SegmentFormat::Q4).is_ok());
    for asked in [LayerRange::all(4), LayerRange::new(4, 6).unwrap()] {
        let segment = segments.at(0, asked, SegmentFormat::Exact).unwrap();
        let refused = pool(4).import(&segment, &vec![0; *segment.sizes().end()]);
        assert_eq!(refused, Err(SegmentError::Layers { asked, held: layers }));
        assert_eq!(elsewhere(&options, &tokens).export(&segment), None);
    }
}

/// Goal: what arrives takes no room from anybody. Method: a pool of four blocks, three of them in use.
#[test]
fn segments_push_out_what_nobody_uses_and_nothing_else() {
    let options = shared(KvFormat::F16);
    let (used, tokens) = (text(2, 96), text(1, 64));
    let (mut pool, mut from) = (pool(4), elsewhere(&options, &tokens));
    let sequence = pool.open(&options);
    append(&mut pool, sequence, &[], &used, 0).unwrap();
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    bring(&mut pool, &mut from, &all, &[1, 0]);
    assert!(pool.used() <= pool.bound());
    assert!(pool.has_segment(&all[0]) && !pool.has_segment(&all[1]), "the last one stays");
    check_content(&pool, sequence, &used);
    append(&mut pool, sequence, &used, &text(3, 32), 0).unwrap();
    assert!(!pool.has_segment(&all[0]), "a pass wants the room");
    let refused = pool.import(&all[0], &from.export(&all[0]).unwrap());
    assert!(matches!(refused, Err(SegmentError::NoRoom { .. })), "{refused:?}");
}

/// Goal: of a text its end goes before its beginning, however it came. Method: it comes from the back, is
/// found from the front, and then room is wanted block by block.
#[test]
fn the_end_of_a_text_that_came_from_the_back_goes_first() {
    let options = shared(KvFormat::F16);
    let tokens = text(1, 128);
    let (mut pool, mut from) = (pool(6), elsewhere(&options, &tokens));
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    bring(&mut pool, &mut from, &all, &[3, 2, 1, 0]);
    let sequence = pool.open(&options);
    assert_eq!(pool.adopt_known(sequence, shape().layers, &tokens), 128);
    pool.close(sequence);
    let other = pool.open(&KvOptions::default());
    for blocks in 1..=6 {
        let text = text(2, 32 * blocks);
        let before = pool.len(other);
        append(&mut pool, other, &text[..before], &text[before..], 0).unwrap();
        let held: Vec<_> = all.iter().map(|segment| pool.has_segment(segment)).collect();
        let left = 4.min(6 - blocks as usize);
        assert_eq!(held, [vec![true; left], vec![false; 4 - left]].concat());
    }
}

/// A whole model's sequence that is said to be fed over a hop would give others what is not theirs.
#[test]
fn tokens_that_are_said_to_come_over_a_hop_are_kept_to_themselves() {
    let options =
        KvOptions { lineage: Lineage::EXACT.hop(3, WireCodec::F16, &[]), ..shared(KvFormat::F16) };
    let tokens = text(1, 64);
    let mut pool = elsewhere(&options, &tokens);
    let segment = all(&segments(&options, &tokens), SegmentFormat::Exact)[0];
    assert_eq!(pool.export(&segment), None);
}

/// Runs `text[from..]` as a pass of hidden states would.
fn append_untold(pool: &mut KvPool, sequence: SequenceId, text: &[TokenId], from: usize) {
    let ends = from + 1..=text.len();
    assert!(pool.reserve(sequence, ends.clone().count()));
    for layer in shape().layers.iter() {
        let rows: Vec<_> = ends.clone().map(|end| row(&text[..end], layer)).collect();
        let keys: Vec<f32> = rows.iter().flat_map(|(keys, _)| *keys).collect();
        let values: Vec<f32> = rows.iter().flat_map(|(_, values)| *values).collect();
        pool.write(sequence, layer, &keys, &values);
    }
    pool.advance(sequence, ends.count(), shape().layers, None);
}

/// Goal: what stands behind an unknown text is nobody's beginning, and finds none. Method: 32 positions
/// that nobody told of, and then tokens whose segments are here and tokens that are computed.
#[test]
fn what_follows_an_unknown_text_is_not_taken_for_its_beginning() {
    let options = shared(KvFormat::F16);
    let (tokens, unknown, layers) = (text(1, 64), text(2, 32), shape().layers);
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    let mut pool = pool(10);
    let sequence = pool.open(&options);
    append_untold(&mut pool, sequence, &unknown, 0);
    append(&mut pool, sequence, &unknown, &tokens, 64).unwrap();
    assert!(!pool.has_segment(&all[0]));
    pool.truncate(sequence, Position(32)).unwrap();
    bring(&mut pool, &mut elsewhere(&options, &tokens), &all, &[0, 1]);
    assert_eq!(pool.adopt_known(sequence, layers, &tokens), 0);
}

/// Of blocks that hold a part of its layers a sequence finds nothing, nor of others than it has begun in.
#[test]
fn a_sequence_finds_blocks_of_all_its_layers_alone() {
    let options = shared(KvFormat::F16);
    let (tokens, layers, part) = (text(1, 96), shape().layers, LayerRange::new(3, 4).unwrap());
    let mut from = elsewhere(&options, &tokens);
    let segment = segments(&options, &tokens).at(0, part, SegmentFormat::Exact).unwrap();
    let bytes = from.export(&segment).unwrap();
    let mut pool = pool(10);
    assert_eq!(pool.import(&segment, &bytes), Ok(Arrival::Taken));
    let sequence = pool.open(&options);
    assert_eq!(pool.adopt_known(sequence, layers, &tokens), 0);
    assert_eq!(pool.adopt_known(sequence, part, &tokens), 32);
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    bring(&mut pool, &mut from, &all, &[1]);
    assert_eq!(pool.adopt_known(sequence, layers, &tokens[32..]), 0);
    assert_eq!(pool.adopt_known(sequence, part, &tokens[32..]), 32, "its layers are among them");
}

/// A stage that gets hidden states does not know their text until it is told.
#[test]
fn a_text_that_is_told_is_found_and_exported() {
    let options = shared(KvFormat::F16);
    let tokens = text(1, 100);
    let all = all(&segments(&options, &tokens), SegmentFormat::Exact);
    let mut pool = pool(8);
    let sequence = pool.open(&options);
    for (start, end, told) in [(0, 50, 0), (50, 90, 70), (90, 100, 100)] {
        append_untold(&mut pool, sequence, &tokens[..end], start);
        let known = pool.sequences[&sequence].trace.as_ref().unwrap().tokens.len();
        pool.tell_text(sequence, &tokens[known..told]);
        let held = all.iter().filter(|segment| pool.has_segment(segment)).count();
        assert_eq!(held, told / 32, "told {told}");
    }
    check_content(&pool, sequence, &tokens);
    let other = pool.open(&options);
    assert_eq!(pool.adopt_known(other, shape().layers, &tokens), 96);
    check_content(&pool, other, &tokens[..96]);
}

#[test]
#[should_panic(expected = "another model")]
fn a_segment_of_another_model_is_the_caller_s_mistake() {
    let shape = KvShape { model: ModelFingerprint([8; 32]), ..shape() };
    let options = shared(KvFormat::F16);
    let segments = Segments::new(&shape, &FREQUENCIES, &options, &text(1, 32)).unwrap();
    let segment = segments.at(0, shape.layers, SegmentFormat::Exact).unwrap();
    let _ = pool(1).import(&segment, &vec![0; *segment.sizes().end()]);
}
