//! What is wrong with a profile, and what would be right.

use std::io;
use std::path::PathBuf;

/// A link profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No profile of this name ships, and it is no file either.
    #[error("no link profile `{name}`; there are {}, or give the path of a .toml file", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// What ships.
        known: Vec<&'static str>,
    },
    /// Not TOML, or an unknown key.
    #[error("not a link profile")]
    Malformed(#[from] toml::de::Error),
    /// A percentile that is none.
    #[error("`{key}` is no percentile; percentiles are p0 to p100, such as p50")]
    Percentile {
        /// The key.
        key: String,
    },
    /// A value that is no amount.
    #[error("percentiles need at least one value, and values are finite and not negative")]
    Values,
    /// A higher percentile with a lower value.
    #[error("a higher percentile cannot have a lower value")]
    Falls,
    /// A chance above one or below zero.
    #[error("{key} is a chance: it must be from 0 to 1, not {value}")]
    Chance {
        /// Which.
        key: &'static str,
        /// What it says.
        value: f64,
    },
    /// A time that is none.
    #[error("{key} must be {wanted}, not {value}")]
    Amount {
        /// Which.
        key: &'static str,
        /// What would be right.
        wanted: &'static str,
        /// What it says.
        value: f64,
    },
    /// Nothing would ever arrive.
    #[error("{key} is never above 0: nothing would ever arrive")]
    NeverCarries {
        /// Which rate.
        key: &'static str,
    },
    /// A direction's rate is said twice.
    #[error("{key} has both a rate and a trace: one of them decides how fast it is")]
    TwoRates {
        /// Which direction.
        key: &'static str,
    },
    /// A trace cannot be read.
    #[error("cannot read the trace {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A trace is not of its format.
    #[error("{}, line {line}: {detail}", path.display())]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Where in it, from 1.
        line: u64,
        /// What is wrong, and what would be right.
        detail: String,
    },
}
