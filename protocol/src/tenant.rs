//! Who may share KV with whom.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What those who share KV know, and nobody else: nodes derive the scope of a session from it, and with
/// that the names of its texts. Never shown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantSecret(pub [u8; 32]);

impl fmt::Debug for TenantSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_what_is_logged_of_it() {
        assert_eq!(format!("{:?}", Some(TenantSecret([0x5a; 32]))), "Some(TenantSecret)");
    }
}
