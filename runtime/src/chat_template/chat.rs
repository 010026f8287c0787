//! What a chat is written from: turns, the tools that there are, and what else a template asks for.

use minijinja::value::{Serde, Value};
use serde::Serialize;

/// One contribution to a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Who speaks: `system`, `user`, `assistant` or `tool`, as far as the template knows them.
    pub role: String,
    /// What they say; of a `tool`, what it found.
    pub content: String,
    /// What an assistant has tools do, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Which call a `tool` answers, by its id.
    pub tool_call_id: Option<String>,
    /// The name of the `tool` that answers.
    pub name: Option<String>,
}

/// A tool that an assistant calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// What the answer to it will say.
    pub id: Option<String>,
    /// The function's name.
    pub name: String,
    /// Its arguments by name: an object.
    pub arguments: serde_json::Value,
}

/// A conversation to be written, and what the template is told besides.
#[derive(Debug, Clone, Copy)]
pub struct Chat<'a> {
    /// What was said, in order.
    pub turns: &'a [Turn],
    /// What the assistant may call, each as `{"type": "function", "function": {"name", "description",
    /// "parameters"}}`.
    pub tools: &'a [serde_json::Value],
    /// What a template may ask for by name, such as `enable_thinking`. What is not here is undefined.
    pub variables: &'a [(&'a str, serde_json::Value)],
}

impl Turn {
    /// Of `role`, with nothing but words.
    pub fn said(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into(), ..Self::default() }
    }

    /// As templates read it. Some ask whether a key is there, so that what is empty is left out.
    pub(super) fn message(&self) -> Value {
        let Self { role, content, tool_calls, tool_call_id, name } = self;
        let calls: Vec<Call<'_>> = tool_calls.iter().map(Call::of).collect();
        Value::from(Serde(Message {
            role,
            content,
            tool_calls: (!calls.is_empty()).then_some(calls),
            tool_call_id: tool_call_id.as_deref(),
            name: name.as_deref(),
        }))
    }

    /// With every text in it as `change` makes it.
    pub(crate) fn map_texts(&self, change: &impl Fn(&str) -> String) -> Self {
        let call = |call: &ToolCall| ToolCall {
            id: call.id.as_deref().map(change),
            name: change(&call.name),
            arguments: map_strings(&call.arguments, change),
        };
        Self {
            role: change(&self.role),
            content: change(&self.content),
            tool_calls: self.tool_calls.iter().map(call).collect(),
            tool_call_id: self.tool_call_id.as_deref().map(change),
            name: self.name.as_deref().map(change),
        }
    }
}

impl<'a> Chat<'a> {
    /// Of `turns` alone.
    pub const fn of(turns: &'a [Turn]) -> Self {
        Self { turns, tools: &[], variables: &[] }
    }
}

/// `value` with every string and every key in it as `change` makes it.
pub(crate) fn map_strings(
    value: &serde_json::Value,
    change: &impl Fn(&str) -> String,
) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(change(text)),
        Value::Array(values) => values.iter().map(|value| map_strings(value, change)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (change(key), map_strings(value, change))).collect()
        }
    }
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a serde_json::Value,
}

impl<'a> Call<'a> {
    fn of(call: &'a ToolCall) -> Self {
        let ToolCall { id, name, arguments } = call;
        Self { id: id.as_deref(), r#type: "function", function: Function { name, arguments } }
    }
}
