//! What happens to a choice beside its growing.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Something that happened to one choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The choice.
    pub index: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The target is out of reach: the device goes on alone, in the same stream.
    Alone {
        /// Who is out of reach.
        peer: String,
        /// Why.
        why: String,
    },
    /// It is back.
    Rejoined {
        /// Who is.
        peer: String,
    },
    /// It judged what was said alone.
    Judged {
        /// Tokens that were said.
        said: u64,
        /// Tokens that it would have said itself.
        agreed: u64,
    },
    /// It vouches for a token that was shown without its word.
    Vouched {
        /// The token of the choice, counted from 0.
        token: u64,
    },
    /// The choice is cut, and what follows replaces the rest.
    Revised {
        /// Tokens that stand.
        tokens: u64,
        /// What they spell.
        text: String,
    },
    /// It goes on by another plan.
    Switched {
        /// That plan.
        plan: String,
    },
    /// It was to, and did not.
    Stayed {
        /// Why.
        why: String,
    },
}

impl EventKind {
    /// The kind as clients branch on it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Alone { .. } => "alone",
            Self::Rejoined { .. } => "rejoined",
            Self::Judged { .. } => "judged",
            Self::Vouched { .. } => "vouched",
            Self::Revised { .. } => "revised",
            Self::Switched { .. } => "switched",
            Self::Stayed { .. } => "stayed",
        }
    }
}

/// As one object: its kind and choice, then what that kind has.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        event.serialize_entry("kind", self.kind.name())?;
        event.serialize_entry("index", &self.index)?;
        match &self.kind {
            EventKind::Alone { peer, why } => {
                event.serialize_entry("peer", peer)?;
                event.serialize_entry("why", why)?;
            }
            EventKind::Rejoined { peer } => event.serialize_entry("peer", peer)?,
            EventKind::Judged { said, agreed } => {
                event.serialize_entry("said", said)?;
                event.serialize_entry("agreed", agreed)?;
            }
            EventKind::Vouched { token } => event.serialize_entry("token", token)?,
            EventKind::Revised { tokens, text } => {
                event.serialize_entry("tokens", tokens)?;
                event.serialize_entry("text", text)?;
            }
            EventKind::Switched { plan } => event.serialize_entry("plan", plan)?,
            EventKind::Stayed { why } => event.serialize_entry("why", why)?,
        }
        event.end()
    }
}
