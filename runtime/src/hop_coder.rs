//! Hidden states on their way between two stages.

use base::{ChannelScale, WireCodec};
use kernels::wire::{self, Codec, Level, WireError};

/// How hidden states cross one hop: the codec, and the scales that both ends share.
#[derive(Debug, Clone, PartialEq)]
pub struct HopCoder {
    codec: WireCodec,
    /// `[D]`; empty where the codec needs none.
    scales: Vec<f32>,
}

/// Scales that a codec cannot use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("codec {codec} takes {needed} channel scales, and there are {found}")]
pub struct ScalesError {
    codec: WireCodec,
    needed: usize,
    found: usize,
}

impl HopCoder {
    /// For hidden states of `width` values. `scales` are what is usual for each of them, for a calibrated
    /// codec, and nothing for any other.
    ///
    /// # Errors
    ///
    /// [`ScalesError`] where their number is wrong.
    pub fn new(
        codec: WireCodec,
        scales: &[ChannelScale],
        width: usize,
    ) -> Result<Self, ScalesError> {
        let needed = if codec.is_calibrated() { width } else { 0 };
        match scales.len() == needed {
            true => Ok(Self { codec, scales: scales.iter().map(|scale| scale.value()).collect() }),
            false => Err(ScalesError { codec, needed, found: scales.len() }),
        }
    }

    /// The codec.
    pub const fn codec(&self) -> WireCodec {
        self.codec
    }

    /// The bytes of `values`, `[T, width]`.
    ///
    /// # Panics
    ///
    /// Where there is no whole number of rows, or of another width than it was made for.
    pub fn encode(&self, values: &[f32], width: usize) -> Vec<u8> {
        wire::encode(self.kernel(), values, width)
    }

    /// The values `[rows, width]` of `bytes`.
    ///
    /// # Errors
    ///
    /// [`WireError`] where the bytes are not such rows. The sender is to blame.
    ///
    /// # Panics
    ///
    /// Where it was made for another width.
    pub fn decode(&self, bytes: &[u8], rows: usize, width: usize) -> Result<Vec<f32>, WireError> {
        wire::decode(self.kernel(), bytes, rows, width)
    }

    fn kernel(&self) -> Codec<'_> {
        match self.codec {
            WireCodec::F32 => Codec::F32,
            WireCodec::F16 => Codec::F16,
            WireCodec::Int8 => Codec::Int8,
            WireCodec::Int4 => Codec::Int4,
            WireCodec::Scaled(level) => {
                let level = Level::new(level).unwrap_or(Level::COARSEST);
                Codec::Scaled { level, scales: &self.scales }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_by_any_codec_comes_back_nearly() {
        let values: Vec<f32> = (0..128).map(|at| ((at * 37 % 101) as f32 - 50.0) / 25.0).collect();
        let ones = [ChannelScale::nearest(1.0); 64];
        for codec in WireCodec::all() {
            let scales = if codec.is_calibrated() { &ones[..] } else { &[] };
            let coder = HopCoder::new(codec, scales, 64).unwrap();
            let back = coder.decode(&coder.encode(&values, 64), 2, 64).unwrap();
            let off = values.iter().zip(&back).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off <= 0.6, "{codec}: {off}");
            assert!(codec != WireCodec::F32 || off == 0.0);
        }
    }

    #[test]
    fn each_level_of_the_wire_is_one_of_the_kernels() {
        assert_eq!(WireCodec::LEVEL_MAX, Level::COARSEST.number());
    }

    #[test]
    fn scales_that_do_not_fit_the_codec_are_refused() {
        let one = [ChannelScale(128)];
        assert!(HopCoder::new(WireCodec::Scaled(3), &one, 64).is_err());
        let refused = HopCoder::new(WireCodec::Int8, &one, 64).unwrap_err().to_string();
        assert_eq!(refused, "codec int8 takes 0 channel scales, and there are 1");
    }
}
