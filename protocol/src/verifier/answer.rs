//! What the target says, once its choices are known.

use super::Verifier;
use super::question::Question;
use crate::{Cost, Message, Verdict, limits};
use base::{Likelihoods, Position, TokenId};
use std::time::Instant;

/// A verdict but for what every one has.
struct Words {
    from: usize,
    agreed: Vec<bool>,
    accepted: usize,
    tokens: Vec<TokenId>,
}

impl Verifier {
    /// The verdict on a question whose choices are known, or the acknowledgement of one that did not
    /// ask.
    pub(super) fn answer(&mut self, now: Instant, question: &Question, cost: Option<Cost>) {
        if !question.ask {
            let from = question.end();
            let words = Words { from, agreed: Vec::new(), accepted: 0, tokens: Vec::new() };
            return self.say(words, cost);
        }
        let from = question.from;
        let judged = question.tokens.get(from - question.base..).unwrap_or_default();
        let says = |i: usize| self.memory.choice(from + i) == Some(judged[i]);
        let agreed: Vec<bool> = (0..question.said).map(says).collect();
        let accepted = (question.said..judged.len()).take_while(|i| says(*i)).count();
        let at = from + question.said + accepted;
        let tokens = self.own_tokens(at);
        self.patience.judged(judged.len() - question.said, accepted);
        self.patience.spoke(now, accepted + tokens.len());
        self.spoken = Some(at + tokens.len());
        if at < question.end() {
            self.abandoned = Some(question.tip);
            self.patience.contradicted(now);
        }
        self.say(Words { from, agreed, accepted, tokens }, cost);
    }

    /// Says what is known of the target's own text and was not said yet.
    pub(super) fn say_known(&mut self, now: Instant, cost: Option<Cost>) {
        let Some((at, last)) = self.next_row() else { return };
        if self.memory.held().get(at) != Some(last) {
            return;
        }
        let from = at + 1;
        let tokens = self.own_tokens(from);
        if !tokens.is_empty() {
            self.patience.spoke(now, tokens.len());
            self.spoken = Some(from + tokens.len());
            self.say(Words { from, agreed: Vec::new(), accepted: 0, tokens }, cost);
        }
    }

    /// Whether the target may say the token at `position` alone, after it said `last`.
    pub(super) fn may_say(&self, position: usize, last: TokenId) -> bool {
        self.opened.as_ref().is_some_and(|session| {
            position < self.until.min(session.positions_max as usize)
                && !session.end_tokens.contains(&last)
        })
    }

    /// The target's own text from `at` on, as far as it is known, allowed and not ended.
    fn own_tokens(&self, at: usize) -> Vec<TokenId> {
        let mut own = Vec::new();
        while let Some(token) = self.memory.choice(at + own.len()) {
            own.push(token);
            let next = at + own.len();
            let follows = self.memory.held().get(next - 1) == Some(token);
            let full = own.len() > limits::EXTEND_MAX as usize;
            if !follows || full || !self.may_say(next, token) {
                break;
            }
        }
        own
    }

    /// How likely the target's `count` words from `at` on were, where that is wanted.
    fn likelihoods(&self, at: usize, count: usize) -> Vec<Likelihoods> {
        let wanted = self.opened.as_ref().is_some_and(|session| session.likelihoods.is_some());
        let known = (at..at + count).map(|position| self.memory.likelihoods(position).cloned());
        known.take_while(|_| wanted).collect::<Option<_>>().unwrap_or_default()
    }

    fn say(&mut self, words: Words, cost: Option<Cost>) {
        let Words { from, agreed, accepted, tokens } = words;
        let [passes, ..] = self.passes.to_le_bytes();
        let likelihoods = self.likelihoods(from + agreed.len(), accepted + tokens.len());
        self.outbox.push_back(Message::Verdict(Verdict {
            epoch: self.epoch(),
            from: Position::after(from),
            agreed,
            accepted: u32::try_from(accepted).expect("a pass has few drafts"),
            tokens,
            likelihoods,
            passes,
            cost: cost.and_then(|cost| self.told.news(cost)),
        }));
    }
}
