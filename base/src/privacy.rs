//! How far a text may travel.

use crate::Role;
use serde::{Deserialize, Serialize};

/// How far a conversation's text and hidden states may travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privacy {
    /// Nothing leaves the device, but for what an intent's action sends where its file says.
    Device,
    /// Not beyond the gateways of its site, but for the hidden states of middle layers.
    Site,
    /// Anywhere that a certificate of ours reaches.
    Anywhere,
}

impl Privacy {
    /// Whether the text may reach a node of `role`.
    pub const fn allows(self, role: Role) -> bool {
        match (self, role) {
            (_, Role::Device) | (Self::Site, Role::Gateway) | (Self::Anywhere, _) => true,
            (Self::Device, Role::Gateway | Role::Cloud) | (Self::Site, Role::Cloud) => false,
        }
    }

    /// Whether a node of `role` may run a stage for the text that `reads` it, or one that does not: for a site,
    /// clouds may run what lies between. A stage reads the text that has embedding or head, and one that begins
    /// with the first layer: what comes out of an embedding is its table's rows.
    pub const fn allows_stage(self, role: Role, reads: bool) -> bool {
        self.allows(role) || (matches!(self, Self::Site) && !reads)
    }

    /// The class as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Site => "site",
            Self::Anywhere => "anywhere",
        }
    }
}
