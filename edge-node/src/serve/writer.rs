//! How replies are written: the two endpoints differ in their words, and in nothing else.

use crate::serve::gathered::Gathered;
use crate::serve::job::Finished;
use crate::serve::telling::News;

/// Writes one reply, all of its choices.
pub(super) trait Writer: Send + 'static {
    /// The events of a stream that say what is new of the choice `index`.
    fn told(&mut self, index: u32, news: News) -> Vec<String>;

    /// The last events of a stream.
    fn ends(&mut self, finished: &Finished) -> Vec<String>;

    /// The reply as a whole, of whose choices this was told.
    fn whole(&mut self, told: Vec<Gathered>, finished: &Finished) -> String;
}
