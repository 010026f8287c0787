//! What a deferred request is, and what is said about it.

use super::State;
use crate::{ConversationId, RequestId, Turn, UnixTime};
use serde::{Deserialize, Serialize};

/// A request to be answered later, as its caller hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What it is called by whoever is asked for an answer, each time.
    pub id: RequestId,
    /// What its caller calls it: the same key is the same request.
    pub key: String,
    /// The conversation that it is asked in, and answered in.
    pub conversation: ConversationId,
    /// All that is needed to ask it, as text of the caller's.
    pub body: String,
    /// Where the answer is sent beside the conversation.
    pub callback: Option<String>,
    /// Until when it may be sent.
    pub expires: UnixTime,
}

/// A deferred request, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deferred {
    /// Its place in the order of arrival.
    pub arrival: u64,
    /// The request.
    pub request: Request,
    /// How it stands.
    pub state: State,
}

/// An answer that somebody is to be called back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Whose answer it is. Its receiver knows by it what it has got before.
    pub request: RequestId,
    /// Where it is sent.
    pub to: String,
    /// The answer. It is not there any more where newer turns took its place in the conversation.
    pub answer: Option<Turn>,
}

/// What comes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It is in the conversation now.
    Recorded {
        /// Which turn.
        turn: u64,
    },
    /// It was there before; nothing changed.
    Again,
    /// Its request has expired, or was refused; nothing changed.
    TooLate,
}

/// Why something is to be done about deferred requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// One may be sent: see [`Journal::due`](crate::Journal::due).
    Send,
    /// The time of one is over: see [`Journal::expire`](crate::Journal::expire).
    Expire,
}
