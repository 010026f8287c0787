//! Packed panels taken apart again, for the oracle.

use super::Packed;
use super::layout::{GROUP, Layout, PANEL, VECTOR};
use crate::layout::{SUB_BLOCK, half_at};
use crate::scalar::SubBlock;

impl Packed<'_> {
    /// Sub-block `index` of output `row`, counted from its first input.
    pub(crate) fn sub_block(&self, row: usize, index: usize) -> SubBlock {
        let layout = Layout::of(self.format);
        let (panel, output) = (self.panel(row / PANEL), row % PANEL);
        let block = &panel[index / layout.subs * layout.block_bytes()..][..layout.block_bytes()];
        let (head, subs) = block.split_at(layout.head);
        let sub = &subs[index % layout.subs * layout.sub_bytes()..][..layout.sub_bytes()];
        let (scales, sub) = sub.split_at(layout.scales);
        let (high, codes) = sub.split_at(layout.high);
        let code = |k: usize| {
            let (group, in_lane) = (k / GROUP, output * GROUP + k % GROUP);
            if layout.codes == 8 * VECTOR {
                return codes[group * VECTOR + in_lane].cast_signed();
            }
            let low = codes[group % 4 * VECTOR + in_lane] >> (group / 4 * 4) & 15;
            let top = match layout.high / VECTOR {
                0 => 0,
                1 => high[in_lane] >> group & 1,
                _ => high[group / 4 * VECTOR + in_lane] >> (group % 4 * 2) & 3,
            };
            (i32::from(low | top << 4) - layout.zero).try_into().expect("six bits minus 32")
        };
        let codes: [i8; SUB_BLOCK] = std::array::from_fn(code);
        let scale = half_at(head, 2 * output);
        if layout.scales == 0 {
            return SubBlock { codes, scale, inner: [1, 1], min: 0.0 };
        }
        let [first, second] = [0, PANEL].map(|at| scales[at + output]);
        if !layout.minima {
            return SubBlock {
                codes,
                scale,
                inner: [first, second].map(u8::cast_signed),
                min: 0.0,
            };
        }
        let min = half_at(head, 2 * (PANEL + output)) * f32::from(second);
        SubBlock { codes, scale: scale * f32::from(first), inner: [1, 1], min }
    }
}
