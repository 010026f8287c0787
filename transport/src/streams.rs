//! The streams that a dialler opens, sorted by its listener.
//!
//! | stream         | begins with                | is                                  |
//! |----------------|----------------------------|-------------------------------------|
//! | bidirectional 0| a frame                    | the link's control stream           |
//! | bidirectional n| a frame                    | a session's control stream          |
//! | unidirectional | n as 8 bytes little-endian | the hidden stream of session n      |
//!
//! Streams of one kind arrive in the order of their numbers; the two kinds in any order. A hidden
//! stream that is early waits for its session; one that is late, whose session is over, is stopped.
//!
//! # Invariants
//!
//! - **A number means one session for ever.** QUIC never uses a stream number twice, so a late
//!   hidden stream cannot end up in another session.
//! - **No stream holds up another.** A hidden stream whose head does not come waits by itself; how
//!   many can is capped by QUIC's stream limits.

use crate::channel::{FrameReader, FrameWriter, HiddenStream, Misbehaviour, Rules};
use crate::connection::Connection;
use crate::options::Side;
use bytes::Bytes;
use protocol::{Lane, Scope};
use quinn::{ReadExactError, RecvStream, SendStream};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Bytes before the first frame of a hidden stream.
const HIDDEN_HEAD_LEN: usize = 8;

/// Rules for what the dialler says about a session.
const UP: Rules = Rules { scope: Scope::Session, from: Side::Dialler };

/// Both ends of a bidirectional stream.
pub(crate) type Ends = (FrameWriter, FrameReader);

/// A session that the peer opened.
pub(crate) struct NewSession {
    pub(crate) ends: Ends,
    pub(crate) hidden: HiddenStream,
}

/// The head of the hidden stream that belongs to session stream `index`.
pub(crate) fn hidden_head(index: u64) -> Bytes {
    Bytes::copy_from_slice(&index.to_le_bytes())
}

/// A bidirectional stream as frames, seen from `side`.
pub(crate) fn ends(
    (send, recv): (SendStream, RecvStream),
    connection: &Connection,
    scope: Scope,
    side: Side,
) -> Ends {
    let (ours, theirs) = match side {
        Side::Dialler => (Side::Dialler, Side::Listener),
        Side::Listener => (Side::Listener, Side::Dialler),
    };
    let ours = Rules { scope, from: ours };
    let theirs = Rules { scope, from: theirs };
    let writer = FrameWriter::new(send, connection.clone(), ours, Bytes::new());
    (writer, FrameReader::new(recv, connection.clone(), theirs, Lane::Control))
}

/// Sorts what the dialler opens until the link ends. Waits while nobody takes the sessions.
pub(crate) async fn sort(
    connection: Connection,
    control: oneshot::Sender<Ends>,
    sessions: mpsc::Sender<NewSession>,
) {
    let mut control = Some(control);
    let mut joins = Joins::default();
    let mut heads = JoinSet::new();
    loop {
        tokio::select! {
            // In one order, so that a run can be repeated; what is there is bounded by QUIC.
            biased;
            stream = connection.quic.accept_bi() => {
                let Ok(stream) = stream else { return };
                let index = stream.0.id().index();
                if let Some(control) = control.take() {
                    // A node that does not want its control channel just drops it.
                    let _ = control.send(ends(stream, &connection, Scope::Link, Side::Listener));
                    joins.skip(index);
                    continue;
                }
                let hidden = HiddenStream::Awaited(joins.session(index));
                let ends = ends(stream, &connection, Scope::Session, Side::Listener);
                if sessions.send(NewSession { ends, hidden }).await.is_err() {
                    return;
                }
            }
            stream = connection.quic.accept_uni() => {
                let Ok(stream) = stream else { return };
                heads.spawn(read_hidden_head(stream, connection.clone()));
            }
            Some(head) = heads.join_next() => {
                if let Ok(Some((index, reader))) = head {
                    joins.hidden(index, reader);
                }
            }
        }
    }
}

/// Which session a hidden stream belongs to; `None` where it ended before it said so.
async fn read_hidden_head(
    mut stream: RecvStream,
    connection: Connection,
) -> Option<(u64, FrameReader)> {
    let mut head = [0; HIDDEN_HEAD_LEN];
    match stream.read_exact(&mut head).await {
        Ok(()) => {
            let reader = FrameReader::new(stream, connection, UP, Lane::Hidden);
            Some((u64::from_le_bytes(head), reader))
        }
        Err(ReadExactError::FinishedEarly(_)) => {
            connection.misbehaved(&Misbehaviour::Truncated);
            None
        }
        Err(ReadExactError::ReadError(_)) => None,
    }
}

/// Sessions and the hidden streams that belong to them.
#[derive(Debug)]
struct Joins<S> {
    /// Numbers below this one have arrived.
    next: u64,
    /// Sessions without their hidden stream.
    open: BTreeMap<u64, oneshot::Sender<S>>,
    /// Hidden streams without their session.
    early: BTreeMap<u64, S>,
}

impl<S> Default for Joins<S> {
    fn default() -> Self {
        Self { next: 0, open: BTreeMap::new(), early: BTreeMap::new() }
    }
}

impl<S> Joins<S> {
    /// Number `index` arrived and has no hidden stream.
    fn skip(&mut self, index: u64) {
        self.next = index + 1;
        self.early.remove(&index);
    }

    /// Session `index` arrived; its hidden stream comes out of the receiver.
    fn session(&mut self, index: u64) -> oneshot::Receiver<S> {
        let (give, take) = oneshot::channel();
        let early = self.early.remove(&index);
        self.skip(index);
        self.open.retain(|_, session| !session.is_closed());
        match early {
            // The session waits for it right here, so it cannot be refused.
            Some(stream) => drop(give.send(stream)),
            None => drop(self.open.insert(index, give)),
        }
        take
    }

    /// The hidden stream of session `index` arrived. Dropped, and so stopped, where it is late, or
    /// not the session's first.
    fn hidden(&mut self, index: u64, stream: S) {
        match self.open.remove(&index) {
            Some(session) => drop(session.send(stream)),
            None if index >= self.next => drop(self.early.insert(index, stream)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_stream_finds_its_session_whichever_comes_first() {
        let mut joins = Joins::default();
        joins.skip(0);
        joins.hidden(2, "two");
        let mut one = joins.session(1);
        let mut two = joins.session(2);
        assert!(one.try_recv().is_err());
        assert_eq!(two.try_recv(), Ok("two"));
        joins.hidden(1, "one");
        assert_eq!(one.try_recv(), Ok("one"));
        assert!(joins.open.is_empty() && joins.early.is_empty());
    }

    #[test]
    fn late_and_second_streams_are_dropped_and_leave_nothing_behind() {
        let mut joins = Joins::default();
        joins.hidden(0, "for the control stream");
        joins.skip(0);
        drop(joins.session(1));
        joins.hidden(1, "late");
        let mut two = joins.session(2);
        joins.hidden(2, "first");
        joins.hidden(2, "second");
        assert_eq!(two.try_recv(), Ok("first"));
        assert!(joins.open.is_empty() && joins.early.is_empty());
    }

    #[test]
    fn sessions_that_ended_without_hidden_states_are_forgotten() {
        let mut joins = Joins::<()>::default();
        for index in 0..100 {
            drop(joins.session(index));
        }
        assert_eq!(joins.open.len(), 1);
    }
}
