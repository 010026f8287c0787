//! The grammars of a node: its vocabulary, made when the first is asked for, and what was compiled lately.

use crate::compile::Compiled;
use crate::error::{GrammarError, sentence};
use crate::limits;
use crate::places::{Place, Places};
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
    /// Each thread that compiles holds one.
    places: Arc<Places>,
}

impl Grammars {
    /// In the vocabulary of these pieces, in the order of their ids. Nothing is made of them yet.
    pub fn new(pieces: impl Fn() -> Vec<Piece> + Send + Sync + 'static) -> Self {
        Self {
            pieces: Box::new(pieces),
            vocabulary: OnceLock::new(),
            kept: Mutex::default(),
            places: Arc::default(),
        }
    }

    /// `grammar`, ready to be followed. Takes a while where it was not asked for lately:
    /// [`limits::COMPILE_MAX`] at most, as much again where others are compiled before it, and the time of making
    /// the vocabulary where it is the first.
    ///
    /// # Errors
    ///
    /// [`GrammarError`] says what is wrong with it, or that there is no room for it now.
    pub fn compile(&self, grammar: &Grammar) -> Result<Arc<Compiled>, GrammarError> {
        if let Some(compiled) = self.recall(grammar) {
            return Ok(compiled);
        }
        let vocabulary = self.vocabulary()?;
        let place = self.places.take(limits::COMPILE_MAX)?;
        // Whoever had the place may have compiled the same.
        if let Some(compiled) = self.recall(grammar) {
            return Ok(compiled);
        }
        let (compiled, place) = in_time(vocabulary, grammar.clone(), place)?;
        let compiled = Arc::new(compiled);
        self.keep(grammar, &compiled);
        // Not before it is kept, so that whoever waits finds it.
        drop(place);
        Ok(compiled)
    }

    fn vocabulary(&self) -> Result<Arc<Vocabulary>, GrammarError> {
        self.vocabulary.get_or_init(|| Vocabulary::new((self.pieces)()).map(Arc::new)).clone()
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

/// Compiles in a thread of its own, which is left to itself where it takes too long: it has `place` until it ends.
fn in_time(
    vocabulary: Arc<Vocabulary>,
    grammar: Grammar,
    place: Place,
) -> Result<(Compiled, Place), GrammarError> {
    let (done, compiled) = sync_channel(1);
    let compile = move || {
        let result = catch_unwind(AssertUnwindSafe(|| Compiled::new(&vocabulary, &grammar)));
        drop(vocabulary);
        // Where nobody waits for it any more, this lets go of the place.
        let _ = done.send((result, place));
    };
    let thread = thread::Builder::new().name("grammar".to_owned());
    let begun = thread.stack_size(limits::STACK_BYTES).spawn(compile);
    begun.map_err(|error| GrammarError::Broken(error.to_string()))?;
    match compiled.recv_timeout(limits::COMPILE_MAX) {
        Ok((Ok(compiled), place)) => Ok((compiled?, place)),
        Ok((Err(panic), _)) => {
            let said = panic.downcast_ref::<&str>().copied().unwrap_or("a panic");
            Err(GrammarError::Broken(sentence(said)))
        }
        Err(RecvTimeoutError::Timeout) => Err(GrammarError::TooLong),
        Err(RecvTimeoutError::Disconnected) => {
            Err(GrammarError::Broken("its thread ended".to_owned()))
        }
    }
}
