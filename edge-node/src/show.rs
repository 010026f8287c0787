//! What whoever asked is told while a reply is being generated.

use base::{Likelihoods, NodeName};

/// Takes a reply as it grows.
pub trait Show: Send {
    /// More text. `verified`: the target vouches for it.
    fn piece(&mut self, text: &str, verified: bool);
    /// Something happened to the target.
    fn notice(&mut self, notice: &Notice);
    /// The reply has one token more, with text or without. `verified`: the target vouches for it.
    fn token(&mut self, verified: bool) {
        let _ = verified;
    }
    /// How likely whoever chose the next token took it to be, where the request wants to know.
    fn likelihoods(&mut self, likelihoods: &Likelihoods) {
        let _ = likelihoods;
    }
    /// By now the target vouches for the reply's token number `index`, which was shown without its
    /// word.
    fn vouched(&mut self, index: usize) {
        let _ = index;
    }
}

/// Nobody watches.
pub(crate) struct Unseen;

impl Show for Unseen {
    fn piece(&mut self, _: &str, _: bool) {}

    fn notice(&mut self, _: &Notice) {}
}

/// What may happen to the target in mid-sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It is out of reach: the device goes on alone.
    Alone {
        /// The next node on the way to it.
        peer: NodeName,
        /// What is known of the reason.
        why: String,
    },
    /// The request is run by another plan from here on.
    Switched {
        /// The plan.
        plan: String,
    },
    /// It was to be run by another plan, and goes on by the one before.
    Stayed {
        /// Why the other cannot be run.
        why: String,
    },
    /// It is back.
    Rejoined {
        /// The next node on the way to it.
        peer: NodeName,
    },
    /// It has judged what the device said alone.
    Judged {
        /// How many tokens it judged.
        said: usize,
        /// How many of them it would have said itself.
        agreed: usize,
    },
    /// It would have said something else: the last part of what was shown is taken back, and its own
    /// words follow.
    Revised {
        /// How many tokens were taken back.
        removed: usize,
        /// How many bytes of the text shown so far stand.
        kept: usize,
    },
}
