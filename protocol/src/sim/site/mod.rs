//! A site in memory: devices of two tenants at one gateway and its cloud, and KV that moves between them.
//!
//! Method: the machines of the wire ([`crate::Drafter`], [`crate::WarmUp`], [`crate::Recital`],
//! [`crate::Fetch`], [`crate::Serving`], [`crate::Hops`], [`crate::Verifier`], [`crate::LinkHealth`]) with
//! small shells around them, in simulated time. What they carry is real to a toy: the model (`toy.rs`) is a
//! function of its KV, so that wrong KV makes wrong words, and KV says what it is (`kv.rs`), so that a stage
//! that uses another's fails at once. Blocks are of 4 positions, not of 32: no machine knows how many.
//!
//! ```text
//!   devices 0, 1, …  ──▶ gateway ──▶ cloud         links are cut; nodes die, and come back with no pool or
//!          │  └────────────────────────▲           a part of it; pools forget; plans change; prompts are
//!          └─────▶ other: another model            brought; names are tried that are not one's own
//! ```
//!
//! **Replay.** `SIM_SEED=4711 cargo test -p protocol at_any_site` runs the one site of that seed and prints
//! its story.

mod bringing;
mod channel;
mod check;
mod device;
mod kv;
mod moving;
mod node;
mod plan;
mod sky;
mod tests;
mod toy;
mod uplink;
mod world;
