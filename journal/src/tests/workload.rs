//! What a device does with a journal, at random: a call at a time, each by a seed and by what the
//! journal holds.

use crate::{
    Action, Amount, By, ConversationId, Journal, Outcome, Request, RequestId, Route, State, Turn,
    UnixTime, Vouched,
};
use base::Privacy;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

/// A device at work.
#[derive(Debug)]
pub(super) struct Device {
    dice: ChaCha8Rng,
    now: UnixTime,
}

impl Device {
    /// A device whose day begins at `now`.
    pub(super) fn new(seed: u64, now: UnixTime) -> Self {
        Self { dice: ChaCha8Rng::seed_from_u64(seed), now }
    }

    /// Makes one call that changes something, and says which. Conversations that are removed by it are
    /// noted in `removed`.
    pub(super) fn call(
        &mut self,
        journal: &mut Journal,
        removed: &mut Vec<ConversationId>,
    ) -> &'static str {
        loop {
            self.now.0 += u64::from(self.below(4_000));
            let made = match self.below(20) {
                0..=5 => self.says(journal),
                6 | 7 => self.defers(journal),
                8..=12 => self.sends(journal),
                13 => self.calls_back(journal),
                14 | 15 => self.reserves(journal),
                16 | 17 => self.settles(journal),
                18 => self.forgets(journal, removed),
                _ => self.tidies(journal, removed),
            };
            if let Some(made) = made {
                return made;
            }
        }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.dice.next_u32() % end
    }

    fn id(&mut self) -> u128 {
        u128::from(self.dice.next_u64()) << 64 | u128::from(self.dice.next_u64())
    }

    /// A conversation that there is, or now and then a new one.
    fn conversation(&mut self, journal: &Journal) -> ConversationId {
        let all = journal.conversations().unwrap();
        let new = ConversationId(self.id());
        all.get(self.below(5) as usize).map_or(new, |known| known.id)
    }

    /// Words in which the conversation's id stands.
    fn words(&mut self, conversation: ConversationId) -> String {
        let length = 1 + self.below(40) * self.below(4);
        format!("{conversation}: {}", "two degrees warmer ".repeat(length as usize))
    }

    fn says(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let conversation = self.conversation(journal);
        let by = match self.below(3) {
            0 => By::Person,
            1 => By::Model {
                route: Route::Local,
                vouched: Vouched::Mixed { verified: self.below(9), unverified: self.below(9) },
            },
            _ => By::Action(Action {
                intent: "climate".to_owned(),
                slots: format!("{{\"of\":\"{conversation}\"}}"),
                outcome: Outcome::Done,
            }),
        };
        let turn = Turn { at: self.now, by, text: self.words(conversation) };
        match journal.append(conversation, Privacy::Anywhere, &turn) {
            Ok(_) => Some("append"),
            // Too full: it changed nothing.
            Err(_) => None,
        }
    }

    fn defers(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let conversation = self.conversation(journal);
        let id = RequestId(self.id());
        let request = Request {
            id,
            key: format!("key {id}"),
            conversation,
            body: self.words(conversation),
            callback: (self.below(2) == 0).then(|| format!("http://here/{conversation}")),
            expires: UnixTime(self.now.0 + u64::from(self.below(100_000))),
        };
        let text = self.words(conversation);
        let question = Turn { at: self.now, by: By::Person, text };
        journal.defer(request, Privacy::Site, &question).ok().map(|_| "defer")
    }

    fn sends(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let all = journal.all_deferred().unwrap();
        let sent = all.iter().find(|deferred| matches!(deferred.state, State::Sent { .. }));
        let Some(sent) = sent else {
            let due = journal.due(self.now).unwrap();
            journal.sent(due.first()?.request.id).unwrap();
            return Some("sent");
        };
        let (id, conversation) = (sent.request.id, sent.request.conversation);
        match self.below(6) {
            0 => journal.failed(id, UnixTime(self.now.0 + 60)).map(|()| Some("failed")).unwrap(),
            1 => journal.refused(id, "no", self.now).map(|()| Some("refused")).unwrap(),
            _ => {
                let text = self.words(conversation);
                let answer = journal.answer(id, &text, Vouched::Verified, self.now);
                answer.ok().map(|_| "answer")
            }
        }
    }

    fn calls_back(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let callbacks = journal.callbacks().unwrap();
        journal.called_back(callbacks.first()?.request, self.now).unwrap();
        Some("called back")
    }

    fn reserves(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let request = RequestId(self.id());
        let more = Amount {
            money_micro: u64::from(self.below(500)),
            metered_bytes: u64::from(self.below(1 << 16)),
            tokens: u64::from(self.below(400)),
        };
        journal.reserve(request, more, self.now).ok()?.ok().map(|_| "reserve")
    }

    fn settles(&mut self, journal: &mut Journal) -> Option<&'static str> {
        let (request, held) = journal.reservations().unwrap().pop_first()?;
        let part = u64::from(1 + self.below(4));
        let actual = Amount {
            money_micro: held.money_micro / part,
            metered_bytes: held.metered_bytes / part,
            tokens: held.tokens / part,
        };
        assert_eq!(journal.settle(request, actual, self.now).unwrap(), Amount::default());
        Some("settle")
    }

    fn forgets(
        &mut self,
        journal: &mut Journal,
        removed: &mut Vec<ConversationId>,
    ) -> Option<&'static str> {
        let conversation = journal.conversations().unwrap().last()?.id;
        journal.forget(conversation).unwrap();
        removed.push(conversation);
        Some("forget")
    }

    fn tidies(
        &mut self,
        journal: &mut Journal,
        removed: &mut Vec<ConversationId>,
    ) -> Option<&'static str> {
        self.now.0 += u64::from(self.below(2)) * 86_400;
        let tidied = journal.tidy(self.now).unwrap();
        removed.extend(&tidied.conversations);
        let changed = tidied.rewritten.is_some() || !tidied.expired.is_empty();
        changed.then_some("tidy")
    }
}
