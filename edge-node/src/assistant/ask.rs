//! What is said to the assistant, and what comes of it.

use crate::generate::GenerateError;
use crate::reply::Reply;
use base::{Grammar, Privacy, Sampling, SamplingError};
use intents::IntentError;
use journal::{ConversationId, JournalError, Outcome, Refusal, RequestId};
use protocol::{AfterOutage, TraceContext};
use routing::{Decision, Route, Standing};
use runtime::ChatError;
use std::fmt::Write as _;
use std::time::Duration;

/// One thing said.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// In which conversation; a new one where it is none.
    pub conversation: Option<ConversationId>,
    /// The words.
    pub text: String,
    /// The whole conversation with these words in it, where whoever asks keeps it: then it is not remembered here,
    /// unless the question has to wait.
    pub turns: Option<Vec<runtime::Turn>>,
    /// How far they may travel at most; the conversation, the configuration and its policy may say less far.
    pub class: Option<Privacy>,
    /// The way that it is to go, and no other.
    pub demanded: Option<Route>,
    /// When the answer has to be whole; of one that waits, how long it is worth waiting.
    pub deadline: Option<Duration>,
    /// Where an answer that comes later is sent, beside its conversation: an `http` or `https` address, which is the
    /// asker's business, whatever the class, unless that is the device's.
    pub callback: Option<String>,
    /// What its caller calls it: where it waits, the same key is the same request.
    pub key: Option<String>,
    /// How the target chooses; as configured, with a seed of chance, where it is not said.
    pub sampling: Option<Sampling>,
    /// The most tokens of the answer; as configured where it is not said.
    pub tokens_max: Option<u32>,
    /// What a model's answer must be; then no intent acts.
    pub grammar: Option<Grammar>,
    /// The answer ends before the first of these; as configured where it is not said.
    pub stop: Option<Vec<String>>,
    /// The most bytes that it may take of the links, whatever the budgets leave.
    pub bytes_max: Option<u64>,
    /// As [`crate::Request::likelihoods`].
    pub likelihoods: Option<u8>,
    /// The span of whoever asks, where that is traced.
    pub trace: Option<TraceContext>,
    /// What becomes of words that are said without the target; as configured, where it is not said.
    pub after_outage: Option<AfterOutage>,
    /// Whether KV is kept for what is said next in the conversation.
    pub keep: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Where it was said.
    pub conversation: ConversationId,
    /// Which way it went.
    pub route: Route,
    /// Why that way and no other.
    pub decision: Decision,
    /// The words of the answer; none yet where it waits.
    pub text: String,
    /// The model's reply, where one answered.
    pub reply: Option<Reply>,
    /// The request that waits, where it does.
    pub deferred: Option<RequestId>,
    /// The intent that was acted on.
    pub intent: Option<String>,
    /// What came of the action.
    pub outcome: Option<Outcome>,
}

/// Something said that gets no answer. Nothing of it is remembered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No way to go.
    #[error("the request can go no way:{}", hindrances(.0))]
    Refused(Box<Decision>),
    /// More than is kept.
    #[error("the text has {bytes} bytes; at most {bytes_max} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// More than is kept of a request that waits.
    #[error(
        "the request waits for the target, and has {bytes} bytes with its conversation; at most {bytes_max} are kept: \
         shorten the conversation, or ask for another route"
    )]
    TooLongToWait {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// No words.
    #[error("the text is empty")]
    Empty,
    /// An address that nobody can be called back at.
    #[error("{0:?} is no address to call back at: it begins with http:// or https://")]
    Callback(String),
    /// A conversation that is not known.
    #[error("there is no conversation {0}")]
    NoConversation(ConversationId),
    /// A budget that was used up in between.
    #[error("the budget does not allow it: {0}")]
    Budget(Refusal),
    /// Sampling parameters of the configuration.
    #[error("cannot sample so")]
    Sampling(#[from] SamplingError),
    /// The model.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The conversation in the form that the model reads.
    #[error("the model's chat template refuses the conversation")]
    Chat(#[from] ChatError),
    /// What it was taken for.
    #[error("cannot tell what was meant")]
    Intent(#[from] IntentError),
    /// The journal.
    #[error("cannot use the journal")]
    Journal(#[from] JournalError),
}

/// Every route with what keeps the request from it.
fn hindrances(decision: &Decision) -> String {
    let mut text = String::new();
    for considered in &decision.considered {
        if let Standing::Impossible(hindrance) = &considered.standing {
            let _ = write!(text, "\n  {}: {hindrance}", considered.route);
        }
    }
    text
}

impl Ask {
    /// `text`, with everything else as by default.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether it can be meant.
    pub(super) fn check(&self, bytes_max: usize) -> Result<(), AskError> {
        let bytes = self.text.len();
        if bytes > bytes_max {
            return Err(AskError::TooLong { bytes, bytes_max });
        }
        if self.text.trim().is_empty() {
            return Err(AskError::Empty);
        }
        let callable = |to: &String| to.starts_with("http://") || to.starts_with("https://");
        match self.callback.iter().find(|to| !callable(to)) {
            Some(to) => Err(AskError::Callback(to.chars().take(80).collect())),
            None => Ok(()),
        }
    }
}
