//! Single values of an experiment's file: what is typed into what is meant, or an error that says
//! what would be right.

use super::axes::{CellMode, CutLink, DraftSource, Paces, Prompt, short_label};
use super::design::{Clock, Prices};
use super::prompts;
use super::share::Share;
use super::written::{NoTable, Written};
use crate::config::{Prefill, segment_format};
use base::DraftLength;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile, Pace};

/// The longest label of a pace, and what a column of a plot holds.
const LABEL_CHARS_MAX: usize = 40;
/// Bytes of one prompt.
const PROMPT_BYTES_MAX: usize = 16 << 10;
/// Outages of one run.
const OUTAGES_MAX: usize = 32;
/// The longest time of an outage's begin or length: a day.
const OUTAGE_MS_MAX: u64 = 86_400_000;
/// The longest pace of a pass.
const PACE_MS_MAX: f64 = 60_000.0;
/// Hotter than this the text is noise.
const TEMPERATURE_MAX: f32 = 10.0;

/// One of `paces`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilePaces {
    draft: Pace,
    target: Pace,
    label: Option<String>,
}

/// `{ accept = 0.75 }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ForcedSource {
    accept: f64,
}

/// `{ split = [2, 4] }`, `{ target = "both" }` or `{ target = "both", layers = 4 }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileMode {
    split: Option<[u32; 2]>,
    target: Option<Prefill>,
    layers: Option<u32>,
    format: Option<String>,
}

/// One of `modes`.
pub(super) fn mode(
    written: &Written<FileMode>,
    file: &ConfigFile,
) -> Result<CellMode, ConfigError> {
    let mode = match written {
        Written::Text(text) => CellMode::PLAIN.into_iter().find(|mode| mode.to_string() == *text),
        Written::Table(FileMode {
            split: Some([device, gateway]),
            target: None,
            layers: None,
            format: None,
        }) => (0 < *device && device < gateway)
            .then_some(CellMode::Split(Share::UpTo { device: *device, gateway: *gateway })),
        Written::Table(FileMode { split: None, target: Some(prefill), layers, format }) => {
            let format = segment_format("modes", format.as_deref(), file)?;
            let mode = CellMode::Target { layers: *layers, prefill: *prefill, format };
            (*layers != Some(0)).then_some(mode)
        }
        Written::Table(_) | Written::Number(_) => None,
    };
    mode.ok_or_else(|| {
        let words = CellMode::PLAIN.map(|mode| format!("\"{mode}\""));
        let detail = format!(
            "holds {} and tables: {{ split = [D, G] }}: the device has the layers before D, at least \
             one, the gateway those from D to G, at least one, and the cloud the rest; {{ target = \
             \"device\" }}, \"peer\", \"both\" or \"auto\": the device has all of them, or so many `layers`, at \
             least one, and the cloud the rest; who that says computes a prompt's KV, which comes in a \
             `format`",
            words.join(", ")
        );
        file.invalid("modes", detail)
    })
}

/// One of `drafts`.
pub(super) fn draft_length(
    written: &Written<NoTable>,
    file: &ConfigFile,
) -> Result<DraftLength, ConfigError> {
    let most = protocol::limits::DRAFTS_MAX;
    let length = match written {
        Written::Text(text) if text == "auto" => Some(DraftLength::Auto),
        Written::Number(count) => u32::try_from(*count).ok().map(DraftLength::Fixed),
        Written::Text(_) => None,
        Written::Table(never) => match *never {},
    };
    let possible = |length: &DraftLength| match length {
        DraftLength::Fixed(count) => *count as usize <= most,
        DraftLength::Auto => true,
    };
    let wanted = || file.invalid("drafts", format!("holds numbers from 0 to {most} and \"auto\""));
    length.filter(possible).ok_or_else(wanted)
}

/// One of `sources`.
pub(super) fn source(
    written: &Written<ForcedSource>,
    file: &ConfigFile,
) -> Result<DraftSource, ConfigError> {
    const KNOWN: &str = "holds \"model\", \"lookup\", \"both\" and tables { accept = A } with A \
                         from 0 to 1";
    let source = match written {
        Written::Text(text) => match text.as_str() {
            "model" => Some(DraftSource::Model),
            "lookup" => Some(DraftSource::Lookup),
            "both" => Some(DraftSource::Both),
            _ => None,
        },
        Written::Table(ForcedSource { accept }) => {
            (0.0..=1.0).contains(accept).then_some(DraftSource::Forced { accept: *accept })
        }
        Written::Number(_) => None,
    };
    source.ok_or_else(|| file.invalid("sources", KNOWN))
}

