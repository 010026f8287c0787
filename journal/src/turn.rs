//! A conversation and its turns: what people said, models answered and actions did, in one log.

use crate::{ConversationId, UnixTime};
use base::Privacy;
use serde::{Deserialize, Serialize};

/// One thing said or done in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// When.
    pub at: UnixTime,
    /// By whom, and how it came about.
    pub by: By,
    /// The words; of an action, what the device says of it.
    pub text: String,
}

/// Who a turn is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Who uses the device.
    Person,
    /// A model.
    Model {
        /// The way that the answer came.
        route: Route,
        /// How much of it the target vouches for.
        vouched: Vouched,
    },
    /// An intent that was understood, and what came of it.
    Action(Action),
}

/// The way that a model's answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The device alone.
    Local,
    /// With the target's help.
    Hybrid,
    /// Later, when the link allowed.
    Deferred,
}

/// How much of an answer the target vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// All of it.
    Verified,
    /// None of it.
    Unverified,
    /// Some of it.
    Mixed {
        /// How many of its tokens are verified.
        verified: u32,
        /// How many are not.
        unverified: u32,
    },
}

/// An intent that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The intent's name.
    pub intent: String,
    /// Its slots, as JSON text. Kept as it is, and not read here.
    pub slots: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not, and why.
    Failed(String),
}

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// When its first turn was.
    pub created: UnixTime,
    /// When its last turn was.
    pub used: UnixTime,
    /// The strictest class that any of its turns had.
    pub privacy: Privacy,
    /// How many turns are kept.
    pub turns: u64,
    /// What they take, in bytes of the journal.
    pub bytes: u64,
}

impl Turn {
    /// Its action, if it is one.
    pub(crate) fn action(&self) -> Option<&Action> {
        match &self.by {
            By::Person | By::Model { .. } => None,
            By::Action(action) => Some(action),
        }
    }
}

impl Action {
    /// What it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let outcome = match &self.outcome {
            Outcome::Done => 0,
            Outcome::Failed(why) => why.len(),
        };
        self.intent.len() + self.slots.len() + outcome
    }
}
