//! The device: owns the conversation, drafts, commits, shows, and goes on alone where it must.
//!
//! ```text
//!   command (run, chat, demo) ─▶ Device::generate ─▶ Drafter, of protocol
//!                                      ├─▶ LocalModel: drafts, and speaks while alone
//!                                      ├─▶ DeviceStage: the target's first layers, in a split
//!                                      └─▶ Uplink, of transport: the next tier
//! ```
//!
//! # Invariants
//!
//! - **The committed log is here**, and nothing is taken back from it, but what was said while the target
//!   was out of reach, where the plan says so (`after_outage`).
//! - **Only this crate plans**, through `partitioner`.
//! - `cloud_node` is named under `demo/` and `experiment/` alone.

#![forbid(unsafe_code)]

mod chain;
mod compute;
mod config;
mod confined;
mod course;
mod destination;
mod device;
mod device_stage;
mod drafting;
mod erring;
mod generate;
mod kept_kv;
mod local_model;
mod logging;
mod lookup;
mod machine_load;
mod models;
mod percentile;
mod prefill;
mod privacy;
mod prompt;
mod reply;
mod segments;
mod sequence;
mod show;
mod start_error;
mod thinking;
mod traced;
mod transcript;
mod turn_loop;
mod uplinks;
mod way_home;

pub mod acting;
pub mod assistant;
pub mod bench;
pub mod certify;
pub mod chat;
pub mod demo;
pub mod experiment;
pub mod intents_eval;
pub mod likeness;
pub mod measure;
pub mod metrics;
pub mod planning;
pub mod run;
pub mod status;

pub use config::{AssistantSettings, IntentSettings, JournalSettings, RoutingSettings};
pub use config::{
    Config, Credentials, EngineOptions, Generation, KvSettings, ModelPaths, Prefill,
    SegmentSettings,
};
pub use config::{PeerAddress, PlanSettings, Switch};
pub use device::{Device, Request};
pub use drafting::SourceChoice;
pub use generate::GenerateError;
pub use logging::start_logging;
pub use lookup::Lookup;
pub use reply::{Reply, Switched, Usage};
pub use show::{Notice, Show};
pub use start_error::StartError;
