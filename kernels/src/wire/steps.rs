//! The codecs that have a version for each instruction set.

use super::Level;
use super::error::RowFault;

/// Appends one row.
pub(crate) type EncodeRow = fn(&[f32], &mut Vec<u8>);

/// Fills one row from the front of the bytes and returns those behind it.
pub(crate) type DecodeRow = for<'a> fn(&'a [u8], &mut [f32]) -> Result<&'a [u8], RowFault>;

/// As [`EncodeRow`], with the channels' scales.
pub(crate) type EncodeScaledRow = fn(&[f32], Level, &[f32], &mut Vec<u8>);

/// As [`DecodeRow`], with the channels' scales.
pub(crate) type DecodeScaledRow =
    for<'a> fn(&'a [u8], Level, &[f32], &mut [f32]) -> Result<&'a [u8], RowFault>;

/// One table's functions for hidden states.
pub(crate) struct Steps {
    pub(crate) encode_f16: EncodeRow,
    pub(crate) decode_f16: DecodeRow,
    pub(crate) encode_int8: EncodeRow,
    pub(crate) decode_int8: DecodeRow,
    pub(crate) encode_int4: EncodeRow,
    pub(crate) decode_int4: DecodeRow,
    pub(crate) encode_scaled: EncodeScaledRow,
    pub(crate) decode_scaled: DecodeScaledRow,
}
