//! Sets of intents as people use them.

mod conversation;
mod definitions;
mod hostile;
mod shipped;

use crate::{IntentError, IntentFile, Recognition, Recognizer, Understood};

/// A recognizer of one set; two intents with examples are added, since a classifier tells things apart.
fn recognizer(text: &str) -> Recognizer {
    let files = vec![("test".to_owned(), IntentFile::parse(text).unwrap())];
    Recognizer::new(files, 0.05, None).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    let file = match IntentFile::parse(text) {
        Ok(file) => file,
        Err(error) => return chain(&error),
    };
    chain(&Recognizer::new(vec![("test".to_owned(), file)], 0.05, None).unwrap_err())
}

fn chain(error: &IntentError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

fn understood(recognition: Recognition) -> Understood {
    match recognition {
        Recognition::Understood(understood) => understood,
        other @ (Recognition::Incomplete(_) | Recognition::OutOfScope { .. }) => {
            panic!("{other:?}")
        }
    }
}
