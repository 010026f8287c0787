//! Calls of tools in what a model says: read from its text as that grows, and demanded of it by a grammar.

mod grammar;
mod reader;
mod scan;

pub use reader::{Called, Said, ToolCallReader};

/// How a model spells a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolStyle {
    /// Between tags, among text, any number of them; as Hermes 2 Pro began it, and Qwen2.5, Qwen3 and SmolLM do:
    /// `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`.
    Hermes,
    /// The whole reply is one call, as Llama 3.1 and later do: `{"name": …, "parameters": {…}}`.
    Llama3,
}

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

impl ToolStyle {
    /// What arguments are called.
    const fn arguments(self) -> &'static str {
        match self {
            Self::Hermes => "arguments",
            Self::Llama3 => "parameters",
        }
    }
}
