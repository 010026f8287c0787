//! Names that live on the wire: which conversation, and which of its epochs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One conversation's state on a chain of nodes. Chosen at random by the device, so that a node can
/// tell a resumed conversation from a new one; a node keys its sessions by (device name, id), so that
/// nobody can reach another device's session by guessing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// Counts the device's changes of mind within a session. What an older epoch asked for is void;
/// only the device starts a new one.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch after this one.
    ///
    /// # Panics
    ///
    /// After 2^32 changes of mind in one session.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a session has far fewer than 2^32 epochs"))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
