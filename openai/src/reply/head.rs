//! What a reply, and each chunk of one, begins with.

/// Which reply this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its id, as clients see it.
    pub id: String,
    /// When the request came, in seconds since 1970.
    pub created: u64,
    /// Who answers, as `/v1/models` says it.
    pub model: String,
}

impl Head {
    /// Of a reply to the chat request with this id.
    pub fn chat(request: u128, created: u64, model: impl Into<String>) -> Self {
        Self { id: format!("chatcmpl-{request:032x}"), created, model: model.into() }
    }

    /// Of a continuation of a text.
    pub fn completion(request: u128, created: u64, model: impl Into<String>) -> Self {
        Self { id: format!("cmpl-{request:032x}"), created, model: model.into() }
    }
}
