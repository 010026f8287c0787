//! What a hop does to hidden states: to bytes and back, by the same functions as between nodes.

use kernels::wire;
use partitioner::Codec;

/// The codecs that `--codecs` may name.
pub(super) const CODECS: [Codec; 3] = [Codec::F32, Codec::F16, Codec::Int8];

/// Hidden states on the other side of a hop.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Arrived {
    /// `[T, D]`
    pub(super) rows: Vec<f32>,
    /// What they took on the wire.
    pub(super) bytes: usize,
}

/// Sends `rows`, `[T, width]`, over a hop with `codec`.
///
/// # Errors
///
/// Where the codec does not understand itself.
pub(super) fn send(codec: Codec, rows: &[f32], width: usize) -> Result<Arrived, wire::WireError> {
    let codec = kernel_codec(codec);
    let bytes = wire::encode(codec, rows, width);
    let rows = wire::decode(codec, &bytes, rows.len() / width, width)?;
    Ok(Arrived { rows, bytes: bytes.len() })
}

/// The codec that a plan names and `kernels` implements.
const fn kernel_codec(codec: Codec) -> wire::Codec {
    match codec {
        Codec::F32 => wire::Codec::F32,
        Codec::F16 => wire::Codec::F16,
        Codec::Int8 => wire::Codec::Int8,
    }
}

/// The codec that `--codecs` calls `text`.
pub(super) fn parse_codec(text: &str) -> Result<Codec, String> {
    let found = CODECS.into_iter().find(|codec| codec.as_str() == text);
    found.ok_or_else(|| {
        let known = CODECS.map(Codec::as_str);
        format!("codecs are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_are_those_of_a_plan() {
        for codec in CODECS {
            assert_eq!(parse_codec(codec.as_str()), Ok(codec));
            assert_eq!(serde_json::to_value(codec).unwrap(), codec.as_str());
        }
        assert_eq!(parse_codec("f64"), Err("codecs are f32, f16, int8".to_owned()));
    }

    #[test]
    fn what_arrives_is_what_the_codec_leaves_of_it() {
        let rows: Vec<f32> = (0..128).map(|at| (at as f32).sin()).collect();
        let [exact, half, coarse] = CODECS.map(|codec| send(codec, &rows, 64).unwrap());
        assert_eq!((&exact.rows, exact.bytes), (&rows, 512));
        assert_eq!(half.bytes, 256);
        assert!(half.rows != rows && coarse.rows != rows && coarse.bytes < half.bytes);
    }
}
