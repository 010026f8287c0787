//! The functions that a model may call, and whether it has to.

use super::GRAMMAR_LEN_MAX;
use crate::error::ApiError;
use crate::json::{Field, Fields};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Tools of one request, as at OpenAI.
pub const TOOLS_MAX: usize = 128;

/// A function that may be called.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// What it is called, once in a request.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// The JSON schema of its arguments, which are an object; its members in the order in which they were written.
    pub parameters: Value,
    /// Whether arguments must fit the schema; else they may.
    pub strict: bool,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// None is.
    None,
    /// The model decides.
    Auto,
    /// One at least.
    Required,
    /// This one, which is among the tools.
    Function(String),
}

/// The tools, whether they are called, and whether several may be in one reply.
pub(super) fn take(fields: &mut Fields) -> Result<(Vec<Tool>, ToolChoice, bool), ApiError> {
    let tools = fields.take("tools").optional(read_all)?.unwrap_or_default();
    let parallel = fields.take("parallel_tool_calls");
    if tools.is_empty() && !parallel.is_absent() {
        return Err(parallel.complain("is for requests with `tools`; leave it out"));
    }
    let parallel = parallel.optional(Field::flag)?.unwrap_or(true);
    let usual = if tools.is_empty() { ToolChoice::None } else { ToolChoice::Auto };
    let choice = fields.take("tool_choice").optional(|field| read_choice(field, &tools))?;
    Ok((tools, choice.unwrap_or(usual), parallel))
}

fn read_all(field: Field) -> Result<Vec<Tool>, ApiError> {
    let mut names = BTreeSet::new();
    let tools = field.list(0..=TOOLS_MAX)?.into_iter().map(|field| {
        let (tool, twice) = read(field)?;
        if names.insert(tool.name.clone()) { Ok(tool) } else { Err(twice) }
    });
    tools.collect()
}

/// A tool, and the error that there is another one of its name.
fn read(field: Field) -> Result<(Tool, ApiError), ApiError> {
    let mut fields = field.fields()?;
    fields.take("type").one_of(&[("function", ())])?;
    let mut function = fields.take("function").fields()?;
    let name = function.take("name");
    let twice = name.complain("is the name of a tool before it; each needs its own");
    let name = name.name()?;
    let description = function.take("description").optional(Field::text)?;
    let parameters = function.take("parameters").optional(read_parameters)?;
    let parameters = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let strict = function.take("strict").optional(Field::flag)?.unwrap_or(false);
    function.end()?;
    fields.end()?;
    Ok((Tool { name, description, parameters, strict }, twice))
}

/// Arguments are an object, whatever else the schema says of them.
fn read_parameters(field: Field) -> Result<Value, ApiError> {
    let no_object = field.refuse(r#"a schema whose `type` is "object""#);
    let too_long = field.complain(&format!("is too long; {GRAMMAR_LEN_MAX} bytes are the most"));
    let mut schema = field.object()?;
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(no_object);
    }
    schema.entry("type").or_insert_with(|| "object".into());
    let schema = Value::Object(schema);
    if schema.to_string().len() > GRAMMAR_LEN_MAX { Err(too_long) } else { Ok(schema) }
}

fn read_choice(field: Field, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let no_tools = field.complain("demands a call, and there are no `tools`");
    let choice = if field.is_text() {
        field.one_of(&[
            ("none", ToolChoice::None),
            ("auto", ToolChoice::Auto),
            ("required", ToolChoice::Required),
        ])?
    } else {
        read_named(field, tools)?
    };
    match choice {
        ToolChoice::Required | ToolChoice::Function(_) if tools.is_empty() => Err(no_tools),
        ToolChoice::None | ToolChoice::Auto | ToolChoice::Required | ToolChoice::Function(_) => {
            Ok(choice)
        }
    }
}

fn read_named(field: Field, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    if !field.is_object() {
        return Err(field.refuse(r#""none", "auto", "required", or an object that names a tool"#));
    }
    let mut fields = field.fields()?;
    fields.take("type").one_of(&[("function", ())])?;
    let mut function = fields.take("function").fields()?;
    let name = function.take("name");
    let names: Vec<String> = tools.iter().map(|tool| format!("{:?}", tool.name)).collect();
    let unknown = name.refuse(&format!("one of the tools: {}", names.join(", ")));
    let name = name.name()?;
    function.end()?;
    fields.end()?;
    let known = tools.is_empty() || tools.iter().any(|tool| tool.name == name);
    if known { Ok(ToolChoice::Function(name)) } else { Err(unknown) }
}
