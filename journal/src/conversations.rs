//! Conversations: one log of turns each, whoever they are by.

use crate::fired;
use crate::rows::{DEFERRED, FIRED, HEADS, TURNS};
use crate::transaction::{Reading, Writing};
use crate::{Conversation, ConversationId, Journal, JournalError, Limits, Turn, UnixTime};
use base::Privacy;
use serde::{Deserialize, Serialize};

/// A conversation's row. Its turns are those from `first` to before `next`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    created: UnixTime,
    used: UnixTime,
    privacy: Privacy,
    first: u64,
    next: u64,
    bytes: u64,
}

impl Journal {
    /// Adds a turn to a conversation, that begins with it where it is the first one. Its oldest turns
    /// give way where it is too long; an action is also noted among those that fired. Returns the
    /// turn's number.
    ///
    /// # Errors
    ///
    /// [`JournalError::TooLong`], [`JournalError::Full`], and those of the file.
    pub fn append(
        &mut self,
        conversation: ConversationId,
        privacy: Privacy,
        turn: &Turn,
    ) -> Result<u64, JournalError> {
        self.append_all(conversation, privacy, std::slice::from_ref(turn))
    }

    /// The same for several turns, all of them or none: what was said, and the answer. Returns the number of
    /// the last.
    ///
    /// # Errors
    ///
    /// As of [`Journal::append`].
    ///
    /// # Panics
    ///
    /// Where there are no turns.
    pub fn append_all(
        &mut self,
        conversation: ConversationId,
        privacy: Privacy,
        turns: &[Turn],
    ) -> Result<u64, JournalError> {
        assert!(!turns.is_empty(), "somebody said something");
        let limits = &self.limits;
        self.store.write(|tx| {
            let mut last = 0;
            for turn in turns {
                last = append(tx, limits, conversation, privacy, turn)?;
            }
            tx.check_room(limits.new_rows_bytes_max())?;
            Ok(last)
        })
    }

    /// The last turns of a conversation, in order: at most `turns`, with at most `text_bytes` of text
    /// together. None where there is no such conversation.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn last_turns(
        &self,
        conversation: ConversationId,
        turns: usize,
        text_bytes: usize,
    ) -> Result<Vec<Turn>, JournalError> {
        self.store.read(|tx| {
            let Some(head) = HEADS.get(tx, conversation.0)? else { return Ok(Vec::new()) };
            let (mut last, mut left) = (Vec::new(), text_bytes);
            for number in (head.first..head.next).rev().take(turns) {
                let turn = turn(tx, conversation, number)?;
                let Some(rest) = left.checked_sub(turn.text.len()) else { break };
                left = rest;
                last.push(turn);
            }
            last.reverse();
            Ok(last)
        })
    }

    /// One conversation, without its turns.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn conversation(
        &self,
        conversation: ConversationId,
    ) -> Result<Option<Conversation>, JournalError> {
        let head = self.store.read(|tx| HEADS.get(tx, conversation.0))?;
        Ok(head.map(|head| head.shown(conversation)))
    }

    /// All conversations, the one that was used last first.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn conversations(&self) -> Result<Vec<Conversation>, JournalError> {
        let mut all = self.store.read(by_age)?;
        all.reverse();
        Ok(all)
    }

    /// Removes a conversation: its turns, its deferred requests, its actions among those that fired.
    /// When this returns, none of their bytes is in the journal's file; where the process dies before,
    /// either nothing has changed, or the next one finishes it as it opens the journal.
    ///
    /// # Errors
    ///
    /// [`JournalError::NoConversation`], and those of the file.
    pub fn forget(&mut self, conversation: ConversationId) -> Result<(), JournalError> {
        // Where a call removed the rows and could not write the file anew, the next one does.
        let owed = self.store.is_unscrubbed()?;
        self.store.write(|tx| {
            if !owed && HEADS.get(tx, conversation.0)?.is_none() {
                return Err(JournalError::NoConversation(conversation));
            }
            remove(tx, conversation)?;
            tx.must_scrub()
        })?;
        self.store.rewrite()
    }
}

impl Head {
    fn shown(&self, id: ConversationId) -> Conversation {
        let Self { created, used, privacy, first, next, bytes } = *self;
        Conversation { id, created, used, privacy, turns: next - first, bytes }
    }
}

fn turn(
    tx: &impl Reading,
    conversation: ConversationId,
    number: u64,
) -> Result<Turn, JournalError> {
    TURNS.get(tx, (conversation.0, number))?.ok_or_else(|| {
        JournalError::Corrupt(format!("turn {number} of conversation {conversation} is missing"))
    })
}

/// All conversations, the one that was not used for longest first.
pub(crate) fn by_age(tx: &impl Reading) -> Result<Vec<Conversation>, JournalError> {
    let heads = HEADS.range(tx, ..)?.into_iter();
    let mut all: Vec<Conversation> =
        heads.map(|(id, head)| head.shown(ConversationId(id))).collect();
    all.sort_by_key(|conversation| (conversation.used, conversation.id));
    Ok(all)
}

/// The number of a conversation's next turn.
pub(crate) fn next_turn(
    tx: &impl Reading,
    conversation: ConversationId,
) -> Result<u64, JournalError> {
    Ok(HEADS.get(tx, conversation.0)?.map_or(0, |head| head.next))
}

/// See [`Journal::append`]; whether there is room for it is the caller's to check.
pub(crate) fn append(
    tx: &Writing,
    limits: &Limits,
    conversation: ConversationId,
    privacy: Privacy,
    turn: &Turn,
) -> Result<u64, JournalError> {
    limits.check_turn(turn)?;
    let new = Head { created: turn.at, used: turn.at, privacy, first: 0, next: 0, bytes: 0 };
    let mut head = HEADS.get(tx, conversation.0)?.unwrap_or(new);
    let number = head.next;
    head.bytes += TURNS.put(tx, (conversation.0, number), turn)?;
    head.next += 1;
    head.used = head.used.max(turn.at);
    head.privacy = head.privacy.min(privacy);
    // The newest turn stays, however long JSON makes it.
    while head.bytes > limits.conversation_bytes_max && head.first < number {
        let removed = TURNS.remove(tx, (conversation.0, head.first))?;
        head.bytes = head.bytes.saturating_sub(removed.unwrap_or(0));
        head.first += 1;
    }
    HEADS.put(tx, conversation.0, &head)?;
    fired::note(tx, limits, conversation, turn)?;
    Ok(number)
}

/// Removes the rows of a conversation.
pub(crate) fn remove(tx: &Writing, conversation: ConversationId) -> Result<(), JournalError> {
    let Some(head) = HEADS.get(tx, conversation.0)? else { return Ok(()) };
    HEADS.remove(tx, conversation.0)?;
    for number in head.first..head.next {
        TURNS.remove(tx, (conversation.0, number))?;
    }
    for (id, deferred) in DEFERRED.range(tx, ..)? {
        if deferred.request.conversation == conversation {
            DEFERRED.remove(tx, id)?;
        }
    }
    for (number, fired) in FIRED.range(tx, ..)? {
        if fired.conversation == conversation {
            FIRED.remove(tx, number)?;
        }
    }
    Ok(())
}
