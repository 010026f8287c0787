//! What a session's reply is held to: which tokens each row may choose.

use super::{Driver, EngineError};
use crate::node::Node;
use crate::stages::Accepted;
use base::{Allowed, Position, TokenId};
use grammar::{GrammarError, Guide};
use protocol::{Constraint, Fault, FaultKind, Open};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// The grammar of a session in a turn, and how far its text was followed.
pub(super) type Held = Arc<Mutex<Guide>>;

/// Rows of which is to be known what they may choose.
pub(super) struct Rows {
    held: Held,
    /// Up to the last of them, at least.
    text: Vec<TokenId>,
    /// Where the token after each stands.
    at: Range<usize>,
}

/// What the reply that `open` asks for is held to, where the head is here and it is held to anything.
///
/// # Errors
///
/// The fault to answer with: what of the grammar is wrong.
pub(super) async fn accept(
    node: &Arc<Node>,
    open: &Open,
    accepted: &Accepted,
) -> Result<Option<Held>, Box<Fault>> {
    let chooses = accepted.run.head || accepted.home.is_some();
    let Some(Constraint { from, grammar }) = open.constraint.clone().filter(|_| chooses) else {
        return Ok(None);
    };
    let grammars = Arc::clone(&node.grammars);
    let compiled = node.engine.aside(move || grammars.compile(&grammar)).await;
    let fault = |kind, detail: &str| Box::new(Fault::on_session(open.epoch, kind, detail));
    match compiled {
        Some(Ok(compiled)) => {
            let guide = Guide::new(compiled, from, open.end_tokens.clone());
            Ok(Some(Arc::new(Mutex::new(guide))))
        }
        Some(Err(error @ GrammarError::Busy)) => {
            let fault = fault(FaultKind::Overloaded, &error.to_string());
            Err(Box::new(fault.retry_after(node.retry_after_ms())))
        }
        Some(Err(error)) => Err(fault(FaultKind::Rejected, &error.to_string())),
        None => Err(fault(FaultKind::Rejected, "reading the grammar failed")),
    }
}

impl Driver<'_> {
    /// The rows that choose, of those from `base` on, which end `text`.
    pub(super) fn rows(
        &self,
        text: &[TokenId],
        base: Position,
        choose: &Range<usize>,
    ) -> Option<Rows> {
        let held = self.held.clone().filter(|_| !choose.is_empty())?;
        let at = base.index() + choose.start + 1..base.index() + choose.end + 1;
        Some(Rows { held, text: text.to_vec(), at })
    }
}

impl Rows {
    /// Which tokens may follow each of them.
    ///
    /// # Errors
    ///
    /// [`EngineError::Guide`] where the grammar leads no further.
    pub(super) async fn allowed(self, node: &Node) -> Result<Vec<Allowed>, EngineError> {
        let Self { held, text, at } = self;
        let follow = move || {
            // A guide that panicked would begin afresh.
            let mut guide = held.lock().unwrap_or_else(PoisonError::into_inner);
            at.map(|at| guide.allowed_after(&text[..at])).collect::<Result<_, _>>()
        };
        let allowed = node.engine.aside(follow).await.ok_or(EngineError::Stopped)?;
        Ok(allowed?)
    }
}
