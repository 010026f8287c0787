//! `response_format`: what a reply has to be, as a grammar.

use crate::error::ApiError;
use crate::json::{Field, Fields};
use base::Grammar;
use serde_json::Value;

/// Bytes of a grammar: as many as the wire takes in one request for a session, `protocol::limits::GRAMMAR_LEN_MAX`.
/// JSON schemas of large tool sets have some KiB.
pub const GRAMMAR_LEN_MAX: usize = 24 << 10;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    JsonObject,
    JsonSchema,
    Regex,
}

const KINDS: [(&str, Kind); 4] = [
    ("text", Kind::Text),
    ("json_object", Kind::JsonObject),
    ("json_schema", Kind::JsonSchema),
    ("regex", Kind::Regex),
];

/// What the reply has to be; `None` where any text is right.
pub(super) fn read(field: Field) -> Result<Option<Grammar>, ApiError> {
    let mut fields = field.fields()?;
    let grammar = match fields.take("type").one_of(&KINDS)? {
        Kind::Text => None,
        Kind::JsonObject => Some(Grammar::JsonSchema(r#"{"type":"object"}"#.to_owned())),
        Kind::JsonSchema => Some(json_schema(fields.take("json_schema").fields()?)?),
        Kind::Regex => Some(Grammar::Regex(bounded(fields.take("regex"), Field::words)?)),
    };
    fields.end().map(|()| grammar)
}

/// A schema is held to whether it is `strict` or not.
fn json_schema(mut fields: Fields) -> Result<Grammar, ApiError> {
    fields.take("name").name()?;
    fields.take("description").optional(Field::text)?;
    fields.take("strict").optional(Field::flag)?;
    let written = |field: Field| field.object().map(|schema| Value::Object(schema).to_string());
    let schema = bounded(fields.take("schema"), written)?;
    fields.end().map(|()| Grammar::JsonSchema(schema))
}

fn bounded(
    field: Field,
    read: impl FnOnce(Field) -> Result<String, ApiError>,
) -> Result<String, ApiError> {
    let too_long = field.complain(&format!("is too long; {GRAMMAR_LEN_MAX} bytes are the most"));
    let text = read(field)?;
    if text.len() > GRAMMAR_LEN_MAX { Err(too_long) } else { Ok(text) }
}
