//! What is done with the KV pool between two passes: rows that are known, and segments out and in.
//!
//! # Invariants
//!
//! - **An errand waits for the jobs of its sequence** that were handed in before it, and for no others.
//! - **An errand takes no longer than copying a block or two**: passes wait for it.
//! - **What nobody waits for is not done.**

use super::batcher::SequenceKey;
use super::{Engine, EngineError, Request, Sequence};
use base::{LayerRange, Position, TokenId};
use runtime::{Arrival, KvPool, Segment, SegmentError, SegmentFormat, SequenceId, TextKey};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What an errand may touch.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    pub(super) pool: &'a mut KvPool,
    pub(super) open: &'a mut BTreeMap<SequenceKey, SequenceId>,
}

/// Something to do between two passes.
pub(super) struct Errand {
    /// Whose jobs it waits for.
    pub(super) after: Option<SequenceKey>,
    act: Box<dyn FnOnce(&mut Hold<'_>) + Send>,
}

impl Errand {
    pub(super) fn run(self, hold: &mut Hold<'_>) {
        (self.act)(hold);
    }
}

impl fmt::Debug for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Errand").field("after", &self.after).finish_non_exhaustive()
    }
}

impl Engine {
    /// Does something with the pool between two passes, behind the jobs of `after` that were handed in
    /// before. Dropping the future abandons it.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`] where the worker has ended, or what was to be done panicked.
    pub(crate) async fn between_passes<T: Send + 'static>(
        &self,
        after: Option<&Arc<Sequence>>,
        act: impl FnOnce(&mut Hold<'_>) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, done) = oneshot::channel();
        let act = move |hold: &mut Hold<'_>| {
            if !answer.is_closed() {
                // A receiver that is gone has no use for it.
                let _ = answer.send(act(hold));
            }
        };
        let errand = Errand { after: after.map(|sequence| sequence.key), act: Box::new(act) };
        let sent = self.requests.send(Request::Errand(errand)).await;
        sent.map_err(|_| EngineError::Stopped)?;
        done.await.map_err(|_| EngineError::Stopped)
    }

    /// Cuts `sequence` to `base` and makes what is known of `tokens` there, which follow, part of it;
    /// how many positions that is. A run of no layers has no KV, so that it lacks none.
    ///
    /// # Errors
    ///
    /// [`EngineError::Gap`] where less than `base` positions are held, or a window has passed over what
    /// they see; nothing is held any more then. [`EngineError::Stopped`].
    pub(crate) async fn adopt(
        &self,
        sequence: &Arc<Sequence>,
        layers: LayerRange,
        base: Position,
        tokens: Vec<TokenId>,
    ) -> Result<usize, EngineError> {
        if layers.is_empty() {
            return Ok(tokens.len());
        }
        let whose = Arc::clone(sequence);
        let adopt = move |hold: &mut Hold<'_>| hold.adopt(&whose, layers, base, &tokens);
        self.between_passes(Some(sequence), adopt).await?
    }

    /// The exact bytes of the segment that ends `text`; `None` where the pool has not got it.
    pub(crate) async fn export(&self, text: TextKey, layers: LayerRange) -> Option<Vec<u8>> {
        let exact = SegmentFormat::Exact;
        let export = move |hold: &mut Hold<'_>| hold.pool.export_named(text, layers, exact);
        self.between_passes(None, export).await.ok().flatten()
    }
}

impl Hold<'_> {
    /// Whether the pool has `segment`.
    pub(crate) fn has(&self, segment: &Segment) -> bool {
        self.pool.has_segment(segment)
    }

    /// Puts the `bytes` of `segment` into the pool.
    pub(crate) fn import(
        &mut self,
        segment: &Segment,
        bytes: &[u8],
    ) -> Result<Arrival, SegmentError> {
        self.pool.import(segment, bytes)
    }

    fn adopt(
        &mut self,
        sequence: &Sequence,
        layers: LayerRange,
        base: Position,
        tokens: &[TokenId],
    ) -> Result<usize, EngineError> {
        let Self { pool, open } = self;
        let id = *open.entry(sequence.key).or_insert_with(|| pool.open(&sequence.options));
        let held = pool.len(id);
        let cut = pool.truncate(id, base).is_ok();
        if held < base.index() || !cut {
            let emptied = pool.truncate(id, Position(0));
            emptied.expect("a sequence can always be emptied");
            return Err(EngineError::Gap { base, held: if cut { held } else { 0 } });
        }
        Ok(pool.adopt_known(id, layers, tokens))
    }
}
