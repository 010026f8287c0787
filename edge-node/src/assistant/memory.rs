//! Where conversations are: in the journal, or, where there is none, in memory for as long as the process lives.

use crate::compute::compute;
use base::Privacy;
use journal::{By, Conversation, ConversationId, Journal, JournalError, Turn, UnixTime, Vouched};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Conversations that are kept in memory; the one that was not used for longest gives way.
const CONVERSATIONS_MAX: usize = 64;

/// Bytes of a conversation in memory; its oldest turns give way.
const CONVERSATION_BYTES_MAX: usize = 256 << 10;

/// How many turns back a model reads.
const TURNS_MAX: usize = 64;

/// And how many bytes of them: more than the models here read at once.
const HISTORY_BYTES_MAX: usize = 32 << 10;

/// Where conversations are, for all who remember at the same time.
#[derive(Debug)]
pub(super) struct Memory(Mutex<Place>);

#[derive(Debug)]
enum Place {
    /// In the journal.
    Kept(Box<Journal>),
    /// In this process.
    Fleeting(Fleeting),
}

/// Conversations of this process.
#[derive(Debug, Default)]
struct Fleeting {
    conversations: BTreeMap<ConversationId, Talk>,
}

#[derive(Debug)]
struct Talk {
    class: Privacy,
    used: UnixTime,
    turns: VecDeque<Turn>,
}

impl Memory {
    /// In `journal`.
    pub(super) fn kept(journal: Journal) -> Self {
        Self(Mutex::new(Place::Kept(Box::new(journal))))
    }

    /// In this process alone.
    pub(super) fn fleeting() -> Self {
        Self(Mutex::new(Place::Fleeting(Fleeting::default())))
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        // A journal's calls are whole or not at all, whoever panics around them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The strictest class that any turn of `conversation` had; `None` where there is no such conversation.
    pub(super) fn class(
        &self,
        conversation: ConversationId,
    ) -> Result<Option<Privacy>, JournalError> {
        match &mut *self.place() {
            Place::Kept(journal) => {
                let known = compute(|| journal.conversation(conversation))?;
                Ok(known.map(|Conversation { privacy, .. }| privacy))
            }
            Place::Fleeting(fleeting) => {
                Ok(fleeting.conversations.get(&conversation).map(|talk| talk.class))
            }
        }
    }

    /// The turns of `conversation` that a model reads before the next.
    pub(super) fn history(&self, conversation: ConversationId) -> Result<Vec<Turn>, JournalError> {
        match &mut *self.place() {
            Place::Kept(journal) => {
                compute(|| journal.last_turns(conversation, TURNS_MAX, HISTORY_BYTES_MAX))
            }
            Place::Fleeting(fleeting) => Ok(fleeting.history(conversation)),
        }
    }

    /// Adds turns, all of them or none.
    pub(super) fn append(
        &self,
        conversation: ConversationId,
        class: Privacy,
        turns: &[Turn],
    ) -> Result<(), JournalError> {
        match &mut *self.place() {
            Place::Kept(journal) => compute(|| {
                let appended = journal.append_all(conversation, class, turns);
                if !matches!(appended, Err(JournalError::Full { .. })) {
                    return appended.map(|_| ());
                }
                journal.tidy(turns.first().map_or(UnixTime(0), |turn| turn.at))?;
                journal.append_all(conversation, class, turns).map(|_| ())
            }),
            Place::Fleeting(fleeting) => {
                fleeting.append(conversation, class, turns);
                Ok(())
            }
        }
    }

    /// Removes a conversation.
    pub(super) fn forget(&self, conversation: ConversationId) -> Result<(), JournalError> {
        match &mut *self.place() {
            Place::Kept(journal) => compute(|| journal.forget(conversation)),
            Place::Fleeting(fleeting) => {
                let removed = fleeting.conversations.remove(&conversation);
                removed.map(|_| ()).ok_or(JournalError::NoConversation(conversation))
            }
        }
    }

    /// Does `work` with the journal, where there is one.
    pub(super) fn journal<T>(&self, work: impl FnOnce(&mut Journal) -> T) -> Option<T> {
        match &mut *self.place() {
            Place::Kept(journal) => Some(compute(|| work(journal))),
            Place::Fleeting(_) => None,
        }
    }
}

impl Fleeting {
    fn history(&self, conversation: ConversationId) -> Vec<Turn> {
        let Some(talk) = self.conversations.get(&conversation) else { return Vec::new() };
        let mut left = HISTORY_BYTES_MAX;
        let fits = |turn: &&Turn| match left.checked_sub(turn.text.len()) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        let mut last: Vec<Turn> =
            talk.turns.iter().rev().take(TURNS_MAX).take_while(fits).cloned().collect();
        last.reverse();
        last
    }

