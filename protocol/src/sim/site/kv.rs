//! KV that says what it is: names of texts, blocks, pools and the sequences of sessions.
//!
//! # Invariants
//!
//! - **A sequence uses no KV but its own**: of its model, tenant, lineage, layers and tokens. What a block
//!   says of itself is compared when it is adopted, and each number with what the [`Oracle`] says.

use super::toy::{self, Cell, LAYERS, Oracle};
use crate::dice::Dice;
use crate::prefix::mix;
use crate::{PrefixHash, TextName, Transcript};
use base::{LayerRange, TokenId, WireCodec};
use std::collections::BTreeMap;

/// Positions of a block.
pub(super) const BLOCK: usize = 4;

/// Bytes of a number in a segment: segments are to be longer than a part.
const NUMBER_LEN: usize = 256;

/// Bytes in front of the numbers.
const HEAD_LEN: usize = 40;

/// All that KV depends on but layers and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Whose {
    pub(super) tenant: u64,
    pub(super) model: u8,
    /// Lossy hops; 0 is exact.
    pub(super) lineage: u64,
}

/// The KV of one block in some layers, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    whose: Whose,
    layers: LayerRange,
    /// Of the text up to its end.
    text: PrefixHash,
    /// By layer.
    kv: Vec<[u64; BLOCK]>,
    /// It came in a segment.
    brought: bool,
}

/// A segment by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) name: TextName,
    pub(super) layers: LayerRange,
}

/// The blocks that a node has.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    blocks: BTreeMap<(TextName, u32, u32), Block>,
}

/// The KV of a session in some layers.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    whose: Whose,
    layers: LayerRange,
    text: Transcript,
    /// By position and layer.
    cells: Vec<Vec<Cell>>,
    /// Blocks that it took out of segments.
    pub(super) used: u64,
}

impl Whose {
    /// The lineage behind a hop into layer `boundary`.
    pub(super) fn hop(self, boundary: u32, codec: WireCodec) -> Self {
        if codec == WireCodec::F32 {
            return self;
        }
        Self { lineage: mix(self.lineage.wrapping_add(u64::from(boundary) + 1)), ..self }
    }

    /// The names of the whole blocks of `tokens`.
    pub(super) fn names(&self, tokens: &[TokenId]) -> Vec<TextName> {
        let Self { tenant, model, lineage } = *self;
        let mut hash = mix(mix(mix(tenant).wrapping_add(u64::from(model) + 1)) ^ lineage);
        let chunks = tokens.chunks_exact(BLOCK);
        let name = |chunk: &[TokenId]| {
            hash = chunk.iter().fold(hash ^ 0xb10c, |hash, token| {
                mix(hash.wrapping_mul(3).wrapping_add(u64::from(token.0) + 1))
            });
            name_of(hash)
        };
        chunks.map(name).collect()
    }
}

/// A name out of a number: of a text, or of nothing.
pub(super) fn name_of(number: u64) -> TextName {
    let mut dice = Dice(number);
    let mut name = [0; TextName::LEN];
    name.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&dice.roll().to_le_bytes()));
    TextName(name)
}

impl Segment {
    /// Its bytes.
    pub(super) const fn len(&self) -> usize {
        HEAD_LEN + self.layers.len() as usize * BLOCK * NUMBER_LEN
    }
}

impl Block {
    pub(super) const fn whose(&self) -> Whose {
        self.whose
    }

    /// The same in fewer layers.
    fn part(&self, layers: LayerRange) -> Self {
        let at = |layer: u32| (layer - self.layers.start()) as usize;
        let kv = self.kv[at(layers.start())..at(layers.end())].to_vec();
        Self { layers, kv, ..*self }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { whose: Whose { tenant, model, lineage }, layers, text, kv, brought: _ } = self;
        let range = u64::from(layers.start()) << 32 | u64::from(layers.end());
        let head = [*tenant, u64::from(*model), *lineage, range, text.0];
        let mut bytes: Vec<u8> = head.iter().flat_map(|word| word.to_le_bytes()).collect();
        for number in kv.iter().flatten() {
            bytes.extend((0..NUMBER_LEN as u64 / 8).flat_map(|at| spread(*number, at)));
        }
        bytes
    }

