//! Many random steps against a model that knows each sequence's text and nothing of blocks.

use super::segments::{elsewhere, segments};
use super::*;
use crate::kv::sequence::Sequence;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks of the pool, in half precision.
const BLOCKS: usize = 24;

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// What the pool should hold of a sequence.
#[derive(Default)]
struct Known {
    text: Vec<TokenId>,
    /// The longest that it was since it was empty.
    longest: usize,
}

type Texts = BTreeMap<SequenceId, Known>;

/// Goal: nothing leaks, the bound holds, and no sequence ever reads another's KV. Method: sequences
/// of all formats, two scopes and some windows are opened, grown along few texts so that they meet,
/// cut, and closed; segments of these texts come in between, some of them with a loss, which none of
/// the sequences accepts; after each step every byte is accounted for and every row is read back.
/// Freed blocks are filled with NaN.
#[test]
fn random_sequences_hold_their_own_text_in_bounded_memory() {
    for seed in 0..12 {
        let (mut random, mut pool, mut texts) = (Random(seed), pool(BLOCKS), Texts::new());
        let mut refused = 0;
        for _ in 0..700 {
            refused += usize::from(!step(&mut random, &mut pool, &mut texts));
            pool.memory.poison();
            account(&pool, &texts);
        }
        assert!((1..600).contains(&refused), "seed {seed}: {refused} refused");
        assert!(pool.counts().adopted > 0, "seed {seed} shared nothing");
        for (sequence, known) in &texts {
            check_content(&pool, *sequence, &known.text);
            pool.close(*sequence);
        }
        assert_eq!(pool.free(), pool.bound(), "seed {seed} leaks");
    }
}

/// One random step; `false` where the pool had no room for it.
fn step(random: &mut Random, pool: &mut KvPool, texts: &mut Texts) -> bool {
    let chosen = texts.keys().nth(random.below(texts.len().max(1))).copied();
    let Some(sequence) = chosen.filter(|_| texts.len() == 8 || random.below(6) > 0) else {
        texts.insert(pool.open(&options(random)), Known::default());
        return true;
    };
    let Known { text, longest } = texts.get_mut(&sequence).unwrap();
    match random.below(9) {
        0 => {
            check_content(pool, sequence, text);
            pool.close(sequence);
            texts.remove(&sequence);
        }
        1 | 2 => {
            let to = if random.below(3) == 0 { 0 } else { random.below(text.len() + 20) };
            match pool.truncate(sequence, Position::after(to)) {
                Ok(()) => text.truncate(to),
                Err(error) => assert!(to < error.least && error.least + ROLLBACK_MAX <= *longest),
            }
            *longest = if text.is_empty() { 0 } else { *longest };
        }
        3 => receive(random, pool),
        _ => {
            let rows = 1 + random.below(70);
            // One of two texts at any time: whoever is at the same place goes on in the same way.
            let branch = u32::try_from(random.below(2)).unwrap();
            let at = u32::try_from(text.len()).unwrap();
            let more: Vec<_> = super::text(branch, 10_000)[at as usize..][..rows].to_vec();
            let promised = promised(pool, texts, sequence, rows);
            let Known { text, longest } = texts.get_mut(&sequence).unwrap();
            let most = random.below(rows + 1);
            let Some(_) = append(pool, sequence, text, &more, most) else {
                assert!(!promised, "no room although all sequences together fit");
                return false;
            };
            text.extend(more);
            *longest = text.len().max(*longest);
            check_content(pool, sequence, text);
        }
    }
    true
}

/// A segment of one of the two texts comes, which another node has computed.
fn receive(random: &mut Random, pool: &mut KvPool) {
    let options = options(random);
    let (branch, block) = (u32::try_from(random.below(2)).unwrap(), random.below(4));
    let tokens = &text(branch, 10_000)[..(block + 1) * BLOCK_SLOTS];
    let format = SegmentFormat::ALL[random.below(SegmentFormat::ALL.len())];
    let format = if format.suits(options.format) { format } else { SegmentFormat::Exact };
    let segment = segments(&options, tokens).at(block, shape().layers, format).unwrap();
    let bytes = elsewhere(&options, tokens).export(&segment).unwrap();
    match pool.import(&segment, &bytes) {
        Ok(Arrival::Taken | Arrival::Known) => assert!(pool.has_segment(&segment)),
        Err(error) => assert!(matches!(error, SegmentError::NoRoom { .. }), "{error}"),
    }
}

fn options(random: &mut Random) -> KvOptions {
    let formats = [KvFormat::F32, KvFormat::F16, KvFormat::F16, KvFormat::Q8, KvFormat::Q4];
    let scopes = [PrefixScope::of("a"), PrefixScope::of("a"), PrefixScope::of("b")];
    let stream = (random.below(4) == 0).then(|| StreamWindow::new(4, 64).unwrap());
    KvOptions {
        format: formats[random.below(5)],
        stream,
        scope: scopes[random.below(3)],
        ..KvOptions::default()
    }
}

/// Whether all sequences would fit with `rows` more of `sequence`, if none shared anything: what a
/// node counts when it admits sessions.
fn promised(pool: &KvPool, texts: &Texts, sequence: SequenceId, rows: usize) -> bool {
    let bytes = texts.iter().map(|(id, Known { text, .. })| {
        let entry = &pool.sequences[id];
        let length = text.len() + if *id == sequence { rows } else { 0 };
        Sequence::blocks_max(entry.view, length, 70) * entry.shape.bytes().unwrap()
    });
    bytes.sum::<usize>() <= pool.memory.bound()
}

/// Every byte in use is in a sequence or in the index, each block counted once.
fn account(pool: &KvPool, texts: &Texts) {
    assert_eq!(pool.sequences.len(), texts.len());
    let mut blocks: BTreeMap<*const _, usize> = BTreeMap::new();
    let held = pool.sequences.values().flat_map(|entry| entry.blocks.iter().flatten());
    for block in held.chain(pool.index.blocks()) {
        blocks.insert(Arc::as_ptr(block), block.bytes().len());
    }
    assert_eq!(blocks.values().sum::<usize>(), pool.memory.used());
    assert!(pool.memory.allocated() <= pool.memory.bound());
    for entry in pool.sequences.values() {
        assert_eq!(entry.blocks.len(), Sequence::table_len(entry.length));
    }
}
