//! Tools, between the API and the model's chat template.

use openai::{ApiError, ChatRequest, Message, Tool, ToolCall, ToolChoice, ToolStyle};
use runtime::{Tokenizer, Turn};
use serde_json::{Value, json};

/// The tag that models put around calls whose templates have it.
const TAG: &str = "<tool_call>";

/// The tools of a request, and how its reply calls them.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// As templates read them.
    pub(super) described: Vec<Value>,
    /// How the model spells a call.
    pub(super) style: ToolStyle,
}

/// What may be called by a reply to `request`; `None` where nothing may.
///
/// # Errors
///
/// Where the model knows no tools.
pub(super) fn of(request: &ChatRequest, tokenizer: &Tokenizer) -> Result<Option<Tools>, ApiError> {
    if request.tool_choice == ToolChoice::None {
        return Ok(None);
    }
    if !tokenizer.knows_tools() {
        let says = "the chat template of this model knows no tools: leave them out, or serve a model whose template does";
        return Err(ApiError::invalid("tools", says));
    }
    let template = tokenizer.chat_template().unwrap_or_default();
    let style = if template.contains(TAG) { ToolStyle::Hermes } else { ToolStyle::Llama3 };
    Ok(Some(Tools { described: request.tools.iter().map(described).collect(), style }))
}

fn described(tool: &Tool) -> Value {
    let Tool { name, description, parameters, strict: _ } = tool;
    let mut function = json!({ "name": name, "parameters": parameters });
    if let Some(description) = description {
        function["description"] = description.as_str().into();
    }
    json!({ "type": "function", "function": function })
}

/// A message as a turn that templates read.
pub(super) fn turn(message: &Message) -> Turn {
    let role = match message.role.as_str() {
        // What OpenAI's newer models call it.
        "developer" => "system",
        role => role,
    };
    Turn {
        role: role.to_owned(),
        content: message.content.clone().unwrap_or_default(),
        tool_calls: message.tool_calls.iter().map(called).collect(),
        tool_call_id: message.tool_call_id.clone(),
        name: message.name.clone(),
    }
}

fn called(call: &ToolCall) -> runtime::ToolCall {
    // A model may have written arguments that are no JSON: it is shown what it said.
    let arguments = serde_json::from_str(&call.arguments);
    runtime::ToolCall {
        id: Some(call.id.clone()),
        name: call.name.clone(),
        arguments: arguments.unwrap_or_else(|_| Value::String(call.arguments.clone())),
    }
}
