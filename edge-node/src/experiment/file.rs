//! An experiment's file as it is typed, and its way into an [`Experiment`].

use super::axes::{CellMode, CutLink, Paces};
use super::design::{Axes, Clock, Experiment, ModelPair, Prices};
use super::links::{PlainLink, link};
use super::values::{
    FileMode, FilePaces, ForcedSource, checked_prices, draft_length, mode, outages, paces, prompt,
    source, temperatures,
};
use super::written::{NoTable, Written};
use serde::Deserialize;
use settings::{ConfigError, ConfigFile};
use std::path::{Path, PathBuf};

/// Fits a heading.
const NAME_CHARS_MAX: usize = 64;
/// A paragraph.
const ABOUT_CHARS_MAX: usize = 1_000;
/// Values of one axis: more cannot be told apart in a plot.
const VALUES_MAX: usize = 32;
/// Prompts of one experiment.
const PROMPTS_MAX: usize = 64;
/// Runs of one experiment: their tokens are held in memory until the report is written.
const RUNS_MAX: u64 = 10_000;
/// Tokens of all runs, for the same reason: 100 bytes each.
const TOKENS_MAX: u64 = 10_000_000;

/// What the file may hold, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileExperiment {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    seed: u64,
    #[serde(default = "once")]
    repetitions: u32,
    tokens: u32,
    #[serde(default)]
    clock: Clock,
    models: Option<FileModels>,
    #[serde(default = "first_prompt")]
    prompts: Vec<Written<NoTable>>,
    #[serde(default)]
    links: Vec<Written<PlainLink>>,
    modes: Vec<Written<FileMode>>,
    #[serde(default = "four")]
    drafts: Vec<Written<NoTable>>,
    #[serde(default = "model")]
    sources: Vec<Written<ForcedSource>>,
    #[serde(default = "greedy")]
    temperatures: Vec<f32>,
    #[serde(default)]
    paces: Vec<FilePaces>,
    #[serde(default)]
    outages: Vec<CutLink>,
    prices: Option<Prices>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileModels {
    draft: PathBuf,
    target: PathBuf,
}

const fn once() -> u32 {
    1
}

fn first_prompt() -> Vec<Written<NoTable>> {
    vec![Written::Number(1)]
}

/// What a round of a small pair gains most from.
fn four() -> Vec<Written<NoTable>> {
    vec![Written::Number(4)]
}

fn model() -> Vec<Written<ForcedSource>> {
    vec![Written::Text("model".to_owned())]
}

fn greedy() -> Vec<f32> {
    vec![0.0]
}

impl Experiment {
    /// Reads and checks an experiment's file, and the profiles that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the file, the key and what would be right.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let (typed, file) = settings::load::<FileExperiment>(path)?;
        let read = |source| ConfigError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        let experiment = Self {
            text,
            axes: axes(&typed, &file)?,
            name: name(typed.name, &file)?,
            about: about(typed.about, &file)?,
            seed: typed.seed,
            repetitions: typed.repetitions,
            tokens: typed.tokens,
            clock: typed.clock,
            models: typed.models.map(|pair| models(&pair, &file)).transpose()?,
            outages: outages(typed.outages, &file)?,
            prices: typed.prices.map(|prices| checked_prices(prices, &file)).transpose()?,
        };
        check_size(&experiment, &file)?;
        Ok(experiment)
    }
}

