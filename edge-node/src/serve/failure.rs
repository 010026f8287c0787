//! What keeps a request from its answer, as the API says it.

use crate::assistant::AskError;
use crate::generate::GenerateError;
use crate::start_error::StartError;
use journal::JournalError;
use openai::ApiError;
use runtime::ChatError;

/// A model that gives no reply; what it was asked is in the parameter `asked`.
pub(super) fn generating(error: &GenerateError, asked: &'static str) -> ApiError {
    let says = settings::chain(error);
    match error {
        GenerateError::EmptyPrompt | GenerateError::PromptTooLong { .. } => {
            ApiError::invalid(asked, says)
        }
        GenerateError::Grammar(_) | GenerateError::GrammarTooLong { .. } => {
            ApiError::invalid("response_format", says)
        }
        GenerateError::NothingHere | GenerateError::Plan(StartError::Privacy { .. }) => {
            ApiError::invalid("causeway.privacy", says)
        }
        GenerateError::Rejected(_) => ApiError::malformed(says),
        GenerateError::Unreachable(_) => ApiError::unreachable(says),
        GenerateError::Plan(_) | GenerateError::Local(_) | GenerateError::Stage(_) => {
            ApiError::server(says)
        }
    }
}

/// An assistant that gives no answer.
pub(super) fn asking(error: &AskError) -> ApiError {
    let says = || settings::chain(error);
    match error {
        AskError::Refused(_) | AskError::Budget(_) => ApiError::no_route(says()),
        AskError::TooLong { .. } | AskError::Empty => ApiError::invalid("messages", says()),
        AskError::Callback(_) => ApiError::invalid("causeway.callback", says()),
        AskError::NoConversation(_) => ApiError::invalid("causeway.conversation", says()),
        AskError::Sampling(_) => ApiError::invalid("temperature", says()),
        AskError::Chat(error) => chat(error),
        AskError::Generate(error) => generating(error, "messages"),
        AskError::Journal(JournalError::Taken { .. }) => ApiError::invalid("causeway.key", says()),
        AskError::Intent(_) | AskError::Journal(_) => ApiError::server(says()),
    }
}

/// A conversation that the model cannot read.
pub(super) fn chat(error: &ChatError) -> ApiError {
    let says = settings::chain(error);
    match error {
        ChatError::Refused { .. } | ChatError::NoTemplate | ChatError::TooMuch { .. } => {
            ApiError::invalid("messages", says)
        }
        ChatError::TooLarge { .. } | ChatError::Broken(_) => ApiError::server(says),
    }
}
