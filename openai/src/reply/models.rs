//! The models that answer.

use crate::json;
use serde::{Serialize, Serializer};

/// The body of an answer of `/v1/models`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelList {
    /// The models.
    pub models: Vec<Model>,
}

/// One model, and the body of an answer of `/v1/models/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// What requests call it.
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

impl ModelList {
    /// Its JSON text.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Written<'a> {
            object: &'static str,
            data: &'a [Model],
        }
        json::text(&Written { object: "list", data: &self.models })
    }
}

impl Model {
    /// Its JSON text.
    pub fn json(&self) -> String {
        json::text(self)
    }
}

impl Serialize for Model {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            id: &'a str,
            object: &'static str,
            created: u64,
            owned_by: &'static str,
        }
        let Self { id, created } = self;
        Written { id, object: "model", created: *created, owned_by: "causeway" }
            .serialize(serializer)
    }
}
