//! Which deferred requests are due, which have had their time, and which give way.
//!
//! There are few of them, by their limits, so that each question reads them all.

use super::{Deferred, Request, State, Step, Wake, step};
use crate::rows::DEFERRED;
use crate::transaction::{Reading, Writing};
use crate::{ConversationId, JournalError, Limits, RequestId, UnixTime};
use std::collections::BTreeSet;

/// All of them, in the order of arrival.
pub(super) fn all(tx: &impl Reading) -> Result<Vec<Deferred>, JournalError> {
    let rows = DEFERRED.range(tx, ..)?;
    let mut all: Vec<Deferred> = rows.into_iter().map(|(_, deferred)| deferred).collect();
    all.sort_by_key(|deferred| deferred.arrival);
    Ok(all)
}

/// Each conversation's first request without an answer.
fn heads(all: Vec<Deferred>) -> impl Iterator<Item = Deferred> {
    let mut seen = BTreeSet::new();
    let unanswered = all.into_iter().filter(|deferred| deferred.state.is_unanswered());
    unanswered.filter(move |deferred| seen.insert(deferred.request.conversation))
}

/// From when on a request may be sent, if it waits.
fn sendable_from(deferred: &Deferred) -> Option<UnixTime> {
    match deferred.state {
        State::Waiting { not_before, .. } => Some(not_before),
        State::Sent { .. }
        | State::Answered { .. }
        | State::Delivered { .. }
        | State::Expired { .. }
        | State::Refused { .. } => None,
    }
}

/// When a request's time is over, if it can be.
fn expires(deferred: &Deferred, limits: &Limits) -> Option<UnixTime> {
    match deferred.state {
        State::Waiting { .. } => Some(deferred.request.expires),
        State::Answered { at, .. } => Some(at.after(limits.callback_kept)),
        // It is under way, and its answer is paid for.
        State::Sent { .. } => None,
        State::Delivered { .. } | State::Expired { .. } | State::Refused { .. } => None,
    }
}

/// See [`Journal::due`](crate::Journal::due).
pub(super) fn due(all: Vec<Deferred>, now: UnixTime) -> Vec<Deferred> {
    // Who has expired, and is not noted as such yet, holds up nobody.
    let lives =
        |deferred: &Deferred| sendable_from(deferred).is_none() || deferred.request.expires > now;
    let heads = heads(all.into_iter().filter(lives).collect());
    heads.filter(|head| sendable_from(head).is_some_and(|from| from <= now)).collect()
}

/// See [`Journal::next_wake`](crate::Journal::next_wake).
pub(super) fn next_wake(all: Vec<Deferred>, limits: &Limits) -> Option<(UnixTime, Wake)> {
    let ends = all.iter().filter_map(|deferred| expires(deferred, limits)).min();
    let sends = heads(all).filter_map(|head| sendable_from(&head)).min();
    let (ends, sends) = (ends.map(|at| (at, Wake::Expire)), sends.map(|at| (at, Wake::Send)));
    ends.into_iter().chain(sends).min()
}

/// See [`Journal::expire`](crate::Journal::expire).
pub(crate) fn expire(
    tx: &Writing,
    limits: &Limits,
    now: UnixTime,
) -> Result<Vec<Deferred>, JournalError> {
    let over = |deferred: &Deferred| expires(deferred, limits).is_some_and(|end| end <= now);
    let mut expired: Vec<Deferred> = all(tx)?.into_iter().filter(over).collect();
    for deferred in &mut expired {
        deferred.state = step(tx, deferred.request.id, Step::Expire { at: now })?;
    }
    Ok(expired)
}

/// Conversations in which something is still to be answered or delivered.
pub(crate) fn pending(tx: &impl Reading) -> Result<BTreeSet<ConversationId>, JournalError> {
    let open = all(tx)?.into_iter().filter(|deferred| deferred.state.ended().is_none());
    Ok(open.map(|deferred| deferred.request.conversation).collect())
}

/// Forgets requests that ended long ago. Returns which.
pub(crate) fn drop_ended(
    tx: &Writing,
    limits: &Limits,
    now: UnixTime,
) -> Result<Vec<RequestId>, JournalError> {
    let old = |deferred: &Deferred| {
        deferred.state.ended().is_some_and(|at| at.after(limits.ended_kept) <= now)
    };
    let dropped: Vec<RequestId> =
        all(tx)?.into_iter().filter(old).map(|deferred| deferred.request.id).collect();
    for id in &dropped {
        DEFERRED.remove(tx, id.0)?;
    }
    Ok(dropped)
}

/// Makes room for a request among `all`: those that ended first give way, others do not.
pub(super) fn make_room(
    tx: &Writing,
    all: &[Deferred],
    request: &Request,
    limits: &Limits,
) -> Result<(), JournalError> {
    let (requests_max, bytes_max) = (limits.deferred_max, limits.deferred_bytes_max);
    let (mut requests, mut bytes) = (all.len(), all.iter().map(|old| size(&old.request)).sum());
    let fits =
        |requests: usize, bytes: u64| requests < requests_max && bytes + size(request) <= bytes_max;
    let mut ended: Vec<&Deferred> = all.iter().filter(|old| old.state.ended().is_some()).collect();
    ended.sort_by_key(|old| old.state.ended());
    let mut ended = ended.into_iter();
    while !fits(requests, bytes) {
        let Some(old) = ended.next() else {
            return Err(JournalError::DeferredFull { requests, bytes, requests_max, bytes_max });
        };
        DEFERRED.remove(tx, old.request.id.0)?;
        (requests, bytes) = (requests - 1, bytes - size(&old.request));
    }
    Ok(())
}

/// What a request takes in its row, in bytes.
fn size(request: &Request) -> u64 {
    serde_json::to_vec(request).expect("a request has no maps").len() as u64
}
