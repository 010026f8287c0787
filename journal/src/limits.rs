//! What a journal may hold, and for how long. Each default has its reason.

use crate::budgets::BudgetPolicy;
use crate::turn::{Action, Turn};
use crate::{JournalError, OpenError};
use base::ByteCount;
use std::time::Duration;

/// Bytes of the file for each byte of its rows: pages of a B-tree may be half empty, and a file grows by
/// doubling. A little less than 4 is the most that `tests::bounds` has seen, in 120 files that were
/// filled three times each, with turns of all lengths.
const FILE_PER_ROW: u64 = 5;

/// An action's intent, slots and outcome, in bytes. So no number of them makes a conversation that is
/// used give way.
pub(crate) const ACTION_BYTES_MAX: usize = 2 << 10;

/// No journal is smaller: an empty one has pages too.
const FILE_BYTES_MIN: u64 = 1 << 20;

/// What a journal may hold, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The file's size. Its rows may take a fifth of it.
    pub file_bytes_max: ByteCount,
    /// One text: a turn's, a deferred request's. In bytes.
    pub text_bytes_max: usize,
    /// One conversation's turns, in bytes of the journal. Its oldest turns give way to newer ones.
    pub conversation_bytes_max: u64,
    /// A conversation that nobody used for so long is removed by [`Journal::tidy`](crate::Journal::tidy).
    pub conversation_kept: Duration,
    /// Deferred requests that are kept, ended ones included; these give way to newer ones.
    pub deferred_max: usize,
    /// And their bytes.
    pub deferred_bytes_max: u64,
    /// How long a request that ended is remembered, so that its idempotency key finds it.
    pub ended_kept: Duration,
    /// How long it is tried to call back with an answer.
    pub callback_kept: Duration,
    /// Intents that fired; the oldest give way.
    pub fired_max: u64,
    /// Requests that hold reservations at once.
    pub reservations_max: usize,
    /// What may be spent.
    pub budgets: BudgetPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Little beside a model, and years of turns: 1,000 of them take a few hundred KiB.
            file_bytes_max: ByteCount(64 << 20),
            // More than any model here reads at once.
            text_bytes_max: 256 << 10,
            conversation_bytes_max: 1 << 20,
            conversation_kept: Duration::from_secs(90 * 86_400),
            // A person asks so many in a long tunnel; a machine that asks more should hear of it.
            deferred_max: 256,
            deferred_bytes_max: 2 << 20,
            // Clients that retry do so within a day.
            ended_kept: Duration::from_secs(2 * 86_400),
            callback_kept: Duration::from_secs(86_400),
            fired_max: 1_024,
            // Far more than one device asks at once.
            reservations_max: 64,
            budgets: BudgetPolicy::default(),
        }
    }
}

impl Limits {
    /// What all rows may take together. Only answers come so far.
    pub(crate) fn rows_bytes_max(&self) -> ByteCount {
        ByteCount(self.file_bytes_max.0 / FILE_PER_ROW)
    }

    /// How far new turns and requests come: where all conversations wait for answers, and none may be
    /// removed, there is still room for one, after which its conversation may.
    pub(crate) fn new_rows_bytes_max(&self) -> ByteCount {
        ByteCount(self.rows_bytes_max().0 / 8 * 7)
    }

    /// How far a tidying goes.
    pub(crate) fn tidy_rows_bytes(&self) -> ByteCount {
        ByteCount(self.rows_bytes_max().0 / 8 * 5)
    }

    /// Checks that the limits fit each other.
    ///
    /// # Errors
    ///
    /// [`OpenError::Limits`] with what would be right.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let rows = self.rows_bytes_max().0;
        let text = self.text_bytes_max as u64;
        let wrong = if self.file_bytes_max.0 < FILE_BYTES_MIN {
            "the file needs 1 MiB at least"
        } else if self.conversation_bytes_max > rows / 2 || self.deferred_bytes_max > rows / 2 {
            "a conversation and the deferred requests need a tenth of the file each at most"
        } else if text > self.conversation_bytes_max / 2 || text > self.deferred_bytes_max {
            "a text must fit twice in a conversation, and among the deferred requests"
        } else if self.fired_max > rows / 4 / ACTION_BYTES_MAX as u64 {
            "an intent that fired needs 40 KiB of the file"
        } else if text > rows / 16 {
            "a text needs an eightieth of the file at most"
        } else if self.deferred_max == 0 || self.fired_max == 0 || self.reservations_max == 0 {
            "one request, one intent and one reservation must fit"
        } else {
            return self.budgets.check().map_err(OpenError::Limits);
        };
        Err(OpenError::Limits(wrong))
    }

    /// Checks the lengths of a turn.
    pub(crate) fn check_turn(&self, turn: &Turn) -> Result<(), JournalError> {
        check_length("an action", turn.action().map_or(0, Action::bytes), ACTION_BYTES_MAX)?;
        self.check_text("a turn", turn.text.len())
    }

    /// Checks the length of a text.
    pub(crate) fn check_text(&self, what: &'static str, bytes: usize) -> Result<(), JournalError> {
        check_length(what, bytes, self.text_bytes_max)
    }
}

/// Checks the length of what others wrote.
pub(crate) fn check_length(
    what: &'static str,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), JournalError> {
    match bytes > bytes_max {
        true => Err(JournalError::TooLong { what, bytes, bytes_max }),
        false => Ok(()),
    }
}
