//! `GET /healthz` and `/readyz`: for those who start and stop processes.

use crate::serve::house::House;
use crate::serve::routes::Failure;
use axum::extract::State;
use std::sync::Arc;

/// The process lives.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// A request would be taken now.
pub(super) async fn ready(State(house): State<Arc<House>>) -> Result<&'static str, Failure> {
    house.staff()?;
    Ok("ready\n")
}
