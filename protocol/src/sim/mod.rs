//! A whole conversation in memory: device, link, stages, faults, all from one seed.
//!
//! Method: a discrete-event world runs [`crate::Drafter`] and [`crate::LinkHealth`] against
//! [`crate::Verifier`], with or without [`crate::Hops`] between, over links that delay, jitter, lose,
//! repeat and reorder, that are cut and heal, and whose far end restarts with nothing. The target is a
//! pure function of the tokens before, so that every verified token can be checked by itself. After
//! every step the world's invariants are checked; a failure names the seed.

mod link;
mod model;
mod scenario;
mod setup;
mod stage;
mod tests;
mod world;
