//! What may not leave the device, and how it is answered: by a model that is here, as a whole.
//!
//! # Invariants
//!
//! - **There is no way from a [`Confined`] text to a frame.** Its tokens are seen in this file alone, and this
//!   file knows neither messages nor links: `tests/it/tidy/confined.rs` reads its imports.
//! - **It leaves nothing that a later request may send**: neither a text that its session goes on from, nor KV in a
//!   store, nor a source of drafts.

use crate::compute::compute;
use crate::device::Device;
use crate::generate::GenerateError;
use crate::reply::{Reply, Usage};
use crate::request::Request;
use crate::show::Show;
use crate::spending::Spending;
use crate::transcript::Transcript;
use base::{Allowed, Position, TokenId};
use runtime::{TextStream, Tokenizer};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use transport::clock;

/// A text that may not leave the device.
#[derive(Clone)]
pub struct Confined {
    tokens: Vec<TokenId>,
}

/// Says nothing of it.
impl std::fmt::Debug for Confined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Confined({} tokens)", self.tokens.len())
    }
}

impl Confined {
    pub(crate) const fn new(tokens: Vec<TokenId>) -> Self {
        Self { tokens }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Turns the tokens that follow it into text.
    pub(crate) fn stream(&self, tokenizer: &Tokenizer) -> TextStream {
        tokenizer.stream_after(&self.tokens)
    }
}

impl Device {
    /// Answers a text that may not leave: by the target, where all of it is loaded here, else by the draft model.
    ///
    /// # Errors
    ///
    /// [`GenerateError`].
    pub(crate) async fn answer_confined(
        &mut self,
        prompt: &Confined,
        request: &Request,
        show: &mut dyn Show,
        cancel: &CancellationToken,
    ) -> Result<Reply, GenerateError> {
        let stream = prompt.stream(&self.models.tokenizer);
        let began = clock::now();
        let (mut transcript, mut spending) =
            (Transcript::new(stream, &request.stop, began), Spending::since(began));
        let end_tokens = self.models.tokenizer.end_tokens();
        let mut guide = self.guide(request, Position::after(prompt.len()))?;
        let (positions_max, vouched) = (self.positions_max() as usize, self.target.is_some());
        let passes = Arc::clone(&self.passes);
        let model = self.target.as_mut().or(self.draft.as_mut());
        let model = model.ok_or(GenerateError::NothingHere)?;
        let mut text = prompt.tokens.clone();
        let length = positions_max.min(text.len() + request.tokens_max as usize);
        let finish_reason = loop {
            if text.len() >= length {
                break "length";
            }
            let turn = Arc::clone(&passes).acquire_owned().await;
            let begun = clock::now();
            let next = compute(|| {
                let allowed = match &mut guide {
                    Some(guide) => guide.allowed_after(&text)?,
                    None => Allowed::Any,
                };
                model.next(&text, &allowed, &request.sampling)
            });
            let next = next?.token;
            let ready = clock::now() + model.take_owed();
            spending.compute(ready - begun);
            drop(turn);
            tokio::select! {
                biased;
                () = cancel.cancelled() => break "cancelled",
                () = clock::reached(Some((ready, ()))) => {}
            }
            if end_tokens.contains(&next) && !request.past_end {
                break "stop";
            }
            let likelihoods = model.likelihoods(Position::after(text.len()));
            likelihoods.into_iter().for_each(|found| show.likelihoods(found));
            text.push(next);
            let piece = transcript.push(next, clock::now());
            show.token(vouched);
            show.piece(&piece, vouched);
            if transcript.is_stopped() {
                break "stop";
            }
            // Others have their turn.
            tokio::task::yield_now().await;
        };
        let rest = transcript.finish();
        show.piece(&rest, vouched);
        let spent = spending.end_alone(self);
        let whose = if vouched { "the target" } else { "the draft model" };
        Ok(Reply {
            text: transcript.text().to_owned(),
            tokens: transcript.tokens().iter().map(|token| token.0).collect(),
            verified: vec![vouched; transcript.tokens().len()],
            finish_reason,
            plan: format!("confined to the device: {whose}"),
            stays: true,
            switches: Vec::new(),
            paced: !self.config.engine.pace.is_none(),
            emulated_link: None,
            usage: Usage::alone(&transcript, prompt.len(), spent),
        })
    }
}

#[cfg(test)]
mod tests;
