//! The messages of a conversation.

use crate::error::ApiError;
use crate::json::{Field, Fields};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Messages of one request. The longest conversations of people and their tools have some hundreds.
pub const MESSAGES_MAX: usize = 2048;

/// Parts of a message's content, and calls of one message.
const PARTS_MAX: usize = 256;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatRole {
    /// Whoever deploys the assistant.
    System,
    /// The same, by the name that newer models know.
    Developer,
    /// Who asks.
    User,
    /// The model.
    Assistant,
    /// What a tool gave back.
    Tool,
}

const ROLES: [(&str, ChatRole); 5] = [
    ("system", ChatRole::System),
    ("developer", ChatRole::Developer),
    ("user", ChatRole::User),
    ("assistant", ChatRole::Assistant),
    ("tool", ChatRole::Tool),
];

impl ChatRole {
    /// The role as OpenAI spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Developer => "developer",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: ChatRole,
    /// What is said; `None` only of an assistant that calls tools. Several parts are joined by line breaks.
    pub content: Option<String>,
    /// Who of several with this role speaks, for chat templates that tell them apart.
    pub name: Option<String>,
    /// Calls that the assistant made; of no other role.
    pub tool_calls: Vec<ToolCall>,
    /// Which call this is the result of; of role `tool`, always there.
    pub tool_call_id: Option<String>,
}

/// A call of a function, in a message or in a reply; written as OpenAI writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// What its result is told apart by.
    pub id: String,
    /// The function.
    pub name: String,
    /// JSON text, as the model said it. Models err: it need not be JSON.
    pub arguments: String,
}

impl Serialize for ToolCall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Function<'a> {
            name: &'a str,
            arguments: &'a str,
        }
        let function = Function { name: &self.name, arguments: &self.arguments };
        let mut call = serializer.serialize_struct("ToolCall", 3)?;
        call.serialize_field("id", &self.id)?;
        call.serialize_field("type", "function")?;
        call.serialize_field("function", &function)?;
        call.end()
    }
}

pub(super) fn read_all(field: Field) -> Result<Vec<Message>, ApiError> {
    field.list(1..=MESSAGES_MAX)?.into_iter().map(read).collect()
}

fn read(field: Field) -> Result<Message, ApiError> {
    let mut fields = field.fields()?;
    let role = fields.take("role").one_of(&ROLES)?;
    let name = fields.take("name").optional(Field::name)?;
    let (tool_calls, tool_call_id) = match role {
        ChatRole::Assistant => (take_calls(&mut fields)?, None),
        ChatRole::Tool => (Vec::new(), Some(fields.take("tool_call_id").words()?)),
        ChatRole::System | ChatRole::Developer | ChatRole::User => (Vec::new(), None),
    };
    let content = fields.take("content");
    let content = if tool_calls.is_empty() {
        Some(read_content(content)?)
    } else {
        content.optional(read_content)?
    };
    fields.end().map(|()| Message { role, content, name, tool_calls, tool_call_id })
}

fn take_calls(fields: &mut Fields) -> Result<Vec<ToolCall>, ApiError> {
    let calls = fields.take("tool_calls").optional(|field| field.list(0..=PARTS_MAX))?;
    calls.unwrap_or_default().into_iter().map(read_call).collect()
}

fn read_call(field: Field) -> Result<ToolCall, ApiError> {
    let mut fields = field.fields()?;
    fields.take("type").one_of(&[("function", ())])?;
    let id = fields.take("id").words()?;
    let mut function = fields.take("function").fields()?;
    let name = function.take("name").name()?;
    let arguments = function.take("arguments").text()?;
    function.end()?;
    fields.end().map(|()| ToolCall { id, name, arguments })
}

/// Whoever writes two parts means two paragraphs, or at least two words: nothing of one may run into the other.
fn read_content(field: Field) -> Result<String, ApiError> {
    if field.is_list() {
        let parts = field.list(1..=PARTS_MAX)?.into_iter().map(read_part);
        Ok(parts.collect::<Result<Vec<String>, ApiError>>()?.join("\n"))
    } else if field.is_text() {
        field.text()
    } else {
        Err(field.refuse("a string, or a list of parts of type text"))
    }
}

fn read_part(field: Field) -> Result<String, ApiError> {
    let mut fields = field.fields()?;
    fields.take("type").one_of(&[("text", ())])?;
    let text = fields.take("text").text()?;
    fields.end().map(|()| text)
}
