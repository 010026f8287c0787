//! Errors on one line, with their causes.

use std::error::Error;

/// `error` and its causes, from the outermost in.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
