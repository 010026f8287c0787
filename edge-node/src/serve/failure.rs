//! What keeps a request from its answer, as the API says it.

use crate::assistant::AskError;
use crate::generate::GenerateError;
use crate::local_model::LocalError;
use crate::start_error::StartError;
use grammar::GrammarError;
use journal::JournalError;
use openai::ApiError;
use runtime::ChatError;

/// Grammars that take long are compiled by then, or given up.
const BUSY_RETRY_S: u32 = 5;

/// What waits, or is old, may be gone by then.
const JOURNAL_RETRY_S: u32 = 60;

/// The parameters that say what is answered, and what the answer must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    pub(super) asked: &'static str,
    pub(super) grammar: &'static str,
}

/// A model that gives no reply to what was asked by `parameters`.
pub(super) fn generating(error: &GenerateError, parameters: Parameters) -> ApiError {
    let says = settings::chain(error);
    match error {
        GenerateError::EmptyPrompt | GenerateError::PromptTooLong { .. } => {
            ApiError::invalid(parameters.asked, says)
        }
        GenerateError::Grammar(GrammarError::Busy) => ApiError::busy(says, BUSY_RETRY_S),
        GenerateError::Grammar(GrammarError::Broken(_) | GrammarError::Vocabulary(_)) => {
            ApiError::server(says)
        }
        GenerateError::Grammar(
            GrammarError::NoJson(_)
            | GrammarError::NoSchema(_)
            | GrammarError::Refused { .. }
            | GrammarError::TooLong,
        )
        | GenerateError::GrammarTooLong { .. }
        // It leads nowhere, or takes more than it may: another would not.
        | GenerateError::Local(LocalError::Guide(_)) => ApiError::invalid(parameters.grammar, says),
        GenerateError::NothingHere | GenerateError::Plan(StartError::Privacy { .. }) => {
            ApiError::invalid("causeway.privacy", says)
        }
        GenerateError::Rejected(_) => ApiError::malformed(says),
        GenerateError::Unreachable(_) => ApiError::unreachable(says),
        GenerateError::Plan(_)
        | GenerateError::Local(LocalError::Forward(_) | LocalError::Sample(_))
        | GenerateError::Stage(_) => ApiError::server(says),
    }
}

/// An assistant that gives no answer to what was asked by `parameters`.
pub(super) fn asking(error: &AskError, parameters: Parameters) -> ApiError {
    let says = || settings::chain(error);
    match error {
        AskError::Refused(_) | AskError::Budget(_) => ApiError::no_route(says()),
        AskError::TooLong { .. } | AskError::TooLongToWait { .. } | AskError::Empty => {
            ApiError::invalid(parameters.asked, says())
        }
        AskError::Callback(_) => ApiError::invalid("causeway.callback", says()),
        AskError::NoConversation(_) => ApiError::invalid("causeway.conversation", says()),
        AskError::Sampling(_) => ApiError::invalid("temperature", says()),
        AskError::Chat(error) => chat(error),
        AskError::Generate(error) => generating(error, parameters),
        AskError::Journal(JournalError::Taken { .. }) => ApiError::invalid("causeway.key", says()),
        AskError::Journal(
            JournalError::Full { .. }
            | JournalError::DeferredFull { .. }
            | JournalError::ReservationsFull(_),
        ) => ApiError::journal_full(says(), JOURNAL_RETRY_S),
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

#[cfg(test)]
mod tests {
    use super::*;
    use base::ByteCount;

    const PARAMETERS: Parameters = Parameters { asked: "messages", grammar: "tools" };

    #[test]
    fn a_grammar_is_its_author_s_fault_or_nobody_s_or_ours() {
        for (error, status, param) in [
            (GrammarError::NoSchema("null"), 400, Some("tools")),
            (GrammarError::TooLong, 400, Some("tools")),
            (GrammarError::Busy, 503, None),
            (GrammarError::Broken("so".to_owned()), 500, None),
            (GrammarError::Vocabulary("so"), 500, None),
        ] {
            let told = generating(&error.into(), PARAMETERS);
            assert_eq!((told.status, told.param.as_deref()), (status, param), "{told:?}");
            assert_eq!(told.retry_after_s.is_some(), status == 503, "{told:?}");
        }
    }

    #[test]
    fn a_full_journal_has_room_later() {
        let (bytes, bytes_max) = (ByteCount(2), ByteCount(1));
        for error in [JournalError::Full { bytes, bytes_max }, JournalError::ReservationsFull(9)] {
            let told = asking(&error.into(), PARAMETERS);
            assert_eq!((told.status, told.code), (503, Some("journal_full")), "{told:?}");
        }
        assert_eq!(asking(&JournalError::Broken.into(), PARAMETERS).status, 500);
    }
}
