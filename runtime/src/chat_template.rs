//! Turns into the text that a model was trained to continue, by the Jinja template in its file.
//!
//! Templates are written for Python's Jinja as Hugging Face sets it up: blocks swallow the white
//! space around them, strings have Python's methods, `tojson` does not escape for HTML, and
//! `raise_exception` refuses. There is no clock (`strftime_now` is undefined, so that templates
//! take their fixed date): equal turns give equal text on any day.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io;

/// Published templates stay below 32 KiB.
const SOURCE_BYTES_MAX: usize = 1 << 18;

/// Steps that rendering may take. Published templates need some hundreds a turn; a hostile one must not
/// spin for ever.
const FUEL: u64 = 1_000_000;

/// One contribution to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who speaks: `system`, `user` or `assistant`, as far as the template knows them.
    pub role: String,
    /// What they say.
    pub content: String,
}

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

    /// Whether it asks for the tools that a reply may call. A template that does not parse asks for nothing.
    pub(crate) fn knows_tools(&self) -> bool {
        if self.source.len() > SOURCE_BYTES_MAX {
            return false;
        }
        let asked = environment().and_then(|jinja| {
            let template = jinja.template_from_str(&self.source)?;
            Ok(template.undeclared_variables(false))
        });
        asked.is_ok_and(|names| names.contains("tools"))
    }

    /// The conversation so far and the beginning of the assistant's next turn.
    pub(crate) fn render(&self, turns: &[Turn]) -> Result<String, ChatError> {
        if self.source.len() > SOURCE_BYTES_MAX {
            return Err(ChatError::TooLarge { bytes: self.source.len() });
        }
        let messages: Vec<Value> = turns
            .iter()
            .map(|turn| context! { role => turn.role.as_str(), content => turn.content.as_str() })
            .collect();
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        };
        environment().and_then(|jinja| jinja.render_str(&self.source, values)).map_err(|error| {
            match refusal(&error) {
                Some(reason) => ChatError::Refused { reason },
                None => ChatError::Broken(error),
            }
        })
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut jinja = Environment::new();
    jinja.set_fuel(Some(FUEL));
    jinja.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    jinja.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    jinja.add_function("raise_exception", raise_exception);
    jinja.add_filter("tojson", tojson);
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
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(Refusal(reason)) = error.downcast_ref() {
            return Some(reason.clone());
        }
        cause = error.source();
    }
    None
}

/// Python's `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn tojson(value: &Value, arguments: Kwargs) -> Result<Value, Error> {
    const INDENT_MAX: usize = 64;
    let indent: Option<usize> = arguments.get("indent")?;
    let json = match indent {
        Some(indent) => {
            let indent = " ".repeat(indent.min(INDENT_MAX));
            to_json(value, PrettyFormatter::with_indent(indent.as_bytes()))
        }
        None => to_json(value, Spaced),
    };
    json.map(Value::from_safe_string)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, "tojson").with_source(error))
}

fn to_json(value: &Value, formatter: impl Formatter) -> Result<String, serde_json::Error> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, formatter))?;
    Ok(String::from_utf8_lossy(&json).into_owned())
}

/// On one line, with a space after each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { w.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, w: &mut W) -> io::Result<()> {
        w.write_all(b": ")
    }
}
