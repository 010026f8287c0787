//! The tree is in order: what a reader may rely on everywhere, and no compiler checks.
//!
//! Each check is a function from what it looks at to a list of complaints, and has a test that
//! shows it complaining.

mod accepted;
mod commented;
mod configs;
mod configuration;
mod confined;
mod crates;
mod dashboard;
mod files;
mod pages;

use crate::world::workspace;

/// Fails with every complaint at once.
fn check(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// A check that sees nothing wrong with what is wrong is itself wrong.
fn check_complains(complaints: &[String], about: &str) {
    let found = complaints.iter().any(|complaint| complaint.contains(about));
    assert!(found, "nothing about {about:?} in {complaints:?}");
}
