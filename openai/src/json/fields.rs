//! The members of one object, taken by name; what nobody took is an error.

use super::Field;
use crate::error::ApiError;
use serde_json::{Map, Value};

/// An object that is being taken apart.
#[derive(Debug)]
pub(crate) struct Fields {
    /// Of the object; empty at the root.
    path: String,
    members: Map<String, Value>,
    /// Names that were asked for.
    known: Vec<&'static str>,
}

impl Fields {
    pub(crate) fn new(path: String, members: Map<String, Value>) -> Self {
        Self { path, members, known: Vec::new() }
    }

    /// The root of a body.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or no object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        match super::tree(body)? {
            Value::Object(members) => Ok(Self::new(String::new(), members)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(ApiError::malformed("the body must be one JSON object")),
        }
    }

    /// The member of this name, absent or not.
    pub(crate) fn take(&mut self, name: &'static str) -> Field {
        self.known.push(name);
        let value = self.members.remove(name).unwrap_or(Value::Null);
        Field::new(self.path_of(name), value)
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Ends the taking.
    ///
    /// # Errors
    ///
    /// Where a member is left that says something.
    pub(crate) fn end(self) -> Result<(), ApiError> {
        let Some((name, _)) = self.members.iter().find(|(_, value)| !value.is_null()) else {
            return Ok(());
        };
        let name: String = name.chars().take(NAME_SHOWN_CHARS).collect();
        let known = self.known.join(", ");
        let message = format!("{name:?} is not supported here; what is: {known}");
        Err(ApiError::invalid(self.path_of(&name), message))
    }
}

/// As much of an unknown name as an error repeats.
const NAME_SHOWN_CHARS: usize = 80;
