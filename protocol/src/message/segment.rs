//! Messages about segments: the KV of one block of 32 positions in some layers. They travel on a stream
//! of their own, which carries nothing else.

use crate::error::LimitError;
use crate::{TextName, limits};
use base::LayerRange;
use serde::{Deserialize, Serialize};

/// Asks for segments. A newer request replaces the older one; parts of that which are under way are
/// dropped by the asker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRequest {
    /// Ascending on its stream.
    pub request: u32,
    /// In which layers.
    pub layers: LayerRange,
    /// The number format that they are wanted in, by its number. This crate does not interpret it.
    pub format: u8,
    /// How many bytes of the first one the asker has already, from this node or another.
    pub have: u32,
    /// Of which texts, up to and with their last block, in the order in which they are wanted. At least
    /// one.
    pub texts: Vec<TextName>,
}

/// The next bytes of a segment, which follow as payload. Parts come in order: all of the first
/// segment's, without a gap and from `have` on, then those of the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentPart {
    /// Of which request.
    pub request: u32,
    /// Which of its texts.
    pub index: u32,
    /// Bytes of the whole segment. 0: the node has not got it.
    pub total: u32,
    /// Where in the segment the payload begins.
    pub offset: u32,
    /// Bytes of the payload; 0 exactly where `total` is.
    pub bytes: u32,
}

impl SegmentRequest {
    pub(super) fn check(&self) -> Result<(), LimitError> {
        let Self { request: _, layers, format: _, have, texts } = self;
        LimitError::cap("segments", texts.len(), limits::SEGMENTS_MAX)?;
        LimitError::cap("requests for no segment", usize::from(texts.is_empty()), 0)?;
        LimitError::cap_u32("layers of a segment", layers.end(), limits::LAYERS_MAX)?;
        LimitError::cap_u32("bytes had of a segment", *have, limits::SEGMENT_LEN_MAX)
    }
}

impl SegmentPart {
    /// Where in the segment the payload ends; `u32::MAX` where that is past any segment.
    pub const fn end(&self) -> u32 {
        self.offset.saturating_add(self.bytes)
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        let Self { request: _, index, total, offset: _, bytes } = *self;
        LimitError::cap("segment index", index as usize, limits::SEGMENTS_MAX - 1)?;
        LimitError::cap_u32("segment bytes", total, limits::SEGMENT_LEN_MAX)?;
        LimitError::cap_u32("bytes of a part", bytes, limits::SEGMENT_PART_LEN_MAX)?;
        LimitError::cap_u32("end of a part", self.end(), total)?;
        LimitError::cap("parts without bytes", usize::from(bytes == 0 && total > 0), 0)
    }
}
