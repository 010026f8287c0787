//! A whole model on the device: drafts for the target, and speaks while the target is out of reach.
//! Both are the same: its own next token after a text.

use crate::erring::Erring;
use crate::sequence::StageSequence;
use base::{Allowed, Likelihoods, Position, Sampling, TokenId};
use grammar::GuideError;
use runtime::sampler::{self, SampleError};
use runtime::{ForwardError, SpanOutput};
use std::collections::BTreeMap;
use std::time::Duration;

/// A model with the KV of the conversation.
#[derive(Debug)]
pub(crate) struct LocalModel {
    sequence: StageSequence,
    /// Errs on purpose, for measurements.
    erring: Option<Erring>,
    /// How likely its tokens were, by where they stand, where somebody wants to know.
    seen: Option<Seen>,
}

/// How likely tokens were.
#[derive(Debug)]
struct Seen {
    /// So many of the likeliest at each position.
    top: usize,
    by_position: BTreeMap<Position, Likelihoods>,
}

/// What a model says next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    pub(crate) token: TokenId,
    /// The model's own probability of it, at temperature 1.
    pub(crate) probability: f32,
}

/// A token that the local model cannot give.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Its forward pass refuses.
    #[error("the device's own model cannot go on")]
    Forward(#[from] ForwardError),
    /// Its logits cannot be sampled.
    #[error("the device's own model gives no token")]
    Sample(#[from] SampleError),
    /// Nobody can say which tokens may be chosen.
    #[error(transparent)]
    Guide(#[from] GuideError),
}

impl LocalModel {
    /// Speaks by `sequence`, which has all of a model.
    pub(crate) const fn new(sequence: StageSequence) -> Self {
        Self { sequence, erring: None, seen: None }
    }

    /// The model's own token after `text`, among those that are `allowed`, with the noise that the target has
    /// there.
    ///
    /// # Errors
    ///
    /// [`LocalError`].
    pub(crate) fn next(
        &mut self,
        text: &[TokenId],
        allowed: &Allowed,
        sampling: &Sampling,
    ) -> Result<Next, LocalError> {
        match self.sequence.run(text, text.len() - 1)? {
            SpanOutput::Logits(logits) => {
                let at = Position::after(text.len());
                let stage = self.sequence.stage();
                let token = stage.choose(&logits, allowed, sampling, at)?;
                let probability = sampler::probability(&logits, allowed, token);
                let next = Next { token, probability };
                if let Some(Seen { top, by_position }) = &mut self.seen {
                    by_position.insert(at, stage.likelihoods(&logits, allowed, token, *top));
                }
                Ok(self.erring.as_mut().map_or(next, |erring| erring.pass(next)))
            }
            SpanOutput::Hidden(_) => unreachable!("a whole model has a head"),
        }
    }

    /// From now on, keeps how likely its tokens are, and so many of the likeliest beside each; or lets go of all that.
    pub(crate) fn look(&mut self, top: Option<u8>) {
        self.seen = top.map(|top| Seen { top: top.into(), by_position: BTreeMap::new() });
    }

    /// How likely the token that it gave for a position was.
    pub(crate) fn likelihoods(&self, at: Position) -> Option<&Likelihoods> {
        self.seen.as_ref()?.by_position.get(&at)
    }

    /// From now on it is right at a set rate.
    pub(crate) fn err(&mut self, erring: Erring) {
        self.erring = Some(erring);
    }

    /// Reads some of `text`, where it is more than is read on the way to a next token. Whether it was.
    ///
    /// # Errors
    ///
    /// [`LocalError`].
    pub(crate) fn approach(&mut self, text: &[TokenId]) -> Result<bool, LocalError> {
        Ok(self.sequence.approach(text)?)
    }

    /// Whether the KV is so far behind a text that others write, that it is worth a pass to be able to take over
    /// within one token: one of several tokens costs little more than one of one.
    pub(crate) fn is_far_behind(&self, text: &[TokenId]) -> bool {
        const TOKENS_BEHIND_MAX: usize = 16;
        self.behind(text.len()) >= TOKENS_BEHIND_MAX
    }

    /// Keeps the KV close behind such a text.
    ///
    /// # Errors
    ///
    /// [`LocalError`].
    pub(crate) fn follow(&mut self, text: &[TokenId]) -> Result<(), LocalError> {
        if self.is_far_behind(text) && !self.sequence.approach(text)? {
            self.sequence.catch_up(text)?;
        }
        Ok(())
    }

    /// Its KV.
    pub(crate) const fn sequence_mut(&mut self) -> &mut StageSequence {
        &mut self.sequence
    }

    /// As [`StageSequence::take_owed`].
    pub(crate) fn take_owed(&mut self) -> Duration {
        self.sequence.take_owed()
    }

    /// How many tokens of a text of `length` the KV lacks.
    pub(crate) fn behind(&self, length: usize) -> usize {
        length.saturating_sub(self.sequence.len())
    }
}
