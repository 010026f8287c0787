//! Segments out of a pool and into one. What arrives is put where sequences look for what was
//! computed here, so that they find it as they find anything else.

use super::pool::KvPool;
use super::segment::{Segment, SegmentError};
use super::segment_format::{SegmentFormat, is_finite};
use base::ByteCount;
use std::ops::Range;
use std::sync::Arc;

/// What became of a segment that was good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Sequences find it from now on, until its room is wanted.
    Taken,
    /// It was here already, or one that loses less.
    Known,
}

impl KvPool {
    /// Whether the pool has `segment`, or the same in a format that loses less: it need not be sent.
    pub fn has_segment(&self, segment: &Segment) -> bool {
        let mut formats = segment.format().and_better();
        formats.any(|format| self.index.has(segment.key.text, segment.layers(), format))
    }

    /// The bytes of `segment`, of [`Segment::sizes`]; `None` where the pool has no exact KV of its text in
    /// all its layers. A format that loses is made here, which reads and writes every element once.
    ///
    /// # Panics
    ///
    /// Where `segment` is one of another model.
    pub fn export(&mut self, segment: &Segment) -> Option<Vec<u8>> {
        self.check_model(segment);
        let block = self.index.find(segment.key.text, segment.layers(), SegmentFormat::Exact)?;
        let layers = &block.bytes()[self.place(segment)];
        Some(segment.format().encode(segment.layout, layers).into_owned())
    }

    /// Takes in the `bytes` of `segment`, in any order of blocks. Sequences that are opened with the
    /// segment's options find it, and who is in the middle of the text at its next pass; they look from
    /// the front, so that of a gap and what lies behind it nothing is seen.
    ///
    /// It takes the room of one block, of all loaded layers, and gives way as soon as a pass wants it.
    ///
    /// # Errors
    ///
    /// [`SegmentError`]; the pool is then unchanged, but for what only the index held.
    ///
    /// # Panics
    ///
    /// Where `segment` is one of another model.
    pub fn import(&mut self, segment: &Segment, bytes: &[u8]) -> Result<Arrival, SegmentError> {
        self.check_model(segment);
        let (asked, held) = (segment.layers(), self.shape.layers);
        if !held.contains(asked) {
            return Err(SegmentError::Layers { asked, held });
        }
        let (sizes, actual) = (segment.sizes(), bytes.len());
        if !sizes.contains(&actual) {
            let (least, most) = sizes.into_inner();
            return Err(SegmentError::Length { least, most, actual });
        }
        if self.has_segment(segment) {
            return Ok(Arrival::Known);
        }
        let count = asked.len() as usize;
        let decoded = segment.format().decode(segment.layout, count, bytes);
        let layers = decoded.map_err(SegmentError::Code)?;
        // Of what came, not of what a lossy format says: half precision may be too narrow for it.
        if !is_finite(segment.layout, &layers) {
            return Err(SegmentError::NotFinite);
        }
        let len = held.len() as usize * segment.layout.block_bytes();
        let Some(mut block) = self.take(len) else {
            return Err(SegmentError::NoRoom { wanted: ByteCount(len as u64), free: self.free() });
        };
        let new = Arc::get_mut(&mut block).expect("just taken, so with one holder");
        new.bytes_mut()[self.place(segment)].copy_from_slice(&layers);
        new.key = Some(segment.key);
        self.index.insert(segment.key, segment.before, block);
        Ok(Arrival::Taken)
    }

    /// Where the segment's layers lie in a block.
    fn place(&self, segment: &Segment) -> Range<usize> {
        let layer = segment.layout.block_bytes();
        let at = |of: u32| (of - self.shape.layers.start()) as usize * layer;
        at(segment.layers().start())..at(segment.layers().end())
    }

    fn check_model(&self, segment: &Segment) {
        assert!(segment.model == self.shape.model, "a segment of another model than the pool's");
    }
}
