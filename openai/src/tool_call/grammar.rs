//! Grammars that demand calls, in the Lark dialect of llguidance, where `%json` stands before a JSON schema.
//!
//! What such a grammar derives, the reader reads as calls: a test walks through grammars at random.

use super::{CLOSE, OPEN, ToolStyle};
use crate::error::ApiError;
use crate::request::{GRAMMAR_LEN_MAX, Tool, ToolChoice};
use base::Grammar;
use serde_json::{Value, json};
use std::fmt::Write as _;

impl ToolStyle {
    /// What a reply has to be, so that these `tools` are called as demanded; `None` where any text is right. Several
    /// calls may follow each other where they are `parallel`, and the style has a way to write them.
    ///
    /// Where the model decides, words are right too, but calls of tools that are strict fit their schemas.
    ///
    /// # Errors
    ///
    /// Where the schemas together are longer than a grammar may be.
    pub fn grammar(
        self,
        tools: &[Tool],
        choice: &ToolChoice,
        parallel: bool,
    ) -> Result<Option<Grammar>, ApiError> {
        let strict = tools.iter().any(|tool| tool.strict);
        let text = match choice {
            ToolChoice::Auto if strict => self.allowing(parallel) + &self.rules(tools.iter()),
            ToolChoice::None | ToolChoice::Auto => return Ok(None),
            ToolChoice::Required => self.demanding(parallel) + &self.rules(tools.iter()),
            ToolChoice::Function(name) => {
                let named = tools.iter().filter(|tool| tool.name == *name);
                self.demanding(false) + &self.rules(named)
            }
        };
        if text.len() > GRAMMAR_LEN_MAX {
            let message = format!(
                "the schemas of `tools` are too long to be held to: as a grammar they have {} bytes, \
                 {GRAMMAR_LEN_MAX} are the most",
                text.len()
            );
            return Err(ApiError::invalid("tools", message));
        }
        Ok(Some(Grammar::Lark(text)))
    }

    /// One call at least.
    fn demanding(self, parallel: bool) -> String {
        match (self, parallel) {
            (Self::Hermes, true) => {
                format!("start: call (\"\\n\" call)*\ncall: \"{OPEN}\\n\" object \"\\n{CLOSE}\"\n")
            }
            (Self::Hermes, false) => format!("start: \"{OPEN}\\n\" object \"\\n{CLOSE}\"\n"),
            (Self::Llama3, _) => "start: object\n".to_owned(),
        }
    }

    /// Words or calls. A tag ends the words before it as soon as it is there (`lazy`), so that words hold no tags.
    fn allowing(self, parallel: bool) -> String {
        let words = "TEXT: /(\\n|.)*/\n";
        let calls = if parallel { "start: call* TEXT" } else { "start: call | TEXT" };
        match self {
            Self::Hermes => format!(
                "{calls}\ncall: lead \"\\n\" object \"\\n{CLOSE}\"\nlead[lazy]: TEXT \"{OPEN}\"\n{words}"
            ),
            Self::Llama3 => "start: object | TEXT\nTEXT: /([^{ \\t\\r\\n](\\n|.)*)?/\n".to_owned(),
        }
    }

    /// The object of a call, and the arguments of each tool.
    fn rules<'a>(self, tools: impl Iterator<Item = &'a Tool>) -> String {
        let mut objects = String::new();
        let mut rules = String::new();
        for (at, tool) in tools.enumerate() {
            let (or, Tool { name, .. }) = (if at == 0 { "object:" } else { " |" }, tool);
            let (key, schema) = (self.arguments(), schema(tool));
            // A name has no letter that a grammar or JSON would read otherwise.
            write!(objects, "{or} call_{at}").expect(WRITTEN);
            writeln!(
                rules,
                r#"call_{at}: "{{\"name\": \"{name}\", \"{key}\": " arguments_{at} "}}""#
            )
            .expect(WRITTEN);
            writeln!(rules, "arguments_{at}: %json {schema}").expect(WRITTEN);
        }
        format!("{objects}\n{rules}")
    }
}

const WRITTEN: &str = "a string takes all that is written";

/// A schema that is not strict is held to as far as llguidance knows its words, and is no error where it does not.
/// Either has little white space unless it says how it wants it.
fn schema(tool: &Tool) -> Value {
    let mut schema = tool.parameters.clone();
    let Some(members) = schema.as_object_mut() else { return schema };
    let little = || json!({"whitespace_pattern": Grammar::WHITE_SPACE});
    let guidance = members.entry("x-guidance").or_insert_with(little).as_object_mut();
    if let Some(guidance) = guidance.filter(|_| !tool.strict) {
        guidance.insert("lenient".to_owned(), true.into());
    }
    schema
}
