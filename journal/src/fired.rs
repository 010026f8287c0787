//! Intents that fired: what the device did, kept apart from the conversations in which it was asked, so
//! that it can be read after their turns have made room for newer ones. They go with their conversation.

use crate::rows::FIRED;
use crate::transaction::Writing;
use crate::{Action, ConversationId, Journal, JournalError, Limits, Turn, UnixTime};
use serde::{Deserialize, Serialize};

/// An intent that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fired {
    /// When.
    pub at: UnixTime,
    /// In which conversation.
    pub conversation: ConversationId,
    /// Which, and what came of it.
    pub action: Action,
}

impl Journal {
    /// The last intents that fired, in order: `count` of them at most.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn last_fired(&self, count: u64) -> Result<Vec<Fired>, JournalError> {
        self.store.read(|tx| {
            let Some((_, last)) = FIRED.ends(tx)? else { return Ok(Vec::new()) };
            let rows = FIRED.range(tx, (last + 1).saturating_sub(count)..)?;
            Ok(rows.into_iter().map(|(_, fired)| fired).collect())
        })
    }
}

/// Notes a turn's action, if it is one. The oldest gives way where there are too many.
pub(crate) fn note(
    tx: &Writing,
    limits: &Limits,
    conversation: ConversationId,
    turn: &Turn,
) -> Result<(), JournalError> {
    let Some(action) = turn.action() else { return Ok(()) };
    let fired = Fired { at: turn.at, conversation, action: action.clone() };
    let ends = FIRED.ends(tx)?;
    let (first, next) = ends.map_or((0, 0), |(first, last)| (first, last + 1));
    FIRED.put(tx, next, &fired)?;
    if next - first >= limits.fired_max {
        FIRED.remove(tx, first)?;
    }
    Ok(())
}
