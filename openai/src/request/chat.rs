//! A request for the next message of a conversation.

use super::{Message, Options, Tool, ToolChoice, message, tools};
use crate::error::ApiError;
use crate::extension::{Conversation, Extension};
use crate::json::{Field, Fields};

/// Log probabilities beside that of the token itself, as at OpenAI.
const TOP_LOGPROBS_MAX: u32 = 20;

/// `POST /v1/chat/completions`.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// As it was asked for. Whether it is ours is for the caller to say.
    pub model: String,
    /// The conversation so far, at least one.
    pub messages: Vec<Message>,
    /// How the reply is to be.
    pub options: Options,
    /// What may be called.
    pub tools: Vec<Tool>,
    /// Whether it is.
    pub tool_choice: ToolChoice,
    /// Whether several calls may be in one reply.
    pub parallel_tool_calls: bool,
    /// What it asks of this device beyond OpenAI's API.
    pub extension: Extension,
}

impl ChatRequest {
    /// Reads a body of at most [`BODY_LEN_MAX`](crate::BODY_LEN_MAX) bytes.
    ///
    /// # Errors
    ///
    /// Status 400; `param` names what is wrong, unless the body is no object at all.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::read(body)?;
        let model = fields.take("model").words()?;
        let messages = message::read_all(fields.take("messages"))?;
        let logprobs = logprobs(&mut fields)?;
        let longest = fields.take("max_completion_tokens");
        let options = Options::take(&mut fields, logprobs)?;
        let options = with_longest(options, longest)?;
        let (tools, tool_choice, parallel_tool_calls) = tools::take(&mut fields)?;
        let extension = fields.take("causeway").optional(Extension::read)?.unwrap_or_default();
        fields.end()?;
        let request =
            Self { model, messages, options, tools, tool_choice, parallel_tool_calls, extension };
        request.checked()
    }

    /// With what the headers of the request ask for, where the body does not.
    ///
    /// # Errors
    ///
    /// Those of [`Extension::overlay`], and where headers and body do not fit each other.
    pub fn with_headers<'a>(
        mut self,
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Self, ApiError> {
        self.extension = self.extension.overlay(headers)?;
        self.checked()
    }

    /// In a conversation that is kept, what came before is known.
    fn checked(self) -> Result<Self, ApiError> {
        let count = self.messages.len();
        match self.extension.conversation {
            Some(Conversation::New | Conversation::Kept(_)) if count != 1 => {
                let message = format!(
                    "`messages` has {count} items; with `causeway.conversation` it must have one, \
                     which is said next"
                );
                Err(ApiError::invalid("messages", message))
            }
            Some(Conversation::New | Conversation::Kept(_)) | None => Ok(self),
        }
    }
}

fn logprobs(fields: &mut Fields) -> Result<Option<u32>, ApiError> {
    let wanted = fields.take("logprobs").optional(Field::flag)?.unwrap_or(false);
    let top = fields.take("top_logprobs");
    if !wanted && !top.is_absent() {
        return Err(top.complain("is for requests with `logprobs` true; leave it out"));
    }
    let top = top.optional(|field| field.small(0..=TOP_LOGPROBS_MAX))?.unwrap_or(0);
    Ok(wanted.then_some(top))
}

/// `max_tokens` has a newer name; who says both has to mean one thing.
fn with_longest(options: Options, longest: Field) -> Result<Options, ApiError> {
    let differs = longest.complain("and `max_tokens` differ; give one of them");
    let longest = longest.optional(|field| field.small(1..=u32::MAX))?;
    match (options.tokens_max, longest) {
        (Some(old), Some(new)) if old != new => Err(differs),
        (old, new) => Ok(Options { tokens_max: new.or(old), ..options }),
    }
}
