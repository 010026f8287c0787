//! Bodies to bytes and back, but for those of `message/compact.rs`. The only file that names bincode.
//!
//! bincode 2.0.1 is unmaintained and pinned (see the root manifest). Two of its habits are closed
//! here: without a limit it allocates whatever a length prefix claims, and it ignores trailing
//! bytes. The way out is `bincode-next` 3.1, which writes the same bytes.

use crate::limits::BODY_LEN_MAX;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Little-endian, variable-length integers, and never more memory than the largest body.
const FORMAT: Configuration<LittleEndian, Varint, Limit<BODY_LEN_MAX>> =
    bincode::config::standard().with_limit::<BODY_LEN_MAX>();

/// A body that no message of ours has these bytes for, or has these bytes.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Our own message does not fit a body.
    #[error("body cannot be encoded")]
    Encode(#[source] bincode::error::EncodeError),
    /// Not an encoding of this kind of message.
    #[error("body is not a message of its kind")]
    Decode(#[source] bincode::error::DecodeError),
    /// Not an encoding of this kind of message, which has one of its own.
    #[error("body is not a message of its kind in its only spelling")]
    Compact,
    /// A message, and then something else.
    #[error("body has {extra} bytes after its message")]
    Trailing {
        /// How many bytes are left over.
        extra: usize,
    },
}

pub(crate) fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(body, FORMAT).map_err(CodecError::Encode)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (body, read) =
        bincode::serde::decode_from_slice(bytes, FORMAT).map_err(CodecError::Decode)?;
    match bytes.len() - read {
        0 => Ok(body),
        extra => Err(CodecError::Trailing { extra }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_length_is_refused_before_it_is_allocated() {
        // A string that says it holds 2^63 bytes.
        let mut bytes = vec![253];
        bytes.extend((1u64 << 63).to_le_bytes());
        assert!(matches!(decode::<String>(&bytes), Err(CodecError::Decode(_))));
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        let mut bytes = encode(&7u32).unwrap();
        assert_eq!(decode::<u32>(&bytes).unwrap(), 7);
        bytes.push(0);
        assert!(matches!(decode::<u32>(&bytes), Err(CodecError::Trailing { extra: 1 })));
    }
}
