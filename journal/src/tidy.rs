//! Rotation: what is too old, and what is too much, goes.

use crate::deferred::{self, Deferred};
use crate::transaction::{self, Writing};
use crate::{ConversationId, Journal, JournalError, Limits, RequestId, UnixTime, conversations};
use base::ByteCount;

/// What a tidying did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tidied {
    /// Deferred requests whose time was over. They are remembered for a while.
    pub expired: Vec<Deferred>,
    /// Requests that ended long ago, and are forgotten now.
    pub dropped: Vec<RequestId>,
    /// Conversations that were removed because nobody used them for long, or, the oldest first, to make
    /// room.
    pub conversations: Vec<ConversationId>,
    /// The file's size before, if it was written anew.
    pub rewritten: Option<ByteCount>,
    /// The file's size now.
    pub bytes: ByteCount,
}

impl Journal {
    /// Ends, drops and removes what the limits say, until three eighths of the rows' room are free. Where
    /// anything was removed, or the file has grown too large, it is written anew, so that what is
    /// removed is not in it any more. That takes some tenths of a second: once an hour or a day is often
    /// enough, or when the journal is [`Full`](JournalError::Full).
    ///
    /// A conversation with a request that is still to be answered or delivered stays. For a clock that
    /// runs ahead everything is old: `now` must be a time that is known to be right.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn tidy(&mut self, now: UnixTime) -> Result<Tidied, JournalError> {
        let limits = &self.limits;
        let (expired, dropped, conversations) = self.store.write(|tx| {
            let expired = deferred::expire(tx, limits, now)?;
            let dropped = deferred::drop_ended(tx, limits, now)?;
            let conversations = remove_old(tx, limits, now)?;
            if !dropped.is_empty() || !conversations.is_empty() {
                tx.must_scrub()?;
            }
            Ok((expired, dropped, conversations))
        })?;
        let before = self.store.bytes()?;
        let rewrite = self.store.is_unscrubbed()? || before > self.limits.file_bytes_max;
        if rewrite {
            self.store.rewrite()?;
        }
        let rewritten = rewrite.then_some(before);
        let bytes = self.store.bytes()?;
        Ok(Tidied { expired, dropped, conversations, rewritten, bytes })
    }

    /// The size of the journal's file.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn bytes(&self) -> Result<ByteCount, JournalError> {
        self.store.bytes()
    }
}

fn remove_old(
    tx: &Writing,
    limits: &Limits,
    now: UnixTime,
) -> Result<Vec<ConversationId>, JournalError> {
    let (pending, goal) = (deferred::pending(tx)?, limits.tidy_rows_bytes());
    let mut removed = Vec::new();
    for conversation in conversations::by_age(tx)? {
        let old = conversation.used.after(limits.conversation_kept) <= now;
        if (old || transaction::bytes(tx)? > goal) && !pending.contains(&conversation.id) {
            conversations::remove(tx, conversation.id)?;
            removed.push(conversation.id);
        }
    }
    Ok(removed)
}
