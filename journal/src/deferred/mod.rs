//! Requests that wait for a link, or for a budget: kept in order, bounded, and answered exactly once.
//!
//! Exactly once is what the log can promise: the answer's turn and the request's new state are one
//! transaction. A call back to somebody else's server can be promised at least once: where its
//! acknowledgement is lost, the same answer is sent again, with the same [`RequestId`] for its receiver
//! to know it by.

mod queue;
mod request;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use queue::{drop_ended, expire, pending};
pub use request::{Answered, Callback, Deferred, Request, Wake};
pub use state::State;
pub(crate) use state::{Next, Step};

use crate::conversations;
use crate::limits::check_length;
use crate::rows::{DEFERRED, TURNS};
use crate::transaction::{Reading, Writing};
use crate::{By, Journal, JournalError, Limits, RequestId, Route, Turn, UnixTime, Vouched};
use base::Privacy;

/// What an idempotency key may take, in bytes.
const KEY_BYTES_MAX: usize = 256;

impl Journal {
    /// Keeps a request, and its question as a turn of its conversation. Where there is one with this
    /// key, nothing is changed and that one is returned.
    ///
    /// # Errors
    ///
    /// [`JournalError::Taken`] where the key, or the id, is another request's;
    /// [`JournalError::DeferredFull`], [`JournalError::TooLong`], [`JournalError::Full`], and those of
    /// the file.
    pub fn defer(
        &mut self,
        request: Request,
        privacy: Privacy,
        question: &Turn,
    ) -> Result<Deferred, JournalError> {
        let limits = &self.limits;
        check_lengths(&request, limits)?;
        self.store.write(|tx| {
            let all = queue::all(tx)?;
            if let Some(same) = all.iter().find(|known| known.request.key == request.key) {
                return known(same, &request);
            }
            if all.iter().any(|known| known.request.id == request.id) {
                return Err(taken("request id", request.id.to_string()));
            }
            queue::make_room(tx, &all, &request, limits)?;
            let arrival = all.last().map_or(0, |last| last.arrival + 1);
            conversations::append(tx, limits, request.conversation, privacy, question)?;
            let deferred = Deferred { arrival, request, state: State::NEW };
            DEFERRED.put(tx, deferred.request.id.0, &deferred)?;
            tx.check_room(limits.new_rows_bytes_max())?;
            Ok(deferred)
        })
    }

    /// Notes that a request goes out, before it does. Returns for which time, from 1.
    ///
    /// # Errors
    ///
    /// [`JournalError::NoRequest`], [`JournalError::NoSuchStep`] where it does not wait, and those of
    /// the file.
    pub fn sent(&mut self, id: RequestId) -> Result<u32, JournalError> {
        self.store.write(|tx| match step(tx, id, Step::Send)? {
            State::Sent { attempt } => Ok(attempt),
            State::Waiting { .. }
            | State::Answered { .. }
            | State::Delivered { .. }
            | State::Expired { .. }
            | State::Refused { .. } => unreachable!("what is sent is under way"),
        })
    }

    /// Notes that sending a request came to nothing. It may be sent again from `not_before` on.
    ///
    /// # Errors
    ///
    /// As of [`Journal::sent`], where it is not under way.
    pub fn failed(&mut self, id: RequestId, not_before: UnixTime) -> Result<(), JournalError> {
        self.store.write(|tx| step(tx, id, Step::Fail { not_before }).map(|_| ()))
    }

    /// Notes that a request will never be answered, and why.
    ///
    /// # Errors
    ///
    /// As of [`Journal::sent`], where it is answered or over; [`JournalError::TooLong`].
    pub fn refused(
        &mut self,
        id: RequestId,
        reason: &str,
        at: UnixTime,
    ) -> Result<(), JournalError> {
        self.limits.check_text("a reason", reason.len())?;
        let reason = reason.to_owned();
        self.store.write(|tx| step(tx, id, Step::Refuse { at, reason }).map(|_| ()))
    }

    /// Puts an answer into its conversation, once, and notes whom to call back, in one transaction.
    ///
    /// # Errors
    ///
    /// As of [`Journal::sent`], where it was never sent; [`JournalError::TooLong`],
    /// [`JournalError::Full`].
    pub fn answer(
        &mut self,
        id: RequestId,
        text: &str,
        vouched: Vouched,
        at: UnixTime,
    ) -> Result<Answered, JournalError> {
        let limits = &self.limits;
        let by = By::Model { route: Route::Deferred, vouched };
        let answer = Turn { at, by, text: text.to_owned() };
        self.store.write(|tx| {
            let mut deferred = find(tx, id)?;
            let conversation = deferred.request.conversation;
            let turn = conversations::next_turn(tx, conversation)?;
            let to_call_back = deferred.request.callback.is_some();
            match deferred.state.step(Step::Answer { at, turn, to_call_back })? {
                Next::State(state) => deferred.state = state,
                Next::Again => return Ok(Answered::Again),
                Next::TooLate => return Ok(Answered::TooLate),
            }
            // The class is the question's already; an answer does not make it laxer.
            conversations::append(tx, limits, conversation, Privacy::Anywhere, &answer)?;
            DEFERRED.put(tx, id.0, &deferred)?;
            tx.check_room(limits.rows_bytes_max())?;
            Ok(Answered::Recorded { turn })
        })
    }