    /// A block out of bytes that are as many as a segment's.
    ///
    /// Panics where they were not put together as they were taken apart.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let words: Vec<_> = bytes
            .chunks_exact(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let [tenant, model, lineage, range, text, numbers @ ..] = &words[..] else {
            panic!("a segment has a head")
        };
        let numbers: Vec<u64> = numbers
            .chunks_exact(NUMBER_LEN / 8)
            .map(|spreads| {
                let whole = (0..)
                    .zip(spreads)
                    .all(|(at, word)| spread(spreads[0], at) == word.to_le_bytes());
                assert!(whole, "a segment's bytes are not in their places");
                spreads[0]
            })
            .collect();
        let [start, end] = [range >> 32, range & 0xffff_ffff].map(|at| u32::try_from(at).unwrap());
        let layers = LayerRange::new(start, end).expect("a segment's layers");
        let kv = numbers.chunks_exact(BLOCK).map(|layer| layer.try_into().unwrap()).collect();
        let whose =
            Whose { tenant: *tenant, model: u8::try_from(*model).unwrap(), lineage: *lineage };
        Self { whose, layers, text: PrefixHash(*text), kv, brought: true }
    }
}

/// Word `at` of the bytes of a number, which all say it; the first one plainly.
fn spread(number: u64, at: u64) -> [u8; 8] {
    let word = if at == 0 { number } else { mix(number.wrapping_add(at)) };
    word.to_le_bytes()
}

impl Pool {
    /// The block, in all of `layers` or more.
    fn find(&self, name: TextName, layers: LayerRange) -> Option<&Block> {
        let of_text = self.blocks.range((name, 0, 0)..=(name, LAYERS, LAYERS));
        of_text.map(|(_, block)| block).find(|block| block.layers.contains(layers))
    }

    pub(super) fn has(&self, segment: &Segment) -> bool {
        self.find(segment.name, segment.layers).is_some()
    }

    /// The bytes of a segment.
    pub(super) fn export(&self, segment: &Segment) -> Option<Vec<u8>> {
        let block = self.find(segment.name, segment.layers)?;
        Some(block.part(segment.layers).to_bytes())
    }

    /// Takes in the bytes of a segment, of whatever they are. `false` where they are not as many as they
    /// have to be: all that a node can see.
    pub(super) fn import(&mut self, segment: &Segment, bytes: &[u8]) -> bool {
        if bytes.len() != segment.len() {
            return false;
        }
        let (block, layers) = (Block::from_bytes(bytes), segment.layers);
        self.blocks.entry((segment.name, layers.start(), layers.end())).or_insert(block);
        true
    }

    /// Forgets `percent` of all blocks.
    pub(super) fn evict(&mut self, dice: &mut Dice, percent: u64) {
        self.blocks.retain(|_, _| !dice.percent(percent));
    }

    pub(super) fn clear(&mut self) {
        self.blocks.clear();
    }
}

impl Sequence {
    pub(super) fn new(whose: Whose, layers: LayerRange) -> Self {
        Self { whose, layers, text: Transcript::default(), cells: Vec::new(), used: 0 }
    }

    pub(super) const fn layers(&self) -> LayerRange {
        self.layers
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
        self.cells.truncate(length);
    }

    /// Drops what differs from `text`.
    pub(super) fn cut_to(&mut self, text: &[TokenId]) {
        self.truncate(self.text.agreement(0, text));
    }

    /// The segments of the whole blocks of `text` that neither the sequence nor `pool` has, with the
    /// number of each block.
    pub(super) fn lacking(&self, pool: &Pool, text: &[TokenId]) -> Vec<(usize, Segment)> {
        let held = self.text.agreement(0, text) / BLOCK;
        let names = self.whose.names(text).into_iter().enumerate().skip(held);
        let segments = names.map(|(at, name)| (at, Segment { name, layers: self.layers }));
        segments.filter(|(_, segment)| !pool.has(segment)).collect()
    }

