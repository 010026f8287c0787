//! The scales that calibrated codecs need, of each channel at each boundary.

use super::ladder::Ladder;
use crate::bench::perplexity::Chunks;
use kernels::wire::{self, Calibration};

/// By boundary, `[D]` each; none where nothing is calibrated.
#[derive(Debug, Default)]
pub(super) struct Scales(Vec<Vec<f32>>);

impl Scales {
    /// Of `chunks`: of the rows of their first halves, which are not scored.
    ///
    /// # Errors
    ///
    /// Where the model does not know a token.
    pub(super) fn calibrate(ladder: &mut Ladder, chunks: &Chunks) -> anyhow::Result<Self> {
        let boundaries = 0..=ladder.layers();
        let mut calibrations: Vec<_> =
            boundaries.map(|_| Calibration::new(ladder.width())).collect();
        for at in 0..chunks.count() {
            let chunk = chunks.get(at);
            let hidden = ladder.hidden(&chunk[..chunk.len() / 2])?;
            for (calibration, rows) in calibrations.iter_mut().zip(&hidden) {
                calibration.add(rows);
            }
            tracing::info!(chunk = at + 1, of = chunks.count(), "calibrated");
        }
        let scales =
            calibrations.iter().map(|calibration| in_half_precision(&calibration.scales()));
        Ok(Self(scales.collect()))
    }

    /// Those at `boundary`.
    pub(super) fn at(&self, boundary: u32) -> &[f32] {
        self.0.get(boundary as usize).map_or(&[], Vec::as_slice)
    }
}

/// As they are written and sent, so that they are measured as they are used.
fn in_half_precision(scales: &[f32]) -> Vec<f32> {
    let bytes = wire::encode(wire::Codec::F16, scales, scales.len());
    let read = wire::decode(wire::Codec::F16, &bytes, 1, scales.len());
    read.expect("half precision understands itself")
}
