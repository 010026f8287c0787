//! KV that other nodes have computed, brought to the device.
//!
//! ```text
//!   Reading: a peer reads a text, where it has not yet ──▶ Bringing: segments come, in the order asked for
//! ```
//!
//! Both are tasks of their own: the device computes and talks meanwhile, and takes what has come when it
//! looks. What does not come is computed here.

mod bringing;
mod reading;

pub(crate) use bringing::{Bringing, Brought};
pub(crate) use reading::Reading;