/// All of `temperatures`.
pub(super) fn temperatures(typed: &[f32], file: &ConfigFile) -> Result<Vec<f32>, ConfigError> {
    match typed.iter().all(|temperature| (0.0..=TEMPERATURE_MAX).contains(temperature)) {
        true => Ok(typed.to_vec()),
        false => {
            Err(file.invalid("temperatures", format!("holds numbers from 0 to {TEMPERATURE_MAX}")))
        }
    }
}

/// All of `paces`, of which there is at least one in virtual time.
pub(super) fn paces(
    typed: &[FilePaces],
    clock: Clock,
    file: &ConfigFile,
) -> Result<Vec<Paces>, ConfigError> {
    if typed.is_empty() && clock == Clock::Virtual {
        let detail = "is needed: in virtual time a pass takes as long as its pace says, and \
                      without one no time at all; or say clock = \"real\" for this machine's speed";
        return Err(file.invalid("paces", detail));
    }
    typed.iter().map(|typed| one_pace(typed, clock, file)).collect()
}

fn one_pace(
    FilePaces { draft, target, label }: &FilePaces,
    clock: Clock,
    file: &ConfigFile,
) -> Result<Paces, ConfigError> {
    let times = [draft.decode_ms, draft.per_row_ms, target.decode_ms, target.per_row_ms];
    if !times.iter().all(|ms| (0.0..=PACE_MS_MAX).contains(ms)) {
        return Err(file.invalid("paces", format!("times are 0 to {PACE_MS_MAX} milliseconds")));
    }
    if clock == Clock::Virtual && (draft.is_none() || target.is_none()) {
        let detail = "draft and target both need a decode_ms above 0: in virtual time a pass takes \
                      as long as its pace says";
        return Err(file.invalid("paces", detail));
    }
    let label = label.clone().unwrap_or_else(|| short_label(*draft, *target));
    match (1..=LABEL_CHARS_MAX).contains(&label.chars().count()) {
        true => Ok(Paces { draft: *draft, target: *target, label }),
        false => {
            let detail = format!("a label has 1 to {LABEL_CHARS_MAX} characters, not {label:?}");
            Err(file.invalid("paces", detail))
        }
    }
}

/// One of `prompts`, the one with that `number` in the file.
pub(super) fn prompt(
    written: &Written<NoTable>,
    number: usize,
    file: &ConfigFile,
) -> Result<Prompt, ConfigError> {
    let text = match written {
        Written::Text(text) => Some(text.as_str()),
        Written::Number(wanted) => prompts::built_in(*wanted),
        Written::Table(never) => match *never {},
    };
    let text = text.filter(|text| (1..=PROMPT_BYTES_MAX).contains(&text.len()));
    let text = text.ok_or_else(|| {
        let built_in = prompts::COUNT;
        let detail = format!(
            "holds texts of 1 to {PROMPT_BYTES_MAX} bytes, and numbers of built-in prompts from \
             1 to {built_in}"
        );
        file.invalid("prompts", detail)
    })?;
    Ok(Prompt { number, text: text.to_owned() })
}

/// All of `outages`.
pub(super) fn outages(typed: Vec<CutLink>, file: &ConfigFile) -> Result<Vec<CutLink>, ConfigError> {
    if typed.len() > OUTAGES_MAX {
        return Err(file.invalid("outages", format!("at most {OUTAGES_MAX} are possible")));
    }
    let possible = |outage: &CutLink| {
        outage.at_ms <= OUTAGE_MS_MAX && (1..=OUTAGE_MS_MAX).contains(&outage.for_ms)
    };
    let apart = |pair: &[CutLink]| pair[0].at_ms + pair[0].for_ms < pair[1].at_ms;
    match typed.iter().all(possible) && typed.windows(2).all(apart) {
        true => Ok(typed),
        false => {
            let detail = format!(
                "each lasts from 1 ms to a day ({OUTAGE_MS_MAX} ms), and begins after the one \
                 before has ended"
            );
            Err(file.invalid("outages", detail))
        }
    }
}

/// `[prices]`.
pub(super) fn checked_prices(prices: Prices, file: &ConfigFile) -> Result<Prices, ConfigError> {
    let all = [prices.target_compute_hour, prices.gigabyte, prices.device_joule];
    let mut said = all.into_iter().flatten();
    if all.iter().all(Option::is_none) {
        let detail = "needs target_compute_hour, gigabyte, device_joule, or several of them";
        return Err(file.invalid("prices", detail));
    }
    if !said.all(|price| price.is_finite() && price >= 0.0) {
        return Err(file.invalid("prices", "a price is a number of at least 0"));
    }
    match (1..=8).contains(&prices.currency.chars().count()) {
        true => Ok(prices),
        false => Err(file.invalid("prices.currency", "has 1 to 8 characters, such as \"EUR\"")),
    }
}
