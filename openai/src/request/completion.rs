//! A request for the continuation of a text, as it stands.

use super::Options;
use crate::error::ApiError;
use crate::extension::Extension;
use crate::json::{Field, Fields};

/// Log probabilities beside that of the token itself, as at OpenAI's older endpoint.
const TOP_LOGPROBS_MAX: u32 = 5;

/// `POST /v1/completions`.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// As it was asked for. Whether it is ours is for the caller to say.
    pub model: String,
    /// What is continued.
    pub prompt: String,
    /// How the continuation is to be.
    pub options: Options,
    /// What it asks of this device beyond OpenAI's API.
    pub extension: Extension,
}

impl CompletionRequest {
    /// Reads a body of at most [`BODY_LEN_MAX`](crate::BODY_LEN_MAX) bytes.
    ///
    /// # Errors
    ///
    /// Status 400; `param` names what is wrong, unless the body is no object at all.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::read(body)?;
        let model = fields.take("model").words()?;
        let prompt = read_prompt(fields.take("prompt"))?;
        let logprobs = fields.take("logprobs");
        let logprobs = logprobs.optional(|field| field.small(0..=TOP_LOGPROBS_MAX))?;
        let options = Options::take(&mut fields, logprobs)?;
        let extension = fields.take("causeway").optional(Extension::read)?.unwrap_or_default();
        fields.end()?;
        Self { model, prompt, options, extension }.checked()
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

    /// A text that is continued is no message of a conversation.
    fn checked(self) -> Result<Self, ApiError> {
        if self.extension.conversation.is_none() {
            return Ok(self);
        }
        let message = "`causeway.conversation` is for `/v1/chat/completions`; leave it out";
        Err(ApiError::invalid("causeway.conversation", message))
    }
}

/// A list of one text is the same as the text: some clients always write lists.
fn read_prompt(field: Field) -> Result<String, ApiError> {
    if !field.is_list() {
        return field.words();
    }
    let several = field.complain("must be one text: ask for several in requests of their own");
    let mut items = field.list(0..=usize::MAX)?;
    match (items.pop(), items.is_empty()) {
        (Some(one), true) if one.is_text() => one.words(),
        (Some(_) | None, _) => Err(several),
    }
}