fn axes(typed: &FileExperiment, file: &ConfigFile) -> Result<Axes, ConfigError> {
    let links = typed.links.iter().map(|written| link(written, file));
    let modes = typed.modes.iter().map(|written| mode(written, file));
    let drafts = typed.drafts.iter().map(|written| draft_length(written, file));
    let sources = typed.sources.iter().map(|written| source(written, file));
    let numbered = typed.prompts.iter().zip(1..);
    let prompts = numbered.map(|(written, number)| prompt(written, number, file));
    let axes = Axes {
        links: links.collect::<Result<_, _>>()?,
        modes: modes.collect::<Result<_, _>>()?,
        drafts: drafts.collect::<Result<_, _>>()?,
        sources: sources.collect::<Result<_, _>>()?,
        temperatures: temperatures(&typed.temperatures, file)?,
        paces: paces(&typed.paces, typed.clock, file)?,
        prompts: prompts.collect::<Result<_, _>>()?,
    };
    let linked = axes.modes.iter().any(|mode| *mode != CellMode::Local);
    distinct("links", &axes.links, |link| link.key.clone(), usize::from(linked), file)?;
    distinct("links", &axes.links, |link| link.label.clone(), 0, file)?;
    distinct("modes", &axes.modes, ToString::to_string, 1, file)?;
    distinct("drafts", &axes.drafts, ToString::to_string, 1, file)?;
    distinct("sources", &axes.sources, ToString::to_string, 1, file)?;
    distinct("temperatures", &axes.temperatures, ToString::to_string, 1, file)?;
    distinct("paces", &axes.paces, |paces| paces.label.clone(), 0, file)?;
    distinct("paces", &axes.paces, Paces::in_words, 0, file)?;
    distinct("prompts", &axes.prompts, |prompt| prompt.text.clone(), 1, file)?;
    Ok(axes)
}

/// An axis has from `least` values up to so many that they can be told apart, and none twice.
fn distinct<T>(
    key: &'static str,
    values: &[T],
    said: impl Fn(&T) -> String,
    least: usize,
    file: &ConfigFile,
) -> Result<(), ConfigError> {
    let most = if key == "prompts" { PROMPTS_MAX } else { VALUES_MAX };
    if !(least..=most).contains(&values.len()) {
        let detail = format!("has {} values; {least} to {most} are possible", values.len());
        return Err(file.invalid(key, detail));
    }
    let mut seen = std::collections::BTreeSet::new();
    match values.iter().map(said).find(|value| !seen.insert(value.clone())) {
        Some(twice) => Err(file.invalid(key, format!("`{twice}` is there twice"))),
        None => Ok(()),
    }
}

fn name(name: String, file: &ConfigFile) -> Result<String, ConfigError> {
    match (1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
        true => Ok(name),
        false => Err(file.invalid("name", format!("has 1 to {NAME_CHARS_MAX} characters"))),
    }
}

fn about(about: String, file: &ConfigFile) -> Result<String, ConfigError> {
    match about.chars().count() <= ABOUT_CHARS_MAX {
        true => Ok(about),
        false => Err(file.invalid("about", format!("has at most {ABOUT_CHARS_MAX} characters"))),
    }
}

fn models(pair: &FileModels, file: &ConfigFile) -> Result<ModelPair, ConfigError> {
    let there = |key, path: &Path| {
        let path = file.resolve(path);
        match path.exists() {
            true => Ok(path),
            false => Err(file.invalid(key, format!("there is no {}", path.display()))),
        }
    };
    Ok(ModelPair {
        draft: there("models.draft", &pair.draft)?,
        target: there("models.target", &pair.target)?,
    })
}

/// How much it is in all.
fn check_size(experiment: &Experiment, file: &ConfigFile) -> Result<(), ConfigError> {
    let positions = protocol::limits::POSITIONS_MAX;
    if !(1..=positions).contains(&experiment.tokens) {
        return Err(file.invalid("tokens", format!("is from 1 to {positions}")));
    }
    if experiment.repetitions == 0 {
        return Err(file.invalid("repetitions", "is at least 1"));
    }
    let cells = experiment.cells().len() as u64;
    if cells == 0 {
        let detail = "leave nothing to run: without drafts, modes but split are mode remote";
        return Err(file.invalid("drafts", detail));
    }
    let runs = cells.saturating_mul(experiment.repetitions.into());
    if runs > RUNS_MAX {
        let detail = format!("make {runs} runs of {cells} cells; at most {RUNS_MAX} are possible");
        return Err(file.invalid("repetitions", detail));
    }
    let tokens = runs.saturating_mul(experiment.tokens.into());
    if tokens > TOKENS_MAX {
        let detail = format!("make {tokens} in {runs} runs; at most {TOKENS_MAX} are possible");
        return Err(file.invalid("tokens", detail));
    }
    Ok(())
}