    fn append(&mut self, conversation: ConversationId, class: Privacy, turns: &[Turn]) {
        let new = || Talk { class, used: UnixTime(0), turns: VecDeque::new() };
        let talk = self.conversations.entry(conversation).or_insert_with(new);
        talk.class = talk.class.min(class);
        talk.turns.extend(turns.iter().cloned());
        talk.used = turns.last().map_or(talk.used, |turn| turn.at);
        let bytes =
            |turns: &VecDeque<Turn>| turns.iter().map(|turn| turn.text.len()).sum::<usize>();
        while talk.turns.len() > 1 && bytes(&talk.turns) > CONVERSATION_BYTES_MAX {
            talk.turns.pop_front();
        }
        if self.conversations.len() > CONVERSATIONS_MAX {
            let others = self.conversations.iter().filter(|(id, _)| **id != conversation);
            let oldest = others.min_by_key(|(_, talk)| talk.used).map(|(id, _)| *id);
            oldest.and_then(|oldest| self.conversations.remove(&oldest));
        }
    }
}

/// How much of an answer the target vouches for, by its tokens.
pub(super) fn vouched(verified: &[bool]) -> Vouched {
    let count = |wanted| {
        let found = verified.iter().filter(|verified| **verified == wanted).count();
        u32::try_from(found).unwrap_or(u32::MAX)
    };
    match (count(true), count(false)) {
        (_, 0) => Vouched::Verified,
        (0, _) => Vouched::Unverified,
        (verified, unverified) => Vouched::Mixed { verified, unverified },
    }
}

/// `history` and what is said now, as a model reads it: people and the device take turns, a person first. What
/// one of them said in several turns is one.
pub(super) fn as_read(history: &[Turn], text: &str) -> Vec<runtime::Turn> {
    let role = |by: &By| match by {
        By::Person => "user",
        By::Model { .. } | By::Action(_) => "assistant",
    };
    let said = history.iter().map(|turn| (role(&turn.by), turn.text.as_str()));
    let mut read: Vec<runtime::Turn> = Vec::new();
    for (role, text) in said.chain([("user", text)]) {
        match read.last_mut() {
            Some(last) if last.role == role => {
                last.content.push_str("\n\n");
                last.content.push_str(text);
            }
            None if role == "assistant" => {}
            Some(_) | None => {
                read.push(runtime::Turn::said(role, text));
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Route;

    fn turn(by: By, text: &str) -> Turn {
        Turn { at: UnixTime(1), by, text: text.to_owned() }
    }

    fn model(text: &str) -> Turn {
        turn(By::Model { route: Route::Local, vouched: Vouched::Unverified }, text)
    }

    #[test]
    fn a_model_reads_a_conversation_in_turns_that_a_person_begins() {
        let history =
            [model("cut off"), turn(By::Person, "one"), turn(By::Person, "two"), model("three")];
        let read = as_read(&history, "four");
        let read: Vec<_> = read.iter().map(|turn| (&*turn.role, &*turn.content)).collect();
        assert_eq!(read, [("user", "one\n\ntwo"), ("assistant", "three"), ("user", "four")]);
    }

    #[test]
    fn tokens_say_how_much_of_an_answer_is_vouched_for() {
        assert_eq!(vouched(&[true, true]), Vouched::Verified);
        assert_eq!(vouched(&[false]), Vouched::Unverified);
        let mixed = Vouched::Mixed { verified: 1, unverified: 2 };
        assert_eq!(vouched(&[false, true, false]), mixed);
    }

    #[test]
    fn what_is_in_memory_is_bounded_and_as_strict_as_its_strictest_turn() {
        let (mut fleeting, id) = (Fleeting::default(), ConversationId(7));
        fleeting.append(id, Privacy::Anywhere, &[turn(By::Person, "first")]);
        fleeting.append(id, Privacy::Device, &[model("second")]);
        fleeting.append(id, Privacy::Anywhere, &[model(&"x".repeat(HISTORY_BYTES_MAX - 6))]);
        let memory = Memory(Mutex::new(Place::Fleeting(fleeting)));
        assert_eq!(memory.class(id).unwrap(), Some(Privacy::Device));
        let history = memory.history(id).unwrap();
        assert_eq!((history.len(), &*history[0].text), (2, "second"));
        let Ok(Place::Fleeting(mut fleeting)) = memory.0.into_inner() else {
            panic!("it was put there")
        };
        fleeting.append(id, Privacy::Device, &[model(&"x".repeat(CONVERSATION_BYTES_MAX))]);
        assert_eq!(fleeting.conversations[&id].turns.len(), 1);
        for other in 100..100 + CONVERSATIONS_MAX as u128 {
            let later = Turn { at: UnixTime(2), ..turn(By::Person, "later") };
            fleeting.append(ConversationId(other), Privacy::Site, &[later]);
        }
        assert_eq!(fleeting.conversations.len(), CONVERSATIONS_MAX);
        assert!(!fleeting.conversations.contains_key(&id));
    }
}