    /// Takes what `pool` knows of `tokens`, which follow, `most` at most: whole blocks, and none behind one
    /// that is missing. How many tokens that is.
    pub(super) fn adopt(
        &mut self,
        oracle: &mut Oracle,
        pool: &Pool,
        tokens: &[TokenId],
        most: usize,
    ) -> usize {
        let begun = self.len();
        let text = [self.text.tokens(), tokens].concat();
        let names = self.whose.names(&text);
        for (number, name) in names.iter().enumerate().skip(begun / BLOCK) {
            let end = (number + 1) * BLOCK;
            let Some(block) = pool.find(*name, self.layers).filter(|_| end <= begun + most) else {
                break;
            };
            self.take(oracle, block, &text[self.len()..end]);
        }
        self.len() - begun
    }

    /// Takes the last `tokens` of `block`, up to its end.
    fn take(&mut self, oracle: &mut Oracle, block: &Block, tokens: &[TokenId]) {
        assert_eq!(block.whose, self.whose, "KV of another tenant, model or lineage is used");
        assert!(block.layers.contains(self.layers), "KV of other layers is used");
        self.text.extend(tokens);
        assert_eq!(self.text.hash(self.len()), Some(block.text), "KV of another text is used");
        self.used += u64::from(block.brought);
        let part = block.part(self.layers);
        for at in BLOCK - tokens.len()..BLOCK {
            let cells = part.kv.iter().enumerate().map(|(layer, kv)| {
                let past = self.cells.last().map_or(0, |cells| cells[layer].past);
                Cell { kv: kv[at], past: toy::remember(past, kv[at]) }
            });
            let cells = cells.collect();
            self.cells.push(cells);
            self.check_last(oracle);
        }
    }

    /// Runs `tokens`, whose hidden states are `states` where the layers do not begin with the tokens. What
    /// goes on.
    pub(super) fn run(
        &mut self,
        oracle: &mut Oracle,
        tokens: &[TokenId],
        states: Option<&[u64]>,
    ) -> Vec<u64> {
        let model = self.whose.model;
        let mut out = Vec::new();
        for (row, token) in tokens.iter().enumerate() {
            let mut x = states.map_or_else(|| toy::embed(model, *token), |states| states[row]);
            let mut cells = Vec::new();
            for layer in self.layers.iter() {
                let at = (layer - self.layers.start()) as usize;
                let past = self.cells.last().map_or(0, |cells| cells[at].past);
                let kv = toy::kv(model, layer, x);
                let past = toy::remember(past, kv);
                x = toy::attend(model, layer, x, past);
                cells.push(Cell { kv, past });
            }
            self.cells.push(cells);
            self.text.extend(&[*token]);
            self.check_last(oracle);
            out.push(x);
        }
        out
    }

    /// Leaves the whole blocks from position `from` on for others to find.
    pub(super) fn publish(&self, pool: &mut Pool, from: usize) {
        let names = self.whose.names(self.text.tokens());
        for (number, name) in names.iter().enumerate().skip(from / BLOCK) {
            let positions = number * BLOCK..(number + 1) * BLOCK;
            let of_layer = |at: usize| {
                let kv: Vec<_> = positions.clone().map(|at_| self.cells[at_][at].kv).collect();
                kv.try_into().expect("a block's positions")
            };
            let block = Block {
                whose: self.whose,
                layers: self.layers,
                text: self.text.hash(positions.end).expect("the block is of the text"),
                kv: (0..self.layers.len() as usize).map(of_layer).collect(),
                brought: false,
            };
            let key = (*name, self.layers.start(), self.layers.end());
            let known = pool.blocks.entry(key).or_insert_with(|| block.clone());
            let block = Block { brought: known.brought, ..block };
            assert_eq!(*known, block, "two texts, or two KVs of one, have the same name");
        }
    }

    /// The newest position's KV is that of the session's text.
    fn check_last(&self, oracle: &mut Oracle) {
        let exact = oracle.at(self.whose.model, &self.text, self.cells.len());
        let cells = self.cells.last().expect("it has a position");
        for (layer, cell) in self.layers.iter().zip(cells) {
            let right = exact.cells[layer as usize];
            let is_right = match self.whose.lineage {
                0 => *cell == right,
                _ => toy::is_same_essence(cell.kv, right.kv),
            };
            assert!(is_right, "layer {layer} has KV of another text at {}", self.cells.len() - 1);
        }
    }
}

#[cfg(test)]
mod tests;
