//! What a node can do, measured on it: how long the parts of a model's passes take, by rows and
//! context, and how much room they need.
//!
//! ```text
//!   Sizes ─▶ Part: layers, one layer, embedding, head ─▶ Passes: timed, in rounds ─▶ ModelProfile
//! ```
//!
//! # Invariants
//!
//! - **No part is measured by itself.** Every round takes all parts once, so that a noisy neighbour does
//!   not hit one of them alone; medians count.

mod file;
mod machine;
mod model;
mod node;
mod part;
mod passes;

#[cfg(test)]
mod tests;

pub use file::{ProfileFileError, configured, read, write};
pub use machine::unix_now_s;
pub use model::{MeasureError, model_profile};
pub use node::{Summary, node_profile};
pub use part::Sizes;
pub use passes::scatter;
