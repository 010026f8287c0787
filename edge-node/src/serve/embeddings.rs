//! `POST /v1/embeddings`: what texts mean, as vectors, where a model for that is configured.

use crate::compute::compute;
use crate::serve::house::House;
use crate::serve::routes::{Caller, Failure};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use intents::{EncodeError, SentenceEncoder as _};
use openai::{ApiError, EmbeddingsReply, EmbeddingsRequest, Model};
use sentence_encoder::SentenceModel;
use std::path::Path;
use std::sync::Arc;

/// A model of sentences, and what requests call it.
#[derive(Debug)]
pub(super) struct Embeddings {
    encoder: SentenceModel,
    pub(super) model: Model,
}

impl Embeddings {
    /// Opens the model in `folder`.
    ///
    /// # Errors
    ///
    /// [`sentence_encoder::OpenError`].
    pub(super) fn open(folder: &Path, created: u64) -> Result<Self, sentence_encoder::OpenError> {
        let encoder = compute(|| SentenceModel::open(folder))?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        let id = name.unwrap_or_else(|| "embeddings".to_owned());
        Ok(Self { encoder, model: Model { id, created } })
    }

    /// The vectors of `texts`, and how many tokens they have.
    fn encode(&self, texts: &[String]) -> Result<(Vec<Vec<f32>>, u64), ApiError> {
        let failed = |error: EncodeError| ApiError::server(settings::chain(&error));
        let (mut vectors, mut all) = (Vec::new(), 0);
        for (index, text) in texts.iter().enumerate() {
            let (tokens, most) = self.encoder.tokens(text).map_err(failed)?;
            if tokens > most {
                let says =
                    format!("has {tokens} tokens, and this model reads {most}: cut it in parts");
                return Err(ApiError::invalid(format!("input[{index}]"), says));
            }
            vectors.push(self.encoder.encode(text).map_err(failed)?);
            all += tokens as u64;
        }
        Ok((vectors, all))
    }
}

/// Answers.
pub(super) async fn embeddings(
    State(house): State<Arc<House>>,
    Caller(key): Caller,
    body: Bytes,
) -> Result<Response, Failure> {
    let request = EmbeddingsRequest::read(&body)?;
    let staff = house.staff()?;
    let Some(embeddings) = staff.embeddings() else {
        let says = "this device makes no embeddings: name a model for them in [serve] embeddings";
        return Err(ApiError { status: 404, ..ApiError::invalid("model", says) }.into());
    };
    if request.model != embeddings.model.id {
        return Err(ApiError::model_not_found(&request.model, &embeddings.model.id).into());
    }
    let ticket = house.admit(&key).await?;
    let (vectors, prompt_tokens) = compute(|| embeddings.encode(&request.inputs))?;
    ticket.end_with(prompt_tokens);
    let (model, encoding) = (request.model, request.encoding);
    let json = EmbeddingsReply { model, encoding, vectors, prompt_tokens }.json();
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
