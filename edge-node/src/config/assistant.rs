//! `[intents]`, `[routing]`, `[journal]` and `[budgets]`: what a device does with what it is told, beside asking a
//! model. Without any of them it asks, and remembers nothing.

use crate::acting::ActionSettings;
use base::ByteCount;
use intents::IntentFile;
use journal::{BudgetPolicy, Caps, Limits};
use routing::Policy;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Far above any set of intents; `intents` has its own limit below.
const INTENTS_BYTES_MAX: u64 = 8 << 20;

/// Hours of a year, rounded up: what waits for longer is not waited for.
const WAIT_HOURS_MAX: u32 = 9_000;

/// Whoever speaks waits for no action longer than this.
const ACTION_MS_MAX: u64 = 60_000;

/// A budget that nobody reaches, in whole units: what is typed is at most so much.
const BUDGET_MAX: f64 = 1e9;

/// What a device does with what it is told, beside asking a model.
#[derive(Debug, Clone, Default)]
pub struct AssistantSettings {
    /// What it understands by itself; `None`: nothing.
    pub intents: Option<IntentSettings>,
    /// Which way requests go; `None`: as by default.
    pub routing: Option<RoutingSettings>,
    /// What it must not lose; `None`: conversations live in memory, and nothing waits.
    pub journal: Option<JournalSettings>,
    /// How it does what intents say.
    pub actions: ActionSettings,
}

/// `[intents]`: what is understood without a model.
#[derive(Debug, Clone)]
pub struct IntentSettings {
    /// Sets of intents, each with the name that errors call it by.
    pub files: Vec<(String, IntentFile)>,
    /// The share of phrases in scope that may be taken for out of scope, 0 to 0.5.
    pub reject: f64,
    /// A model of the BERT family in a Hugging Face folder, by which it also counts what phrases mean.
    pub encoder: Option<PathBuf>,
}

/// `[routing]`: which way requests go.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingSettings {
    /// What the operator allows and prefers.
    pub policy: Policy,
    /// The chance that the device's own answer is as good as the target's; `None`: it is judged for each request,
    /// by what the draft model makes of it.
    pub likeness: Option<f64>,
    /// How long a request waits that says nothing of it.
    pub wait: Duration,
}

/// `[journal]` and `[budgets]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// The file.
    pub path: PathBuf,
    /// What it may hold, and what may be spent.
    pub limits: Limits,
}

impl AssistantSettings {
    /// Whether any of it was asked for.
    pub const fn is_configured(&self) -> bool {
        self.intents.is_some() || self.routing.is_some() || self.journal.is_some()
    }
}

impl Default for RoutingSettings {
    fn default() -> Self {
        let wait = Duration::from_secs(24 * 3_600);
        Self { policy: Policy::default(), likeness: None, wait }
    }
}

/// `[intents]` as it is typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileIntents {
    files: Vec<PathBuf>,
    #[serde(default = "one_in_twenty")]
    reject: f64,
    encoder: Option<PathBuf>,
}

const fn one_in_twenty() -> f64 {
    0.05
}

/// `[routing]` as it is typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileRouting {
    policy: Option<PathBuf>,
    likeness: Option<f64>,
    wait_hours: u32,
}

impl Default for FileRouting {
    fn default() -> Self {
        Self { policy: None, likeness: None, wait_hours: 24 }
    }
}

/// `[journal]` as it is typed. What it does not say is as [`Limits`] has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileJournal {
    path: PathBuf,
    file_mib: Option<u32>,
    text_kib: Option<u32>,
    conversation_kib: Option<u32>,
    conversation_days: Option<u32>,
    deferred_max: Option<u32>,
    deferred_kib: Option<u32>,
    ended_hours: Option<u32>,
    callback_hours: Option<u32>,
    fired_max: Option<u32>,
}

/// `[budgets]` as it is typed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileBudgets {
    utc_offset_minutes: i32,
    request: FileCaps,
    day: FileCaps,
    month: FileCaps,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FileCaps {
    money: Option<f64>,
    metered_mb: Option<f64>,
    tokens: Option<u64>,
}

/// Reads what the sections name, and checks all of it.
pub(super) fn assistant(
    intents: Option<FileIntents>,
    routing: Option<FileRouting>,
    actions: ActionSettings,
    (journal, budgets): (Option<FileJournal>, Option<FileBudgets>),
    file: &ConfigFile,
) -> Result<AssistantSettings, ConfigError> {
    if budgets.is_some() && journal.is_none() {
        let detail = "need [journal]: what is spent has to outlive the process";
        return Err(file.invalid("budgets", detail));
    }
    let budgets = budgets.map(|typed| typed.checked(file)).transpose()?.unwrap_or_default();
    Ok(AssistantSettings {
        intents: intents.map(|typed| typed.read(file)).transpose()?,
        routing: routing.map(|typed| typed.read(file)).transpose()?,
        journal: journal.map(|typed| typed.with(budgets, file)),
        actions: checked_actions(actions, file)?,
    })
}

/// An action has a time, and a password a place.
fn checked_actions(
    mut actions: ActionSettings,
    file: &ConfigFile,
) -> Result<ActionSettings, ConfigError> {
    if !(1..=ACTION_MS_MAX).contains(&actions.timeout_ms) {
        return Err(file.invalid("actions.timeout_ms", format!("is 1 to {ACTION_MS_MAX}")));
    }
    if let Some(broker) = &mut actions.mqtt {
        if broker.password.is_some() && broker.user.is_none() {
            return Err(file.invalid("actions.mqtt", "has a password, and needs a user"));
        }
        broker.password = broker.password.as_ref().map(|path| file.resolve(path));
    }
    Ok(actions)
}

