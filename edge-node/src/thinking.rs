//! What the device's own model works out: one token at a time, so that between two of them the link is
//! looked at.
//!
//! A token is there when the machine that is emulated would have it. Until then it can be dropped: a
//! verdict that contradicts its text frees the machine for the next one at once.

use crate::compute::compute;
use crate::local_model::{LocalError, LocalModel, Next};
use base::{Position, Sampling};
use protocol::{Drafted, Drafter, Origin, Wish};
use std::time::Instant;
use transport::clock;

/// A token of the device's own model.
#[derive(Debug)]
pub(crate) struct Thought {
    next: Next,
    purpose: Purpose,
    begun: Instant,
    /// When it is there.
    ready: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To have the target judge it.
    Draft(Wish),
    /// To be said at this place while the target is out of reach.
    Word(Position),
}

impl Thought {
    /// Begins the next one, where `drafter` wants any.
    ///
    /// # Errors
    ///
    /// [`LocalError`].
    pub(crate) fn begin(
        drafter: &Drafter,
        model: &mut LocalModel,
        sampling: &Sampling,
    ) -> Result<Option<Self>, LocalError> {
        let log = drafter.log();
        let purpose = match (drafter.wish(), drafter.is_alone()) {
            (Some(wish), _) => Purpose::Draft(wish),
            (None, true) => Purpose::Word(log.end()),
            (None, false) => return Ok(None),
        };
        let text: Vec<_> = log.tokens().iter().copied().chain(drafter.ahead()).collect();
        let begun = clock::now();
        let next = compute(|| model.next(&text, sampling))?;
        Ok(Some(Self { next, purpose, begun, ready: clock::now() + model.take_owed() }))
    }

    /// When it is there.
    pub(crate) const fn ready(&self) -> Instant {
        self.ready
    }

    /// Whether `drafter` still wants it.
    pub(crate) fn is_wanted(&self, drafter: &Drafter) -> bool {
        match self.purpose {
            Purpose::Draft(wish) => drafter.wants(wish),
            Purpose::Word(at) => drafter.is_alone() && at == drafter.log().end(),
        }
    }

    /// Hands it in.
    pub(crate) fn tell(self, drafter: &mut Drafter) {
        let now = clock::now();
        match self.purpose {
            Purpose::Draft(wish) => {
                let draft = Drafted {
                    token: self.next.token,
                    origin: Origin::Model,
                    confidence: self.next.probability,
                    took: self.ready - self.begun,
                };
                drafter.handle_draft(now, wish, Some(draft));
            }
            Purpose::Word(at) => drafter.handle_local_token(now, at, self.next.token),
        }
    }
}
