//! What was told of one choice, put together.

use crate::serve::telling::News;
use openai::{Event, EventKind, TokenLogprobs};

/// A choice so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) text: String,
    pub(super) verified: Vec<bool>,
    /// Where they were asked for.
    pub(super) logprobs: Option<Vec<TokenLogprobs>>,
    pub(super) events: Vec<Event>,
}

impl Gathered {
    /// Takes what is new of the choice `index`.
    pub(super) fn take(&mut self, index: u32, news: &News) {
        match news {
            News::Tokens { text, verified, logprobs } => {
                self.text.push_str(text);
                self.verified.extend(verified);
                if let Some(logprobs) = logprobs {
                    self.logprobs.get_or_insert_default().extend_from_slice(logprobs);
                }
            }
            News::Event(kind) => {
                self.apply(kind);
                self.events.push(Event { index, kind: kind.clone() });
            }
        }
    }

    fn apply(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Revised { tokens, text } => {
                self.text.clone_from(text);
                let kept = usize::try_from(*tokens).unwrap_or(usize::MAX);
                self.verified.truncate(kept);
                self.logprobs.iter_mut().for_each(|logprobs| logprobs.truncate(kept));
            }
            EventKind::Vouched { token } => {
                let token = usize::try_from(*token).ok();
                if let Some(mark) = token.and_then(|token| self.verified.get_mut(token)) {
                    *mark = true;
                }
            }
            EventKind::Alone { .. }
            | EventKind::Rejoined { .. }
            | EventKind::Judged { .. }
            | EventKind::Switched { .. }
            | EventKind::Stayed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openai::Likelihood;

    #[test]
    fn what_is_vouched_for_later_is_marked_and_what_is_revised_is_gone() {
        let likely = |text: &str| {
            let token = Likelihood { bytes: text.as_bytes().to_vec(), logprob: -0.5 };
            TokenLogprobs { token, top: Vec::new() }
        };
        let mut choice = Gathered::default();
        let tokens = |text: &str| News::Tokens {
            text: text.to_owned(),
            verified: vec![false],
            logprobs: Some(vec![likely(text)]),
        };
        choice.take(0, &tokens("one"));
        choice.take(0, &tokens(" two"));
        choice.take(0, &News::Event(EventKind::Vouched { token: 0 }));
        choice.take(0, &News::Event(EventKind::Vouched { token: 9 }));
        choice.take(0, &News::Event(EventKind::Revised { tokens: 1, text: "one".to_owned() }));
        assert_eq!((choice.text.as_str(), &*choice.verified), ("one", &[true][..]));
        assert_eq!(choice.logprobs, Some(vec![likely("one")]));
        assert_eq!(choice.events.len(), 3);
    }
}
