//! What a hop does to hidden states: to bytes and back, by the same functions as between nodes.

use base::{ChannelScale, WireCodec};
use kernels::wire::WireError;
use runtime::HopCoder;

/// Hidden states on the other side of a hop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrived {
    /// `[T, D]`
    pub(super) rows: Vec<f32>,
    /// What they took on the wire.
    pub(super) bytes: usize,
}

/// Sends `rows`, `[T, width]`, over a hop with `codec`. A calibrated one uses `scales`, `[width]`.
///
/// # Errors
///
/// Where the codec does not understand itself.
///
/// # Panics
///
/// Where a calibrated codec has too few scales.
pub(super) fn send(
    codec: WireCodec,
    scales: &[ChannelScale],
    rows: &[f32],
    width: usize,
) -> Result<Arrived, WireError> {
    let scales = if codec.is_calibrated() { scales } else { &[] };
    let coder = HopCoder::new(codec, scales, width).expect("a scale for each channel");
    let bytes = coder.encode(rows, width);
    let rows = coder.decode(&bytes, rows.len() / width, width)?;
    Ok(Arrived { rows, bytes: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_what_the_codec_leaves_of_it() {
        let rows: Vec<f32> = (0..128).map(|at| (at as f32).sin()).collect();
        let exact = send(WireCodec::F32, &[], &rows, 64).unwrap();
        assert_eq!((&exact.rows, exact.bytes), (&rows, 512));
        let mut bytes = exact.bytes;
        for codec in [WireCodec::F16, WireCodec::Int8, WireCodec::Int4, WireCodec::Scaled(9)] {
            let arrived = send(codec, &[ChannelScale::nearest(0.7); 64], &rows, 64).unwrap();
            assert!(arrived.rows != rows && arrived.bytes < bytes, "{codec}");
            bytes = arrived.bytes;
        }
    }
}
