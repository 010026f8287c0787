//! A whole conversation in memory: device, link, stages, faults, all from one seed.
//!
//! Method: a discrete-event world runs [`crate::Drafter`] and [`crate::LinkHealth`] against
//! [`crate::Verifier`], with or without [`crate::Hops`] between, over links that delay, jitter, lose,
//! repeat and reorder, that are cut and heal, and whose far end restarts with nothing, has no room, or
//! finds the device at another address. The target is a pure function of the tokens before, so that
//! every verified token can be checked by itself. After every step the world's invariants are checked
//! (`world/check.rs`); a failure names the seed.
//!
//! **Replay.** `SIM_SEED=4711 cargo test -p protocol in_any_world` runs the one random world of that seed
//! and prints its story if it fails, or always with `-- --nocapture`; `SIM_SEED=10000..90000` runs other
//! worlds than `SLOW_TESTS=1` does. A failing world of another test is in its scenario, which is printed.

mod link;
mod model;
mod scenario;
mod setup;
mod site;
mod stage;
mod tests;
mod world;
