//! A reply as it grows, for whoever writes it to a client.

use crate::show::{Notice, Show};
use base::{Likelihoods, TokenId};
use openai::{EventKind, Likelihood, TokenLogprobs};
use runtime::Tokenizer;
use tokio::sync::mpsc;

/// What is new of a choice.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// More tokens, and what they spell. There may be none: letters of an earlier one, whose rest has come.
    Tokens {
        /// What they spell.
        text: String,
        /// Whether the target vouches for each.
        verified: Vec<bool>,
        /// How likely each was, where that was asked for.
        logprobs: Option<Vec<TokenLogprobs>>,
    },
    /// Something happened.
    Event(EventKind),
}

/// News of a choice, by its index.
pub(super) type Told = (u32, News);

/// Tells of one choice. A reply is bounded, and so is what is told of it: nobody is waited for.
pub(super) struct Telling {
    index: u32,
    to: mpsc::UnboundedSender<Told>,
    /// Tokens that have come, and are not told of yet.
    pending: Vec<bool>,
    /// What tokens spell, where it was asked how likely they are.
    spells: Option<Tokenizer>,
    likely: Vec<TokenLogprobs>,
    text: String,
    tokens: u64,
}

impl Telling {
    /// Of the choice `index`.
    pub(super) fn new(
        index: u32,
        to: mpsc::UnboundedSender<Told>,
        spells: Option<Tokenizer>,
    ) -> Self {
        let (pending, likely, text) = (Vec::new(), Vec::new(), String::new());
        Self { index, to, pending, spells, likely, text, tokens: 0 }
    }

    fn tell(&self, news: News) {
        // Who does not listen any more has cancelled the request.
        let _ = self.to.send((self.index, news));
    }
}

impl Show for Telling {
    fn piece(&mut self, text: &str, _: bool) {
        if text.is_empty() && self.pending.is_empty() {
            return;
        }
        self.text.push_str(text);
        let verified = std::mem::take(&mut self.pending);
        let logprobs = self.spells.as_ref().map(|_| std::mem::take(&mut self.likely));
        self.tell(News::Tokens { text: text.to_owned(), verified, logprobs });
    }

    fn token(&mut self, verified: bool) {
        self.tokens += 1;
        self.pending.push(verified);
    }

    fn likelihoods(&mut self, likelihoods: &Likelihoods) {
        let Some(tokenizer) = &self.spells else { return };
        let spelled = |&(token, logprob): &(TokenId, f32)| {
            let bytes = tokenizer.piece(token).unwrap_or_default().to_vec();
            Likelihood { bytes, logprob }
        };
        let token = spelled(&likelihoods.chosen);
        self.likely
            .push(TokenLogprobs { token, top: likelihoods.top.iter().map(spelled).collect() });
    }

    fn vouched(&mut self, index: usize) {
        self.tell(News::Event(EventKind::Vouched { token: index as u64 }));
    }

    fn notice(&mut self, notice: &Notice) {
        let event = match notice {
            Notice::Alone { peer, why } => {
                EventKind::Alone { peer: peer.to_string(), why: why.clone() }
            }
            Notice::Switched { plan } => EventKind::Switched { plan: plan.clone() },
            Notice::Stayed { why } => EventKind::Stayed { why: why.clone() },
            Notice::Rejoined { peer } => EventKind::Rejoined { peer: peer.to_string() },
            Notice::Judged { said, agreed } => {
                EventKind::Judged { said: *said as u64, agreed: *agreed as u64 }
            }
            Notice::Revised { removed, kept } => {
                self.text.truncate(self.text.floor_char_boundary(*kept));
                self.tokens = self.tokens.saturating_sub(*removed as u64);
                EventKind::Revised { tokens: self.tokens, text: self.text.clone() }
            }
        };
        self.tell(News::Event(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_with_the_text_that_they_spell() {
        let (to, mut told) = mpsc::unbounded_channel();
        let mut telling = Telling::new(3, to, None);
        telling.token(true);
        telling.piece("", true);
        telling.token(false);
        telling.piece("ä", false);
        telling.piece("", true);
        let tokens = |text: &str, verified: &[bool]| {
            (3, News::Tokens { text: text.to_owned(), verified: verified.to_vec(), logprobs: None })
        };
        assert_eq!(told.try_recv().unwrap(), tokens("", &[true]));
        assert_eq!(told.try_recv().unwrap(), tokens("ä", &[false]));
        assert!(told.try_recv().is_err(), "nothing is new");
    }

    #[test]
    fn what_is_taken_back_says_what_stands() {
        let (to, mut told) = mpsc::unbounded_channel();
        let mut telling = Telling::new(0, to, None);
        for piece in ["one", " two", " three"] {
            telling.token(false);
            telling.piece(piece, false);
            told.try_recv().unwrap();
        }
        telling.notice(&Notice::Revised { removed: 2, kept: 3 });
        let stands = EventKind::Revised { tokens: 1, text: "one".to_owned() };
        assert_eq!(told.try_recv().unwrap().1, News::Event(stands));
    }
}
