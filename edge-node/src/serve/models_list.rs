//! `GET /v1/models`: who answers.

use crate::serve::house::House;
use crate::serve::routes::{Caller, Failure};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use openai::ModelList;
use std::sync::Arc;

/// All of them: the one that answers, and the one that makes embeddings.
pub(super) async fn models(
    State(house): State<Arc<House>>,
    _: Caller,
) -> Result<Response, Failure> {
    let staff = house.staff()?;
    let embeddings = staff.embeddings().map(|embeddings| embeddings.model.clone());
    let models = [staff.model().clone()].into_iter().chain(embeddings).collect();
    Ok(json(ModelList { models }.json()))
}

/// The one that is asked for; its name may have slashes.
pub(super) async fn model(
    State(house): State<Arc<House>>,
    _: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let staff = house.staff()?;
    // What is no text is the name of no model.
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    let embeddings = staff.embeddings().map(|embeddings| &embeddings.model);
    if let Some(model) = embeddings.filter(|model| model.id == id) {
        return Ok(json(model.json()));
    }
    staff.answers_as(&id)?;
    Ok(json(staff.model().json()))
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
