//! `POST /causeway/v1/link`: cuts the emulated link, and mends it, where the operator lets it.

use crate::serve::house::House;
use crate::serve::routes::{Caller, Failure};
use axum::body::Bytes;
use axum::extract::State;
use openai::ApiError;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    cut: bool,
}

/// Cuts or mends.
pub(super) async fn cut(
    State(house): State<Arc<House>>,
    _: Caller,
    body: Bytes,
) -> Result<&'static str, Failure> {
    if !house.settings.link_switch {
        let says = "the link cannot be cut from here: set link_switch = true in [serve], with a link to emulate";
        return Err(ApiError { status: 403, ..ApiError::malformed(says) }.into());
    }
    let wanted = serde_json::from_slice(&body).map_err(|error| {
        ApiError::malformed(format!("the body is {{\"cut\": true}} or {{\"cut\": false}}: {error}"))
    });
    let Wanted { cut } = wanted?;
    if house.network.switch().is_cut() != cut {
        house.network.switch().set(cut);
        let (kind, says) = match cut {
            true => ("link-cut", "somebody cuts the emulated link"),
            false => ("link-mended", "the emulated link is whole again"),
        };
        house.chronicle.note(kind, says.to_owned());
    }
    Ok(if cut { "cut\n" } else { "mended\n" })
}
