//! Who a node is: its tier and its name.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The tier a node serves in. A certificate carries it; it decides what a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Owns the conversation: drafts, commits, shows.
    Device,
    /// Runs a middle range of layers for the devices of one site.
    Gateway,
    /// Runs the rest of the target and decides.
    Cloud,
}

impl Role {
    /// The role as certificates and configuration spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Gateway => "gateway",
            Self::Cloud => "cloud",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = NodeNameError;
    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        [Self::Device, Self::Gateway, Self::Cloud]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| NodeNameError::Role(text.to_owned()))
    }
}

/// A node's name within its private CA: a DNS label, so that TLS can check it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName(String);

/// A name or role that no certificate may carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeNameError {
    /// Not a DNS label.
    #[error("node name {0:?} is not 1 to 63 of a-z, 0-9 and '-', starting with a letter")]
    Label(String),
    /// Not a tier.
    #[error("role {0:?} is unknown; roles are device, gateway, cloud")]
    Role(String),
}

impl NodeName {
    /// Checks `name`.
    ///
    /// # Errors
    ///
    /// [`NodeNameError::Label`] where it is not a lower-case DNS label.
    pub fn new(name: &str) -> Result<Self, NodeNameError> {
        let letters = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if !letters || !first || name.len() > 63 || name.ends_with('-') {
            return Err(NodeNameError::Label(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeName {
    type Error = NodeNameError;
    fn try_from(name: String) -> Result<Self, NodeNameError> {
        Self::new(&name)
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        for good in ["cloud", "gateway-1", "a"] {
            assert!(NodeName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1st", "Cloud", "a.b", "tail-", "a b", &"x".repeat(64)] {
            assert!(NodeName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_round_trip_and_others_are_refused() {
        for role in [Role::Device, Role::Gateway, Role::Cloud] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("server".parse::<Role>().is_err());
    }
}
