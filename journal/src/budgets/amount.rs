//! What is spent, in exact integers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a budget is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Money, in millionths of its unit.
    MoneyMicro,
    /// Bytes over a metered link.
    MeteredBytes,
    /// Tokens that somebody else computes.
    Tokens,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MoneyMicro, Self::MeteredBytes, Self::Tokens];
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MoneyMicro => "millionths of money",
            Self::MeteredBytes => "metered bytes",
            Self::Tokens => "tokens",
        })
    }
}

/// So much of each resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Money, in millionths of its unit.
    pub money_micro: u64,
    /// Bytes over a metered link.
    pub metered_bytes: u64,
    /// Tokens that somebody else computes.
    pub tokens: u64,
}

impl Amount {
    /// How much of one resource.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::MoneyMicro => self.money_micro,
            Resource::MeteredBytes => self.metered_bytes,
            Resource::Tokens => self.tokens,
        }
    }

    /// Both together, and no more than can be counted: no limit is so high.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.each(other, u64::saturating_add)
    }

    /// What is left where `other` is taken; nothing where it is more.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        self.each(other, u64::saturating_sub)
    }

    fn each(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            money_micro: of(self.money_micro, other.money_micro),
            metered_bytes: of(self.metered_bytes, other.metered_bytes),
            tokens: of(self.tokens, other.tokens),
        }
    }
}

/// At most so much of each resource; nothing stands for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Caps {
    /// Money, in millionths of its unit.
    pub money_micro: Option<u64>,
    /// Bytes over a metered link.
    pub metered_bytes: Option<u64>,
    /// Tokens that somebody else computes.
    pub tokens: Option<u64>,
}

impl Caps {
    /// The limit of one resource.
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::MoneyMicro => self.money_micro,
            Resource::MeteredBytes => self.metered_bytes,
            Resource::Tokens => self.tokens,
        }
    }
}
