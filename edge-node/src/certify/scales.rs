//! The scales that calibrated codecs need, of each channel at each boundary.

use super::ladder::Ladder;
use crate::bench::perplexity::Chunks;
use base::ChannelScale;
use kernels::wire::Calibration;

/// By boundary, `[D]` each; none where nothing is calibrated.
#[derive(Debug, Default)]
pub(super) struct Scales(Vec<Vec<ChannelScale>>);

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
        // As they are written and sent, so that they are measured as they are used.
        let sent = |calibration: &Calibration| {
            calibration.scales().into_iter().map(ChannelScale::nearest).collect()
        };
        Ok(Self(calibrations.iter().map(sent).collect()))
    }

    /// Those at `boundary`.
    pub(super) fn at(&self, boundary: u32) -> &[ChannelScale] {
        self.0.get(boundary as usize).map_or(&[], Vec::as_slice)
    }
}
