//! Pulls from a hub that lies, breaks off and stalls, on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod hostile;
mod hub;
mod kept;
mod killed;
mod names;
mod random_cuts;
mod world;
