//! What the device works out for itself: one token at a time, so that between two of them the link is
//! looked at.
//!
//! A token is there when the machine that is emulated would have it. Until then it can be dropped: a
//! verdict that contradicts its text frees the machine for the next one at once.

use crate::compute::compute;
use crate::drafting::{Drafting, Idea};
use crate::local_model::{LocalError, LocalModel, Next};
use base::{Allowed, Position, Sampling, TokenId};
use grammar::Guide;
use protocol::{Drafted, Drafter, Origin, Wish};
use std::time::Instant;
use transport::clock;

/// A token that the device has worked out.
#[derive(Debug)]
pub(crate) struct Thought {
    purpose: Purpose,
    /// When it is there.
    ready: Instant,
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To have the target judge it; `None` where there is nothing to draft.
    Draft(Wish, Option<Drafted>),
    /// To know the text at last: what is long is read in turns with others.
    Read,
    /// To be said at this place while the target is out of reach.
    Word(Position, TokenId),
}

impl Thought {
    /// Whether `drafter` wants any.
    pub(crate) fn is_due(drafter: &Drafter) -> bool {
        drafter.wish().is_some() || drafter.is_alone()
    }

    /// Begins the next one, which [is due](Self::is_due), where somebody here has it; `guide` says what may come next.
    ///
    /// # Errors
    ///
    /// [`LocalError`].
    pub(crate) fn begin(
        drafter: &Drafter,
        drafting: &mut Drafting,
        model: Option<&mut LocalModel>,
        guide: Option<&mut Guide>,
        sampling: &Sampling,
    ) -> Result<Option<Self>, LocalError> {
        let (begun, wish, log) = (clock::now(), drafter.wish(), drafter.log());
        let text = || -> Vec<_> { log.tokens().iter().copied().chain(drafter.ahead()).collect() };
        let allowed = match guide {
            Some(guide) => compute(|| guide.allowed_after(&text()))?,
            None => Allowed::Any,
        };
        let idea = wish.map(|wish| (wish, drafting.idea(begun, drafter, wish, &allowed)));
        let known = |purpose| Ok(Some(Self { purpose, ready: begun }));
        let (wish, model) = match (idea, model) {
            (Some((wish, Idea::Known(draft))), _) => {
                return known(Purpose::Draft(wish, Some(draft)));
            }
            (Some((wish, Idea::Nothing)), _) | (Some((wish, Idea::AskModel)), None) => {
                return known(Purpose::Draft(wish, None));
            }
            (Some((wish, Idea::AskModel)), Some(model)) => (Some(wish), model),
            (None, Some(model)) => (None, model),
            (None, None) => return Ok(None),
        };
        let text = text();
        if compute(|| model.approach(&text))? {
            let ready = clock::now() + model.take_owed();
            return Ok(Some(Self { purpose: Purpose::Read, ready }));
        }
        let Next { token, probability } = compute(|| model.next(&text, &allowed, sampling))?;
        let ready = clock::now() + model.take_owed();
        let (origin, confidence, took) = (Origin::Model, probability, ready - begun);
        let draft = Drafted { token, origin, confidence, took };
        let purpose = match wish {
            Some(wish) => Purpose::Draft(wish, Some(draft)),
            None => Purpose::Word(log.end(), token),
        };
        Ok(Some(Self { purpose, ready }))
    }

    /// When it is there.
    pub(crate) const fn ready(&self) -> Instant {
        self.ready
    }

    /// Whether `drafter` still wants it.
    pub(crate) fn is_wanted(&self, drafter: &Drafter) -> bool {
        match self.purpose {
            Purpose::Read => true,
            Purpose::Draft(wish, _) => drafter.wants(wish),
            Purpose::Word(at, _) => drafter.is_alone() && at == drafter.log().end(),
        }
    }

    /// Hands it in.
    pub(crate) fn tell(self, drafter: &mut Drafter) {
        let now = clock::now();
        match self.purpose {
            Purpose::Read => {}
            Purpose::Draft(wish, draft) => drafter.handle_draft(now, wish, draft),
            Purpose::Word(at, token) => drafter.handle_local_token(now, at, token),
        }
    }
}
