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
#[inline]
pub(crate) fn visits<'a>(w: &'a Packed<'a>, panels: Range<usize>, x: &Quantized) -> Visits<'a> {
    let rows = x.rows();
    let size = if rows <= ROW_TILE { 1 } else { GROUP };
    let group = panels.start..panels.start;
    Visits {
        w,
        rows,
        size,
        end: panels.end,
        row: rows,
        panel: group.end,
        group,
        ahead: &[],
        share: 0,
    }
}

/// See [`visits`].
pub(crate) struct Visits<'a> {
    w: &'a Packed<'a>,
    rows: usize,
    /// Panels in a group.
    size: usize,
    /// Behind the last panel.
    end: usize,
    /// The next visit; behind the last row, a group begins.
    row: usize,
    panel: usize,
    group: Range<usize>,
    /// What is left to ask for of the next group, and how much each visit takes of it.
    ahead: &'a [u8],
    share: usize,
}

impl<'a> Iterator for Visits<'a> {
    type Item = Visit<'a>;

    #[inline]
    fn next(&mut self) -> Option<Visit<'a>> {
        if self.row >= self.rows {
            self.begin_group()?;
        }
        let (ahead, later) = self.ahead.split_at(self.share.min(self.ahead.len()));
        self.ahead = later;
        let visit = Visit { row: self.row, panel: self.panel, ahead };
        self.panel += 1;
        if self.panel == self.group.end {
            (self.row, self.panel) = (self.row + ROW_TILE, self.group.start);
        }
        Some(visit)
    }
}

impl Visits<'_> {
    /// On to the next group, if there is one.
    #[inline]
    fn begin_group(&mut self) -> Option<()> {
        let first = self.group.end;
        if first >= self.end {
            return None;
        }
        let after = |first: usize| self.end.min(first + self.size);
        self.group = first..after(first);
        (self.row, self.panel) = (0, first);
        // One row reads panel after panel at the speed of memory: the processor looks ahead by itself,
        // and farther requests only disturb it.
        let next = if self.rows == 1 { self.group.end } else { after(self.group.end) };
        self.ahead = self.w.panels(self.group.end..next);
        self.share = self.ahead.len().div_ceil(self.group.len() * self.rows.div_ceil(ROW_TILE));
        Some(())
    }
}
