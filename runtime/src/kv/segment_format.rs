//! How a segment's bytes are written where it travels or rests: as the pool has them, or narrower.
//!
//! Every format keeps the layers one after the other, each by itself: in the layout of a kernel format, or
//! as [`kernels::encode_kv`] codes them. So the bytes of layers `a..b` and of `b..c` of one block, one
//! behind the other, are those of `a..c`.

use base::KvFormat;
use kernels::{BLOCK_SLOTS, CodedKvError, KvLayout, KvStep};
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// The number format of a segment. Ordered by what it loses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SegmentFormat {
    /// The pool's own bytes.
    #[default]
    Exact,
    /// Eight-bit codes, as a pool of [`KvFormat::Q8`] has them; the receiver stores its own format.
    Q8,
    /// Entropy-coded in fine steps: about a quarter of half precision. The receiver stores its own format.
    CodedFine,
    /// Four-bit codes, as a pool of [`KvFormat::Q4`] has them; the receiver stores its own format.
    Q4,
    /// Entropy-coded in coarse steps: about an eighth of half precision. The receiver stores its own
    /// format.
    CodedCoarse,
}

/// How a layer is written.
enum Writing {
    /// As a pool of that layout has it.
    Fixed(KvLayout),
    /// As many bytes as it takes, or the pool's own where that is fewer.
    Coded(KvStep),
}

impl SegmentFormat {
    /// All formats, what loses least first.
    pub const ALL: [Self; 5] =
        [Self::Exact, Self::Q8, Self::CodedFine, Self::Q4, Self::CodedCoarse];

    /// `exact`, `q8`, `coded-fine`, `q4` or `coded-coarse`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Q8 => "q8",
            Self::CodedFine => "coded-fine",
            Self::Q4 => "q4",
            Self::CodedCoarse => "coded-coarse",
        }
    }

    /// It and those that lose less, what loses least first.
    pub(super) fn and_better(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |format| *format <= self)
    }

    /// Whether it is exact, or narrower than a pool's `kv`: whatever else would lose and gain nothing.
    pub const fn suits(self, kv: KvFormat) -> bool {
        match (self, kv) {
            (Self::Exact | Self::CodedFine | Self::CodedCoarse, _)
            | (_, KvFormat::F32 | KvFormat::F16)
            | (Self::Q4, KvFormat::Q8) => true,
            (Self::Q8, KvFormat::Q8 | KvFormat::Q4) | (Self::Q4, KvFormat::Q4) => false,
        }
    }

    /// How it keeps a layer that a pool keeps as `pool` says.
    fn writing(self, pool: KvLayout) -> Writing {
        let format = match self {
            Self::Exact => pool.format,
            Self::Q8 => kernels::KvFormat::Q8,
            Self::Q4 => kernels::KvFormat::Q4,
            Self::CodedFine => return Writing::Coded(KvStep::Fine),
            Self::CodedCoarse => return Writing::Coded(KvStep::Coarse),
        };
        Writing::Fixed(KvLayout { format, ..pool })
    }

    /// How many bytes it has for each layer of a pool in the layout `pool`: one number, unless coded.
    pub(super) fn layer_bytes(self, pool: KvLayout) -> RangeInclusive<usize> {
        match self.writing(pool) {
            Writing::Fixed(layout) => layout.block_bytes()..=layout.block_bytes(),
            Writing::Coded(_) => kernels::coded_kv_bytes(&pool),
        }
    }

    /// The bytes of this format for `layers`, whole layers of a pool in the layout `pool`.
    pub(super) fn encode<'a>(self, pool: KvLayout, layers: &'a [u8]) -> Cow<'a, [u8]> {
        match self.writing(pool) {
            Writing::Fixed(layout) => transcode(pool, layout, layers),
            Writing::Coded(step) => {
                let mut bytes = Vec::new();
                for layer in layers.chunks_exact(pool.block_bytes()) {
                    kernels::encode_kv(&pool, layer, step, &mut bytes);
                }
                Cow::Owned(bytes)
            }
        }
    }

    /// Whole layers of a pool in the layout `pool`, `count` of them, from the `bytes` of this format,
    /// which are as many as [`Self::layer_bytes`] says.
    pub(super) fn decode<'a>(
        self,
        pool: KvLayout,
        count: usize,
        mut bytes: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, CodedKvError> {
        match self.writing(pool) {
            Writing::Fixed(layout) => Ok(transcode(layout, pool, bytes)),
            Writing::Coded(_) => {
                let mut layers = vec![0; count * pool.block_bytes()];
                for layer in layers.chunks_exact_mut(pool.block_bytes()) {
                    bytes = kernels::decode_kv(&pool, bytes, layer)?;
                }
                if bytes.is_empty() { Ok(Cow::Owned(layers)) } else { Err(CodedKvError::Long) }
            }
        }
    }
}

impl fmt::Display for SegmentFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether every key and value of `layers`, whole layers in the layout `pool`, is a finite number.
pub(super) fn is_finite(pool: KvLayout, layers: &[u8]) -> bool {
    let mut slots = Slots::new(pool);
    layers.chunks_exact(pool.block_bytes()).all(|layer| {
        slots.read(pool, layer);
        slots.keys.iter().chain(&slots.values).all(|x| x.is_finite())
    })
}

fn transcode(from: KvLayout, to: KvLayout, layers: &[u8]) -> Cow<'_, [u8]> {
    if from == to {
        return Cow::Borrowed(layers);
    }
    let count = layers.len() / from.block_bytes();
    let mut written = vec![0; count * to.block_bytes()];
    let mut slots = Slots::new(from);
    let written_layers = written.chunks_exact_mut(to.block_bytes());
    for (layer, out) in layers.chunks_exact(from.block_bytes()).zip(written_layers) {
        slots.read(from, layer);
        for (slot, (key, value)) in slots.iter().enumerate() {
            kernels::write_kv(&to, out, slot, key, value);
        }
    }
    Cow::Owned(written)
}

/// Keys and values of one layer of a block, `[32, G, E]` each.
struct Slots {
    row: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Slots {
    fn new(layout: KvLayout) -> Self {
        let row = layout.kv_heads * layout.head_width;
        let zeros = vec![0.0; BLOCK_SLOTS * row];
        Self { row, keys: zeros.clone(), values: zeros }
    }

    fn read(&mut self, layout: KvLayout, layer: &[u8]) {
        kernels::read_kv(&layout, layer, &mut self.keys, &mut self.values);
    }

    /// Key and value of each slot.
    fn iter(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        self.keys.chunks_exact(self.row).zip(self.values.chunks_exact(self.row))
    }
}