    /// Notes that whoever was to be called back has the answer.
    ///
    /// # Errors
    ///
    /// As of [`Journal::sent`], where there is no answer.
    pub fn called_back(&mut self, id: RequestId, at: UnixTime) -> Result<(), JournalError> {
        self.store.write(|tx| step(tx, id, Step::CallBack { at }).map(|_| ()))
    }

    /// Ends the requests whose time is over: those that were to be sent until now, and those for which
    /// nobody could be called back. Returns them.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn expire(&mut self, now: UnixTime) -> Result<Vec<Deferred>, JournalError> {
        let limits = &self.limits;
        self.store.write(|tx| expire(tx, limits, now))
    }

    /// What may be sent now: of each conversation what was asked first, if it waits, in the order of
    /// arrival. A request that is not sent in time is never due.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn due(&self, now: UnixTime) -> Result<Vec<Deferred>, JournalError> {
        self.store.read(|tx| Ok(queue::due(queue::all(tx)?, now)))
    }

    /// When there is something to do about deferred requests next, and why. It may be past.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn next_wake(&self) -> Result<Option<(UnixTime, Wake)>, JournalError> {
        self.store.read(|tx| Ok(queue::next_wake(queue::all(tx)?, &self.limits)))
    }

    /// Who is to be called back, in the order of arrival.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn callbacks(&self) -> Result<Vec<Callback>, JournalError> {
        self.store.read(|tx| {
            let mut callbacks = Vec::new();
            for Deferred { request, state, .. } in queue::all(tx)? {
                if let (State::Answered { turn, .. }, Some(to)) = (state, request.callback) {
                    let answer = TURNS.get(tx, (request.conversation.0, turn))?;
                    callbacks.push(Callback { request: request.id, to, answer });
                }
            }
            Ok(callbacks)
        })
    }

    /// One deferred request.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn deferred(&self, id: RequestId) -> Result<Option<Deferred>, JournalError> {
        self.store.read(|tx| DEFERRED.get(tx, id.0))
    }

    /// All deferred requests, in the order of arrival; ended ones too, while they are remembered.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn all_deferred(&self) -> Result<Vec<Deferred>, JournalError> {
        self.store.read(queue::all)
    }
}

fn check_lengths(request: &Request, limits: &Limits) -> Result<(), JournalError> {
    check_length("an idempotency key", request.key.len(), KEY_BYTES_MAX)?;
    let callback = request.callback.as_ref().map_or(0, String::len);
    limits.check_text("a deferred request", request.body.len() + callback)
}

fn taken(what: &'static str, name: String) -> JournalError {
    JournalError::Taken { what, name }
}

/// A key that is known stands for what it stood for: its caller asks again, and hears of that one.
fn known(same: &Deferred, request: &Request) -> Result<Deferred, JournalError> {
    let (old, new) = (&same.request, request);
    match (old.conversation, &old.body) == (new.conversation, &new.body) {
        true => Ok(same.clone()),
        false => Err(taken("idempotency key", request.key.clone())),
    }
}

fn find(tx: &impl Reading, id: RequestId) -> Result<Deferred, JournalError> {
    DEFERRED.get(tx, id.0)?.ok_or(JournalError::NoRequest(id))
}

/// Makes a step; one that was made before changes nothing.
fn step(tx: &Writing, id: RequestId, step: Step) -> Result<State, JournalError> {
    let mut deferred = find(tx, id)?;
    if let Next::State(state) = deferred.state.step(step)? {
        deferred.state = state;
        DEFERRED.put(tx, id.0, &deferred)?;
    }
    Ok(deferred.state)
}

/// Makes what was under way when its process died wait again, to be asked again with the same id.
/// Returns which.
pub(crate) fn recover(tx: &Writing) -> Result<Vec<RequestId>, JournalError> {
    let all = queue::all(tx)?.into_iter();
    let sent = all.filter(|deferred| matches!(deferred.state, State::Sent { .. }));
    let sent: Vec<RequestId> = sent.map(|deferred| deferred.request.id).collect();
    for id in &sent {
        step(tx, *id, Step::Fail { not_before: UnixTime(0) })?;
    }
    Ok(sent)
}
