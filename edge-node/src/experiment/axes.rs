//! What an experiment varies: the values of each axis, and what each is called in tables and plots.

use super::share::Share;
use crate::config::Prefill;
use link_emulator::Emulation;
use runtime::SegmentFormat;
use serde::{Deserialize, Serialize, Serializer};
use settings::Pace;
use std::fmt;

/// Who computes what in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellMode {
    /// The device's draft model alone. No link, and nobody vouches.
    Local,
    /// The target decodes and streams; nothing is drafted.
    Remote,
    /// Draft, send, wait for the verdict.
    Sync,
    /// Drafts flow while verdicts are under way; the target never decodes alone.
    Streaming,
    /// As [`Self::Streaming`], and the target decodes its own next token while no draft waits.
    WorkConserving,
    /// The target's layers on three tiers, with drafts.
    Split(Share),
    /// The target on the device, or its first layers, and the others on the cloud, and no drafts; a prompt may
    /// be read by the cloud.
    Target {
        /// How many layers the device has, if not all.
        layers: Option<u32>,
        /// Who computes the KV of the prompt.
        prefill: Prefill,
        /// As what it comes over the link.
        format: SegmentFormat,
    },
}

/// Where drafts come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DraftSource {
    /// The draft model.
    Model,
    /// What followed the same tokens earlier in the text.
    Lookup,
    /// The lookup where it finds something, the draft model elsewhere.
    Both,
    /// A test drafter: it knows the target's choice, and errs so that a share of `accept` of its
    /// tokens is right, each on its own.
    Forced {
        /// From 0 to 1.
        accept: f64,
    },
}

/// A link of the axis.
#[derive(Debug, Clone)]
pub struct CellLink {
    /// What the file says: a name of the ladder, a path, or the round trip.
    pub key: String,
    /// Short, for plots.
    pub label: String,
    /// What runs, without the experiment's outages.
    pub emulation: Emulation,
}

/// How slow the two models are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Paces {
    /// Of the draft model.
    pub draft: Pace,
    /// Of the target, at every node that runs layers of it.
    pub target: Pace,
    /// Short, for plots.
    pub label: String,
}

/// A text that is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prompt {
    /// Its place in the file, from 1.
    pub number: usize,
    /// What the user says.
    pub text: String,
}

/// A time without any link, in every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CutLink {
    /// From the request on.
    pub at_ms: u64,
    /// Above 0.
    pub for_ms: u64,
}

impl CellMode {
    /// Those that a file writes as one word, in the order of their colours.
    pub(super) const PLAIN: [Self; 6] = [
        Self::Local,
        Self::Remote,
        Self::Sync,
        Self::Streaming,
        Self::WorkConserving,
        Self::Split(Share::Even),
    ];

    /// Whether draft length and source mean anything to it.
    pub const fn drafts(self) -> bool {
        match self {
            Self::Local | Self::Remote | Self::Target { .. } => false,
            Self::Sync | Self::Streaming | Self::WorkConserving | Self::Split(_) => true,
        }
    }
}

/// As the file writes it, but for tables.
impl fmt::Display for CellMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Remote => f.write_str("remote"),
            Self::Sync => f.write_str("sync"),
            Self::Streaming => f.write_str("streaming"),
            Self::WorkConserving => f.write_str("work-conserving"),
            Self::Split(Share::Even) => f.write_str("split"),
            Self::Split(share @ (Share::UpTo { .. } | Share::Two(_))) => write!(f, "split {share}"),
            Self::Target { layers, prefill, format } => {
                f.write_str("target")?;
                if let Some(layers) = layers {
                    write!(f, " up to {layers}")?;
                }
                write!(f, ", prompt by {}", prefill.as_str())?;
                match *format == SegmentFormat::Exact {
                    true => Ok(()),
                    false => write!(f, " ({format})"),
                }
            }
        }
    }
}

impl Serialize for CellMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for DraftSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("model"),
            Self::Lookup => f.write_str("lookup"),
            Self::Both => f.write_str("both"),
            Self::Forced { accept } => write!(f, "accept {accept}"),
        }
    }
}

impl Serialize for DraftSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for CellLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.key)
    }
}

impl Serialize for Paces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pace = |Pace { decode_ms, per_row_ms }| [decode_ms, per_row_ms];
        #[derive(Serialize)]
        struct Written<'a> {
            label: &'a str,
            draft_decode_and_row_ms: [f64; 2],
            target_decode_and_row_ms: [f64; 2],
        }
        Written {
            label: &self.label,
            draft_decode_and_row_ms: pace(self.draft),
            target_decode_and_row_ms: pace(self.target),
        }
        .serialize(serializer)
    }
}

impl Paces {
    /// Both in words, with units.
    pub fn in_words(&self) -> String {
        format!("draft {}, target {}", pace_in_words(self.draft), pace_in_words(self.target))
    }
}

/// Both as short as can be.
pub(super) fn short_label(draft: Pace, target: Pace) -> String {
    let short = |Pace { decode_ms, per_row_ms }| match per_row_ms > 0.0 {
        true => format!("{decode_ms}+{per_row_ms}"),
        false => format!("{decode_ms}"),
    };
    format!("draft {}, target {} ms", short(draft), short(target))
}

/// One pace, with units.
fn pace_in_words(Pace { decode_ms, per_row_ms }: Pace) -> String {
    match per_row_ms > 0.0 {
        true => format!("{decode_ms} + {per_row_ms} ms a row"),
        false => format!("{decode_ms} ms"),
    }
}
