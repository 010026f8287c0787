//! Experiments: real nodes in one process, over links that are made up and in time that is, so that
//! minutes of conversation take moments and can be had again to the bit.

mod virtual_time;
mod world;

pub use virtual_time::in_virtual_time;
pub use world::{Paces, World, WorldConfig, WorldError};
