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
mod crossing;
mod destination;
mod device;
mod device_stage;
mod drafting;
mod erring;
mod generate;
mod kept_kv;
mod loaded;
mod loading;
mod local_model;
mod lookup;
mod machine_load;
mod models;
mod percentile;
mod prefill;
mod privacy;
mod prompt;
mod reply;
mod request;
mod segments;
mod sequence;
mod show;
mod spending;
mod start_error;
mod thinking;
mod transcript;
mod turn_loop;
mod uplinks;
mod way_home;

pub mod acting;
pub mod assistant;
pub mod bench;
pub mod catalogue;
pub mod certify;
pub mod chat;
pub mod demo;
pub mod experiment;
pub mod intents_eval;
pub mod likeness;
pub mod measure;
pub mod page;
pub mod planning;
pub mod run;
pub mod serve;

pub use config::{AssistantSettings, IntentSettings, JournalSettings, RoutingSettings};
pub use config::{
    Config, Credentials, EngineOptions, Generation, KvSettings, ModelPaths, Prefill,
    SegmentSettings,
};
pub use config::{PeerAddress, PlanSettings, ServeSettings, Switch};
pub use device::{Device, StartStep};
pub use drafting::SourceChoice;
pub use generate::GenerateError;
pub use lookup::Lookup;
pub use prompt::Prompt;
pub use reply::{Reply, Switched, Usage};
pub use request::Request;
pub use show::{Notice, Show};
pub use spending::TimeSplit;
pub use start_error::StartError;
