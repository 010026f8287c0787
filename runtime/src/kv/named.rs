//! Segments that another node asks for by name: it knows the text, here it is not looked at.

use super::key::{BlockKey, SegmentKey, TextKey};
use super::options::kernel_format;
use super::pool::{KvPool, KvShape};
use super::segment::Segment;
use super::segment_format::SegmentFormat;
use base::{KvFormat, LayerRange};
use kernels::KvLayout;

impl Segment {
    /// What every node calls its text, up to the block's end.
    pub const fn text(&self) -> TextKey {
        self.key.text
    }
}

impl Segment {
    /// About how many bytes it has, for who has not seen it: of the entropy-coded formats what texts have on
    /// average.
    pub fn usual_size(&self) -> usize {
        let most = *self.sizes().end();
        match self.format() {
            SegmentFormat::Exact | SegmentFormat::Q8 | SegmentFormat::Q4 => most,
            SegmentFormat::CodedFine => most / 4,
            SegmentFormat::CodedCoarse => most / 8,
        }
    }
}

impl SegmentKey {
    /// Of the segment that ends the text called `text`, in `layers` and `format`.
    pub fn of(text: TextKey, layers: LayerRange, format: SegmentFormat) -> Self {
        BlockKey { text, format, layers }.name()
    }
}

impl SegmentFormat {
    /// Its number on the wire and in nothing else.
    pub const fn code(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::Q8 => 1,
            Self::Q4 => 2,
            Self::CodedFine => 3,
            Self::CodedCoarse => 4,
        }
    }

    /// The format of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.code() == code)
    }
}

impl KvPool {
    /// The bytes of the segment that ends the text called `text`; `None` where the pool has no exact KV
    /// of it in all of `layers`, or the format gains nothing over the pool's own.
    pub fn export_named(
        &mut self,
        text: TextKey,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Option<Vec<u8>> {
        if layers.is_empty() || !self.shape.layers.contains(layers) {
            return None;
        }
        let block = self.index.find(text, layers, SegmentFormat::Exact)?;
        self.shape.part_of_block(block.bytes(), self.shape.layers, layers, format)
    }
}

impl KvShape {
    /// Of a block's `exact` bytes in the layers `of` those in `layers` and `format`; `None` where these are
    /// not among them, it is no block, or the format gains nothing over the one that it is kept in. Of heads
    /// of width 4, whose blocks have one length in two formats, there are exact bytes alone.
    pub(crate) fn part_of_block(
        &self,
        exact: &[u8],
        of: LayerRange,
        layers: LayerRange,
        format: SegmentFormat,
    ) -> Option<Vec<u8>> {
        if layers.is_empty() || !of.contains(layers) {
            return None;
        }
        let kept = self.kept_as(exact.len(), of);
        let layer = kept.first()?.1.block_bytes();
        let from = (layers.start() - of.start()) as usize * layer;
        let bytes = exact.get(from..from + layers.len() as usize * layer)?;
        match (format, kept.as_slice()) {
            (SegmentFormat::Exact, _) => Some(bytes.to_vec()),
            (_, [(kv, layout)]) => {
                format.suits(*kv).then(|| format.encode(*layout, bytes).into_owned())
            }
            (_, _) => None,
        }
    }

    /// As what a block of `bytes` bytes in `layers` may be kept.
    fn kept_as(&self, bytes: usize, layers: LayerRange) -> Vec<(KvFormat, KvLayout)> {
        let formats = [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4];
        let kept = formats
            .map(|kv| (kv, KvLayout::new(kernel_format(kv), self.kv_heads, self.head_width)));
        let layers = layers.len() as usize;
        kept.into_iter().filter(|(_, layout)| layout.block_bytes() * layers == bytes).collect()
    }
}
