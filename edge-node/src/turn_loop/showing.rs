//! What whoever asked is told of a request under way.

use super::TurnLoop;
use crate::device::Device;
use crate::show::Notice;
use base::{Likelihoods, Position, TokenId};
use partitioner::Mode;
use transport::clock;

impl TurnLoop<'_> {
    /// The next token.
    pub(super) fn show(&mut self, token: TokenId, verified: bool) {
        let is_end = self.device.models.tokenizer.end_tokens().contains(&token);
        if !is_end || self.request.past_end {
            let at = Position::after(self.prompt.len() + self.transcript.tokens().len());
            let text = self.transcript.push(token, clock::now());
            if let Some(found) = self.likelihoods(at, token, verified) {
                self.show.likelihoods(&found);
            }
            self.show.token(verified);
            self.show.piece(&text, verified);
        }
    }

    /// How likely whoever chose `token` took it to be: the target, wherever its head is, or the device's own model.
    fn likelihoods(&self, at: Position, token: TokenId, verified: bool) -> Option<Likelihoods> {
        let Device { target, draft, .. } = &*self.device;
        let own = if verified || self.drafter.speaks_as_target() { target } else { draft };
        let own = own.as_ref().and_then(|model| model.likelihoods(at));
        let told = self.drafter.likelihoods(at).filter(|_| verified);
        told.or(own).filter(|found| found.chosen.0 == token).cloned()
    }

    /// Of `count` tokens from `from` on, which were shown alone, some are verified now.
    pub(super) fn note_vouched(&mut self, from: Position, count: usize) {
        let first = from.index() - self.prompt.len();
        let verified = self.drafter.log().verified().iter().enumerate();
        let vouched = verified.skip(first).take(count).filter(|(_, verified)| **verified);
        vouched.for_each(|(index, _)| self.show.vouched(index));
    }

    /// The device goes on alone.
    pub(super) fn note_alone(&mut self) {
        if self.course.request.mode == Mode::Local {
            return;
        }
        self.alone_since = Some(clock::now());
        if let Some(peer) = self.course.peer() {
            let why = self.why_lost();
            self.show.notice(&Notice::Alone { peer, why });
        }
    }

    /// Why the target is out of reach, as far as that is known.
    pub(super) fn why_lost(&self) -> String {
        match (self.course.why_down(), &self.fault) {
            (Some(why), _) => why,
            (None, Some(fault)) => fault.detail.clone(),
            (None, None) => "the session ended".to_owned(),
        }
    }
}