impl FileIntents {
    fn read(self, file: &ConfigFile) -> Result<IntentSettings, ConfigError> {
        if self.files.is_empty() {
            return Err(file.invalid("intents.files", "needs one file at least"));
        }
        if !(0.0..=0.5).contains(&self.reject) {
            return Err(file.invalid("intents.reject", "is from 0 to 0.5"));
        }
        let read = |path: &PathBuf| read_intents(&file.resolve(path));
        let read = |path| {
            read(path)
                .map_err(|why| file.invalid("intents.files", format!("{}: {why}", path.display())))
        };
        Ok(IntentSettings {
            files: self.files.iter().map(read).collect::<Result<_, _>>()?,
            reject: self.reject,
            encoder: self.encoder.map(|path| file.resolve(&path)),
        })
    }
}

fn read_intents(path: &Path) -> Result<(String, IntentFile), String> {
    let mut text = String::new();
    let mut file = File::open(path).map_err(|error| error.to_string())?.take(INTENTS_BYTES_MAX);
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let set = IntentFile::parse(&text).map_err(|error| settings::chain(&error))?;
    Ok((path.display().to_string(), set))
}

impl FileRouting {
    fn read(self, file: &ConfigFile) -> Result<RoutingSettings, ConfigError> {
        if self.likeness.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return Err(file.invalid("routing.likeness", "is a chance, from 0 to 1"));
        }
        if !(1..=WAIT_HOURS_MAX).contains(&self.wait_hours) {
            return Err(file.invalid("routing.wait_hours", format!("is 1 to {WAIT_HOURS_MAX}")));
        }
        let policy = match self.policy {
            None => Policy::default(),
            Some(path) => {
                let (policy, own) = settings::load::<Policy>(&file.resolve(&path))?;
                policy.check().map_err(|error| own.invalid("policy", error))?;
                policy
            }
        };
        let wait = Duration::from_secs(u64::from(self.wait_hours) * 3_600);
        Ok(RoutingSettings { policy, likeness: self.likeness, wait })
    }
}

impl FileJournal {
    fn with(self, budgets: BudgetPolicy, file: &ConfigFile) -> JournalSettings {
        let usual = Limits::default();
        let kib = |typed: Option<u32>, usual: u64| typed.map_or(usual, |kib| u64::from(kib) << 10);
        let for_ = |typed: Option<u32>, unit_s: u64, usual: Duration| {
            typed.map_or(usual, |count| Duration::from_secs(u64::from(count) * unit_s))
        };
        let text = kib(self.text_kib, usual.text_bytes_max as u64);
        let limits = Limits {
            file_bytes_max: self
                .file_mib
                .map_or(usual.file_bytes_max, |mib| ByteCount(u64::from(mib) << 20)),
            text_bytes_max: usize::try_from(text).unwrap_or(usize::MAX),
            conversation_bytes_max: kib(self.conversation_kib, usual.conversation_bytes_max),
            conversation_kept: for_(self.conversation_days, 86_400, usual.conversation_kept),
            deferred_max: self.deferred_max.map_or(usual.deferred_max, |count| count as usize),
            deferred_bytes_max: kib(self.deferred_kib, usual.deferred_bytes_max),
            ended_kept: for_(self.ended_hours, 3_600, usual.ended_kept),
            callback_kept: for_(self.callback_hours, 3_600, usual.callback_kept),
            fired_max: self.fired_max.map_or(usual.fired_max, u64::from),
            reservations_max: usual.reservations_max,
            budgets,
        };
        JournalSettings { path: file.resolve(&self.path), limits }
    }
}

impl FileBudgets {
    fn checked(self, file: &ConfigFile) -> Result<BudgetPolicy, ConfigError> {
        if self.utc_offset_minutes.unsigned_abs() > 18 * 60 {
            return Err(file.invalid("budgets.utc_offset_minutes", "is 1080 at most, either way"));
        }
        Ok(BudgetPolicy {
            utc_offset_s: self.utc_offset_minutes * 60,
            request: self.request.checked("budgets.request", file)?,
            day: self.day.checked("budgets.day", file)?,
            month: self.month.checked("budgets.month", file)?,
            ..BudgetPolicy::default()
        })
    }
}

impl FileCaps {
    fn checked(self, key: &'static str, file: &ConfigFile) -> Result<Caps, ConfigError> {
        let Self { money, metered_mb, tokens } = self;
        let possible = |figure: &f64| (0.0..=BUDGET_MAX).contains(figure);
        if !money.iter().chain(&metered_mb).all(possible) {
            return Err(file.invalid(key, format!("money and metered_mb are 0 to {BUDGET_MAX:.0}")));
        }
        let (money_micro, metered_bytes) = (money.map(millionths), metered_mb.map(millionths));
        Ok(Caps { money_micro, metered_bytes, tokens })
    }
}

/// Millionths of what a person types: of money, or bytes of a megabyte.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and a billion, and its millionths are far below 2^63"
)]
fn millionths(figure: f64) -> u64 {
    (figure * 1e6).round() as u64
}

#[cfg(test)]
mod tests;
