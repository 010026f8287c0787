//! `POST /v1/embeddings`: what texts mean, as vectors, where a model for that is configured.

use crate::compute::compute;
use crate::device::Device;
use crate::serve::house::{DRAINING_RETRY_S, House};
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

    /// The vector of `texts[index]`, and how many tokens it has.
    fn encode(&self, texts: &[String], index: usize) -> Result<(Vec<f32>, u64), ApiError> {
        let failed = |error: EncodeError| ApiError::server(settings::chain(&error));
        let text = &texts[index];
        let (tokens, most) = self.encoder.tokens(text).map_err(failed)?;
        if tokens > most {
            let says = format!("has {tokens} tokens, and this model reads {most}: cut it in parts");
            return Err(ApiError::invalid(format!("input[{index}]"), says));
        }
        Ok((self.encoder.encode(text).map_err(failed)?, tokens as u64))
    }
}

/// The vectors of `texts`, and how many tokens they have. Each text has a turn of its own, as each pass of a reply has:
/// replies go on in between.
async fn encode(
    house: &House,
    (device, embeddings): (&Device, &Embeddings),
    texts: &[String],
) -> Result<(Vec<Vec<f32>>, u64), ApiError> {
    let (mut vectors, mut all) = (Vec::new(), 0);
    for index in 0..texts.len() {
        let turn = tokio::select! {
            biased;
            () = house.ending().cancelled() => return Err(ApiError::draining(DRAINING_RETRY_S)),
            turn = device.turn_to_compute() => turn,
        };
        let (vector, tokens) = compute(|| embeddings.encode(texts, index))?;
        drop(turn);
        vectors.push(vector);
        all += tokens;
        tokio::task::yield_now().await;
    }
    Ok((vectors, all))
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
    let makers = (staff.device(), embeddings);
    let (vectors, prompt_tokens) = encode(&house, makers, &request.inputs).await?;
    ticket.end_with(prompt_tokens);
    let (model, encoding) = (request.model, request.encoding);
    let json = EmbeddingsReply { model, encoding, vectors, prompt_tokens }.json();
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
