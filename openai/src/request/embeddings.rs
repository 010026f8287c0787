//! A request for the vectors of texts.

use crate::error::ApiError;
use crate::json::{Field, Fields};

/// Texts of one request, as at OpenAI.
pub const INPUTS_MAX: usize = 2048;

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As lists of numbers.
    Float,
    /// As the base64 of their numbers' bytes: single precision, the lowest byte first.
    Base64,
}

/// `POST /v1/embeddings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingsRequest {
    /// As it was asked for. Whether it is ours is for the caller to say.
    pub model: String,
    /// The texts, one to 2048, none empty.
    pub inputs: Vec<String>,
    /// How their vectors are written.
    pub encoding: Encoding,
}

impl EmbeddingsRequest {
    /// Reads a body of at most [`BODY_LEN_MAX`](crate::BODY_LEN_MAX) bytes.
    ///
    /// # Errors
    ///
    /// Status 400; `param` names what is wrong, unless the body is no object at all.
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::read(body)?;
        let model = fields.take("model").words()?;
        let inputs = read_inputs(fields.take("input"))?;
        let encoding = fields.take("encoding_format").optional(|field| {
            field.one_of(&[("float", Encoding::Float), ("base64", Encoding::Base64)])
        })?;
        let dimensions = fields.take("dimensions");
        if !dimensions.is_absent() {
            return Err(dimensions.complain("is not supported: vectors have all of the model's"));
        }
        fields.take("user").optional(Field::text)?;
        fields.end()?;
        Ok(Self { model, inputs, encoding: encoding.unwrap_or(Encoding::Float) })
    }
}

fn read_inputs(field: Field) -> Result<Vec<String>, ApiError> {
    if !field.is_list() {
        return Ok(vec![field.words()?]);
    }
    let tokens = field.complain("holds tokens; it must be a string or a list of strings");
    let items = field.list(1..=INPUTS_MAX)?;
    if items.iter().any(|item| item.is_number() || item.is_list()) {
        return Err(tokens);
    }
    items.into_iter().map(Field::words).collect()
}
