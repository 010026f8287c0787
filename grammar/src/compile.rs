//! From the text of a grammar to a matcher at its beginning.

use crate::error::{GrammarError, sentence};
use crate::vocabulary::Vocabulary;
use base::Grammar;
use llguidance::Matcher;
use llguidance::api::TopLevelGrammar;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A grammar that replies can be held to, in one vocabulary. Shared by all that follow it.
pub struct Compiled {
    vocabulary: Arc<Vocabulary>,
    /// At the beginning of a reply. Only ever cloned.
    matcher: Matcher,
}

impl Compiled {
    /// Compiles `grammar`, in the thread that calls. Behind [`crate::Grammars`] it has a deadline and a stack.
    ///
    /// # Errors
    ///
    /// [`GrammarError`] says what of the grammar is wrong.
    pub(crate) fn new(
        vocabulary: &Arc<Vocabulary>,
        grammar: &Grammar,
    ) -> Result<Self, GrammarError> {
        let (what, grammar) = match grammar {
            Grammar::JsonSchema(text) => ("the JSON schema", schema(text)?),
            Grammar::Regex(text) => ("the regular expression", TopLevelGrammar::from_regex(text)),
            Grammar::Lark(text) => ("the Lark grammar", TopLevelGrammar::from_lark(text.clone())),
        };
        let parser = vocabulary.factory().create_parser(grammar);
        let refused = |said: String| match said.starts_with("panic") {
            true => GrammarError::Broken(sentence(&said)),
            false => GrammarError::Refused { what, why: sentence(&said) },
        };
        let parser = parser.map_err(|error| refused(format!("{error:#}")))?;
        let matcher = Matcher::new(Ok(parser));
        match matcher.get_error() {
            None => Ok(Self { vocabulary: Arc::clone(vocabulary), matcher }),
            Some(error) => Err(refused(error)),
        }
    }

    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// A matcher of its own, at the beginning of a reply.
    pub(crate) fn matcher(&self) -> Matcher {
        self.matcher.deep_clone()
    }
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").field("vocabulary", &self.vocabulary).finish_non_exhaustive()
    }
}

/// The grammar of a JSON schema, with little white space unless it says how it wants it.
fn schema(text: &str) -> Result<TopLevelGrammar, GrammarError> {
    let schema: Value =
        serde_json::from_str(text).map_err(|error| GrammarError::NoJson(error.to_string()))?;
    let mut schema = match schema {
        Value::Object(schema) => schema,
        Value::Bool(true) => serde_json::Map::new(),
        Value::Bool(false) => {
            let why = "the schema false accepts no text".to_owned();
            return Err(GrammarError::Refused { what: "the JSON schema", why });
        }
        Value::Null => return Err(GrammarError::NoSchema("null")),
        Value::Number(_) => return Err(GrammarError::NoSchema("a number")),
        Value::String(_) => return Err(GrammarError::NoSchema("a string")),
        Value::Array(_) => return Err(GrammarError::NoSchema("an array")),
    };
    let options = || json!({ "whitespace_pattern": Grammar::WHITE_SPACE });
    schema.entry("x-guidance").or_insert_with(options);
    Ok(TopLevelGrammar::from_json_schema(Value::Object(schema)))
}
