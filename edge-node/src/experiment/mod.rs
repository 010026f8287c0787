//! `edge-node experiment`: a sweep over links, modes, drafts and paces, and its report.
//!
//! ```text
//!   FILE.toml ─▶ Experiment ─▶ cells ─▶ sweep ─▶ results.csv, tokens.csv   as runs end
//!                                       │  ▲     results.json, report.html  at the end
//!                                       ▼  │
//!                                     RunCell: runs one cell
//! ```
//!
//! # Invariants
//!
//! - **What is emulated says so**, at the head of the report and in every run's record.
//! - **The same outcomes give the same files**, byte for byte: nothing here looks at a clock but
//!   the progress bar.

mod axes;
mod cell;
mod command;
mod design;
mod file;
mod links;
mod nodes;
mod outcome;
mod paced_node;
mod predicted;
mod progress;
mod prompts;
mod record;
mod report;
mod runner;
mod share;
mod statistics;
mod sweep;
mod tables;
mod values;
mod virtual_time;
mod world;
mod written;

#[cfg(test)]
mod tests;

pub use axes::{CellLink, CellMode, CutLink, DraftSource, Paces, Prompt};
pub use cell::{Cell, Seeds};
pub use command::{ExperimentArguments, experiment};
pub use design::{Axes, Clock, Experiment, ModelPair, Prices};
pub use nodes::Nodes;
pub use outcome::{Bytes, Counts, Emulated, LinkOutage, Outcome, Predicted, TokenTime, Voucher};
pub use runner::{Run, RunCell};
pub use share::Share;
pub use statistics::Statistics;
pub use virtual_time::in_virtual_time;
#[cfg(test)]
pub(crate) use world::emulated::{delayed, emulated};
pub use world::{Drafts, World, WorldConfig, WorldError};
