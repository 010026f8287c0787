//! What a hop does to hidden states: to bytes and back, by the same functions as between nodes.

use super::codec::Codec;
use kernels::wire::{self, Level};

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
    codec: Codec,
    scales: &[f32],
    rows: &[f32],
    width: usize,
) -> Result<Arrived, wire::WireError> {
    let codec = kernel_codec(codec, scales);
    let bytes = wire::encode(codec, rows, width);
    let rows = wire::decode(codec, &bytes, rows.len() / width, width)?;
    Ok(Arrived { rows, bytes: bytes.len() })
}

/// The codec that a plan names and `kernels` implements.
fn kernel_codec(codec: Codec, scales: &[f32]) -> wire::Codec<'_> {
    match codec {
        Codec::F32 => wire::Codec::F32,
        Codec::F16 => wire::Codec::F16,
        Codec::Int8 => wire::Codec::Int8,
        Codec::Int4 => wire::Codec::Int4,
        Codec::Scaled(level) => {
            let level = Level::new(level).expect("levels are checked where they are read");
            wire::Codec::Scaled { level, scales }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_what_the_codec_leaves_of_it() {
        let rows: Vec<f32> = (0..128).map(|at| (at as f32).sin()).collect();
        let exact = send(Codec::F32, &[], &rows, 64).unwrap();
        assert_eq!((&exact.rows, exact.bytes), (&rows, 512));
        let mut bytes = exact.bytes;
        for codec in [Codec::F16, Codec::Int8, Codec::Int4, Codec::Scaled(9)] {
            let arrived = send(codec, &[0.7; 64], &rows, 64).unwrap();
            assert!(arrived.rows != rows && arrived.bytes < bytes, "{codec}");
            bytes = arrived.bytes;
        }
    }
}
