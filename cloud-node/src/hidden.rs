//! Hidden states between the wire's bytes and the engine's values.

use kernels::wire::{self, Codec, WireError};
use protocol::{HiddenRows, WireCodec};

/// The values `[T, D]` of the rows that are needed.
///
/// # Errors
///
/// [`WireError`] where the bytes are not such rows. The sender is to blame.
pub(crate) fn decode(rows: &HiddenRows) -> Result<Vec<f32>, WireError> {
    let width = rows.width as usize;
    let mut values = wire::decode(codec(rows.codec), &rows.payload, rows.rows, width)?;
    values.drain(..rows.skip * width);
    Ok(values)
}

/// The bytes of `values`, `[T, width]`.
pub(crate) fn encode(format: WireCodec, values: &[f32], width: usize) -> Vec<u8> {
    wire::encode(codec(format), values, width)
}

/// The codec that `protocol` names and `kernels` implements.
const fn codec(format: WireCodec) -> Codec<'static> {
    match format {
        WireCodec::F32 => Codec::F32,
        WireCodec::F16 => Codec::F16,
        WireCodec::Int8 => Codec::Int8,
    }
}
