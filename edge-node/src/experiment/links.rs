//! The links of an experiment: of the ladder, of a file, or a plain delay.

use super::axes::CellLink;
use super::written::Written;
use link_emulator::LinkProfile;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile, Link, chain};
use std::path::Path;

/// Longer round trips are no link but mail; the emulator bears twice as much.
const RTT_MS_MAX: f64 = 60_000.0;

/// The longest label; plots keep a column for it.
const LABEL_CHARS_MAX: usize = 24;

/// `{ rtt_ms = 50 }`: half of it each way, nothing is lost, and no rate is bound.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlainLink {
    rtt_ms: f64,
    /// The device has another address every so often.
    moves_every_s: Option<f64>,
}

/// The link that `file` means.
///
/// # Errors
///
/// [`ConfigError`] where there is no such profile, or it is wrong.
pub(super) fn link(
    written: &Written<PlainLink>,
    file: &ConfigFile,
) -> Result<CellLink, ConfigError> {
    match written {
        Written::Text(wanted) => profile(wanted, file),
        Written::Table(plain) => plain_delay(plain, file),
        Written::Number(_) => Err(file.invalid(
            "links",
            "holds names of profiles, paths of .toml files and tables { rtt_ms = 50 }",
        )),
    }
}

fn profile(wanted: &str, file: &ConfigFile) -> Result<CellLink, ConfigError> {
    let link = Link { emulate: Some(wanted.to_owned()), ..Link::default() };
    let emulation = link.emulation(file).map_err(|error| match error {
        ConfigError::Invalid { detail, .. } => file.invalid("links", detail),
        other @ (ConfigError::Read { .. }
        | ConfigError::TooLarge { .. }
        | ConfigError::UnknownKey { .. }
        | ConfigError::Malformed { .. }) => other,
    })?;
    let emulation = emulation.expect("a profile was named");
    let stem = Path::new(wanted).file_stem().and_then(|stem| stem.to_str()).unwrap_or(wanted);
    let label = stem.chars().take(LABEL_CHARS_MAX).collect();
    Ok(CellLink { key: wanted.to_owned(), label, emulation })
}

fn plain_delay(
    PlainLink { rtt_ms, moves_every_s }: &PlainLink,
    file: &ConfigFile,
) -> Result<CellLink, ConfigError> {
    if !(0.0..=RTT_MS_MAX).contains(rtt_ms) {
        let detail = format!("rtt_ms is from 0 to {RTT_MS_MAX}, not {rtt_ms}");
        return Err(file.invalid("links", detail));
    }
    let moving = if moves_every_s.is_some() { ", moving" } else { "" };
    let label = format!("rtt {rtt_ms} ms{moving}");
    let moves = moves_every_s.map(|every_s| format!("[moves]\nevery_s = {every_s:?}\n"));
    let delay_ms = rtt_ms / 2.0;
    let text = format!(
        "about = 'a plain delay: {label}'\n[up]\ndelay_ms = {delay_ms:?}\n\
         [down]\ndelay_ms = {delay_ms:?}\n{}",
        moves.unwrap_or_default()
    );
    let no_traces = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let emulation = LinkProfile::parse(&text).and_then(|profile| profile.resolve(no_traces));
    let emulation = emulation.map_err(|error| file.invalid("links", chain(&error)))?;
    Ok(CellLink { key: label.clone(), label, emulation })
}
