//! The order in which panels and rows meet.

use std::ops::Range;

use super::Packed;
use crate::quantize::{Quantized, ROW_TILE};

/// Panels that stay in the second cache while several tiles of rows pass.
const GROUP: usize = 4;

/// One panel for one tile of rows.
pub(crate) struct Visit<'a> {
    /// The first row of the tile.
    pub(crate) row: usize,
    pub(crate) panel: usize,
    /// What to ask memory for meanwhile: this visit's share of the next panels.
    pub(crate) ahead: &'a [u8],
}

/// All pairs of `panels` and tiles of `x`.
///
/// A tile stays in the first cache while it visits a group of panels, and a group in the second while
/// all tiles do. Each visit asks for a part of the next group, so that memory is busy for as long as
/// the arithmetic is.
pub(crate) fn visits<'a>(
    w: &'a Packed<'a>,
    panels: Range<usize>,
    x: &Quantized,
) -> impl Iterator<Item = Visit<'a>> {
    let (rows, end) = (x.rows(), panels.end);
    let tiles = rows.div_ceil(ROW_TILE);
    let size = if tiles == 1 { 1 } else { GROUP };
    panels.step_by(size).flat_map(move |first| {
        let group = first..end.min(first + size);
        let next = w.panels(group.end..end.min(group.end + size));
        let count = tiles * group.len();
        (0..count).map(move |visit| Visit {
            row: visit / group.len() * ROW_TILE,
            panel: group.start + visit % group.len(),
            ahead: &next[next.len() * visit / count..next.len() * (visit + 1) / count],
        })
    })
}
