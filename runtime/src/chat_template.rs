//! Turns into the text that a model was trained to continue, by the Jinja template in its file.
//!
//! Templates are written for Python's Jinja as Hugging Face sets it up: blocks swallow the white
//! space around them, strings have Python's methods, `tojson` does not escape for HTML, and
//! `raise_exception` refuses. There is no clock (`strftime_now` is undefined, so that templates
//! take their fixed date): equal turns give equal text on any day.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use std::collections::BTreeMap;

mod chat;
mod json;
#[cfg(test)]
mod tests;

pub(crate) use chat::map_strings;
pub use chat::{Chat, ToolCall, Turn};

/// Published templates stay below 32 KiB.
const SOURCE_BYTES_MAX: usize = 1 << 18;

/// Steps that rendering may take, besides those of each turn. Published templates need some hundreds a turn;
/// a hostile one must not spin for ever.
const FUEL: u64 = 1_000_000;

const FUEL_OF_A_TURN: u64 = 10_000;

/// About a second of a slow device.
const FUEL_MAX: u64 = 10_000_000;

/// Turns that cannot be written as the model's chat.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The model was not made for chats.
    #[error("the model has no chat template")]
    NoTemplate,
    /// The template itself refuses the turns, such as two of one role in a row.
    #[error("the chat template refuses these turns: {reason}")]
    Refused {
        /// In the template's words.
        reason: String,
    },
    /// The template is longer than any known one.
    #[error("the chat template has {bytes} bytes, above the limit of {SOURCE_BYTES_MAX}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The template does more for so many turns than it may.
    #[error("rendering {turns} turns takes more steps than the {} that they may take", fuel(*turns))]
    TooMuch {
        /// How many they are.
        turns: usize,
    },
    /// The template is broken or asks for something that is not supported.
    #[error("the chat template of the model does not render")]
    Broken(#[source] Error),
}

/// A template with the texts of the special tokens that it may name.
#[derive(Debug)]
pub(crate) struct ChatTemplate {
    source: String,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// Checked when it is first rendered: a model whose template is broken still takes prompts.
    pub(crate) const fn new(source: String, bos: String, eos: String) -> Self {
        Self { source, bos, eos }
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The conversation so far and the beginning of the assistant's next turn.
    pub(crate) fn render(&self, chat: &Chat<'_>) -> Result<String, ChatError> {
        if self.source.len() > SOURCE_BYTES_MAX {
            return Err(ChatError::TooLarge { bytes: self.source.len() });
        }
        // Where there are no tools, templates are told so, and not left to find no such word.
        let tools = (!chat.tools.is_empty()).then(|| Value::from(Serde(chat.tools)));
        let ours = context! {
            messages => chat.turns.iter().map(Turn::message).collect::<Vec<_>>(),
            tools,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        };
        let theirs: BTreeMap<_, _> =
            chat.variables.iter().map(|(name, value)| (*name, value)).collect();
        let values = context! { ..ours, ..Value::from(Serde(theirs)) };
        let turns = chat.turns.len();
        let written =
            environment(fuel(turns)).and_then(|jinja| jinja.render_str(&self.source, values));
        written.map_err(|error| match refusal(&error) {
            Some(reason) => ChatError::Refused { reason },
            None if is_spent(&error) => ChatError::TooMuch { turns },
            None => ChatError::Broken(error),
        })
    }

    /// Whether what it writes tells of the tools that there are: it is tried with one.
    pub(crate) fn knows_tools(&self) -> bool {
        const NAME: &str = "causeway_probe";
        let turns = [Turn::said("user", "?")];
        let parameters = serde_json::json!({ "type": "object", "properties": {} });
        let function = serde_json::json!({ "name": NAME, "parameters": parameters });
        let tools = [serde_json::json!({ "type": "function", "function": function })];
        let written = self.render(&Chat { tools: &tools, ..Chat::of(&turns) });
        written.is_ok_and(|text| text.contains(NAME))
    }
}

/// Steps that rendering so many turns may take.
fn fuel(turns: usize) -> u64 {
    (turns as u64).saturating_mul(FUEL_OF_A_TURN).saturating_add(FUEL).min(FUEL_MAX)
}

fn environment(fuel: u64) -> Result<Environment<'static>, Error> {
    let mut jinja = Environment::new();
    jinja.set_fuel(Some(fuel));
    jinja.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    jinja.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    jinja.add_function("raise_exception", raise_exception);
    jinja.add_filter("tojson", json::tojson);
    Ok(jinja)
}

/// Marks errors that the template raised itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn raise_exception(reason: String) -> Result<Value, Error> {
    let error = Error::new(ErrorKind::InvalidOperation, "raise_exception");
    Err(error.with_source(Refusal(reason)))
}

fn refusal(error: &Error) -> Option<String> {
    causes(error).find_map(|cause| cause.downcast_ref()).map(|Refusal(reason)| reason.clone())
}

/// Whether rendering took all the steps that it had.
fn is_spent(error: &Error) -> bool {
    let mut errors = causes(error).filter_map(|cause| cause.downcast_ref::<Error>());
    errors.any(|error| error.kind() == ErrorKind::OutOfFuel)
}

/// The error, what caused it, and so on.
fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
}
