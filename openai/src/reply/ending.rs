//! How a reply ended, and which way it had gone.

use crate::extension::Route;
use serde::Serialize;

/// Why a choice has no more tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop text.
    Stop,
    /// A limit: of tokens, of time, of bytes.
    Length,
    /// It calls tools.
    ToolCalls,
}

impl FinishReason {
    /// As `/v1/completions` spells it, where there are no tools to call.
    pub(super) const fn of_text(self) -> &'static str {
        match self {
            Self::Stop | Self::ToolCalls => "stop",
            Self::Length => "length",
        }
    }
}

/// What is known of a request when it is over: of a reply's `causeway`, what is not of its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// Which way it went.
    pub route: Route,
    /// How it was run, in words; `None` where no model ran.
    pub plan: Option<String>,
    /// Where it is remembered.
    pub conversation: Option<String>,
    /// The request that waits, where it does.
    pub deferred: Option<String>,
    /// The intent that was acted on.
    pub intent: Option<String>,
    /// What came of that.
    pub outcome: Option<Outcome>,
}

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not, and why.
    Failed(String),
}
