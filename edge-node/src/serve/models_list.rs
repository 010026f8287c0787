//! `GET /v1/models`: who answers.

use crate::serve::house::House;
use crate::serve::routes::{Caller, Failure};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use openai::ModelList;
use std::sync::Arc;

/// All of them: one.
pub(super) async fn models(
    State(house): State<Arc<House>>,
    _: Caller,
) -> Result<Response, Failure> {
    let models = vec![house.staff()?.model().clone()];
    Ok(json(ModelList { models }.json()))
}

/// The one that is asked for.
pub(super) async fn model(
    State(house): State<Arc<House>>,
    _: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let staff = house.staff()?;
    staff.answers_as(&id)?;
    Ok(json(staff.model().json()))
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
