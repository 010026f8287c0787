//! Places of those who compile: so many at once, and whoever comes later waits for one.

use crate::error::GrammarError;
use crate::limits;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// [`limits::COMPILING_MAX`] places.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<usize>,
    left: Condvar,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Places {
    /// Waits for a place, for `patience` at most. Whoever waits holds none.
    ///
    /// # Errors
    ///
    /// [`GrammarError::Busy`] where none is left in time.
    pub(crate) fn take(self: &Arc<Self>, patience: Duration) -> Result<Place, GrammarError> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut usize| *taken >= limits::COMPILING_MAX;
        let waited = self.left.wait_timeout_while(taken, patience, full);
        let (mut taken, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if full(&mut taken) {
            return Err(GrammarError::Busy);
        }
        *taken += 1;
        Ok(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}
