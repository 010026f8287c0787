//! The grammars of a node: its vocabulary, made when the first is asked for, and what was compiled lately.

use crate::compile::Compiled;
use crate::error::{GrammarError, sentence};
use crate::limits;
use crate::vocabulary::{Piece, Vocabulary};
use base::Grammar;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// The grammars that texts of one vocabulary are held to.
pub struct Grammars {
    pieces: Box<dyn Fn() -> Vec<Piece> + Send + Sync>,
    vocabulary: OnceLock<Result<Arc<Vocabulary>, GrammarError>>,
    /// The latest used last.
    kept: Mutex<VecDeque<(Grammar, Arc<Compiled>)>>,
    /// Each thread that compiles holds a clone.
    compiling: Arc<()>,
}

impl Grammars {
    /// In the vocabulary of these pieces, in the order of their ids. Nothing is made of them yet.
    pub fn new(pieces: impl Fn() -> Vec<Piece> + Send + Sync + 'static) -> Self {
        Self {
            pieces: Box::new(pieces),
            vocabulary: OnceLock::new(),
            kept: Mutex::default(),
            compiling: Arc::default(),
        }
    }

    /// `grammar`, ready to be followed. Takes a while where it was not asked for lately:
    /// [`limits::COMPILE_MAX`] at most, and the time of making the vocabulary where it is the first.
    ///
    /// # Errors
    ///
    /// [`GrammarError`] says what is wrong with it, or that there is no room for it now.
    pub fn compile(&self, grammar: &Grammar) -> Result<Arc<Compiled>, GrammarError> {
        if let Some(compiled) = self.recall(grammar) {
            return Ok(compiled);
        }
        let vocabulary = self.vocabulary()?;
        let compiled = Arc::new(self.in_time(vocabulary, grammar.clone())?);
        self.keep(grammar, &compiled);
        Ok(compiled)
    }

    fn vocabulary(&self) -> Result<Arc<Vocabulary>, GrammarError> {
        self.vocabulary.get_or_init(|| Vocabulary::new((self.pieces)()).map(Arc::new)).clone()
    }

    /// Compiles in a thread of its own, which is left to itself where it takes too long.
    fn in_time(
        &self,
        vocabulary: Arc<Vocabulary>,
        grammar: Grammar,
    ) -> Result<Compiled, GrammarError> {
        let place = Arc::clone(&self.compiling);
        if Arc::strong_count(&place) > limits::COMPILING_MAX + 1 {
            return Err(GrammarError::Busy);
        }
        let (done, compiled) = sync_channel(1);
        let compile = move || {
            let result = catch_unwind(AssertUnwindSafe(|| Compiled::new(&vocabulary, &grammar)));
            drop((vocabulary, place));
            // Nobody may wait for it any more.
            let _ = done.send(result);
        };
        let thread = thread::Builder::new().name("grammar".to_owned());
        let begun = thread.stack_size(limits::STACK_BYTES).spawn(compile);
        begun.map_err(|error| GrammarError::Broken(error.to_string()))?;
        match compiled.recv_timeout(limits::COMPILE_MAX) {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(panic)) => {
                let said = panic.downcast_ref::<&str>().copied().unwrap_or("a panic");
                Err(GrammarError::Broken(sentence(said)))
            }
            Err(RecvTimeoutError::Timeout) => Err(GrammarError::TooLong),
            Err(RecvTimeoutError::Disconnected) => {
                Err(GrammarError::Broken("its thread ended".to_owned()))
            }
        }
    }

    fn recall(&self, grammar: &Grammar) -> Option<Arc<Compiled>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == grammar)?;
        let found = kept.remove(at)?;
        let compiled = Arc::clone(&found.1);
        kept.push_back(found);
        Some(compiled)
    }

    fn keep(&self, grammar: &Grammar, compiled: &Arc<Compiled>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known != grammar);
        if kept.len() >= limits::KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back((grammar.clone(), Arc::clone(compiled)));
    }
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").field("vocabulary", &self.vocabulary).finish_non_exhaustive()
    }
}
