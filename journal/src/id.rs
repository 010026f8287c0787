//! Names that are handed in: of conversations and of requests.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One conversation on this device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConversationId(pub u128);

/// One request. Whoever asks for it again, here or at a node, says the same id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(pub u128);

/// What is typed where an id is expected, and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{typed:?} is no id: ids are 32 hexadecimal digits")]
pub struct IdError {
    /// What was typed, or its beginning.
    typed: String,
}

fn parse(typed: &str) -> Result<u128, IdError> {
    let digits = typed.len() == 32 && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u128::from_str_radix(typed, 16) {
        Ok(id) if digits => Ok(id),
        Ok(_) | Err(_) => Err(IdError { typed: typed.chars().take(40).collect() }),
    }
}

/// An id is shown, typed and stored as 32 hexadecimal digits.
macro_rules! spelled_in_hex {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }

        impl FromStr for $id {
            type Err = IdError;

            fn from_str(typed: &str) -> Result<Self, IdError> {
                parse(typed).map(Self)
            }
        }

        impl TryFrom<String> for $id {
            type Error = IdError;

            fn try_from(typed: String) -> Result<Self, IdError> {
                typed.parse()
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }
    };
}

spelled_in_hex!(ConversationId);
spelled_in_hex!(RequestId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_typed_as_it_is_shown() {
        let id = ConversationId(0x2a);
        assert_eq!(id.to_string(), "0000000000000000000000000000002a");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in
            ["", "2a", "+000000000000000000000000000002a", &"g".repeat(32), &"0".repeat(33)]
        {
            let error = wrong.parse::<ConversationId>().unwrap_err().to_string();
            assert!(error.contains("32 hexadecimal digits"), "{error}");
        }
    }
}
