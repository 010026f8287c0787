//! How likely the device's own draft model answers a request as well as the target would.
//!
//! ```text
//!   prompt ─▶ probe: the draft model reads it, says a few words ─▶ Features ─▶ Likeness ─▶ chance, 0 to 1
//!                                                                     ▲
//!   a reply that the target judged ─▶ Agreement ──────────────────────┘ learns
//! ```
//!
//! **As good** means: of the tokens of the device's own greedy answer, the first 64 of them and the end
//! token among them, the target would have chosen all but one in ten itself, each after the same text; of
//! a shorter answer all but one. A draft model that says what the target says is as good by
//! definition, and a synonym costs one token, because what follows it is judged after it. Nothing is said
//! of whether the target is right.
//!
//! **What is learned from** is a reply that the target led or judged: the same count of the device's
//! tokens, on the target's text in place of its own. On the demo pair both say the same of four replies in
//! five, are as often good (60 and 61 in a hundred), and weights fitted to either tell good answers from
//! others alike (an AUROC of 0.827 and 0.824).
//!
//! **Which features** was decided by what they take off the loss on dialogues that were not fitted to: see
//! [`Features`]. Token entropy alone leaves 0.550 nats a request, they leave 0.498.
//!
//! # Invariants
//!
//! - **No clock and no randomness**, and nothing of the text is in what is learned.
//! - **Any logits and any replies are safe**: features are bounded, and one reply moves the chance of
//!   requests like it by no more than [`Likeness::STEP_MAX`] in log odds.

mod agreement;
mod ask;
mod command;
mod features;
mod fit;
mod glance;
mod learner;
mod matrix;
mod probe;
mod state;
#[cfg(test)]
mod tests;
mod weights;

pub use agreement::Agreement;
pub use command::{LikenessArguments, likeness};
pub use features::Features;
pub use learner::Likeness;
pub use state::{LikenessState, StateFlaw};
pub(crate) use weights::present;
pub use weights::{Weights, WeightsError, WeightsFlaw};

/// Tokens of an answer that are compared.
const ANSWER_TOKENS: usize = 64;
