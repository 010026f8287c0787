//! An experiment as it was read and checked, and the cells that its axes span.

use super::axes::{CellLink, CellMode, CutLink, DraftSource, Paces, Prompt};
use super::cell::Cell;
use base::DraftLength;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything that a sweep is told.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// What it is called.
    pub name: String,
    /// What it is to show.
    pub about: String,
    /// The file, as it was read.
    pub text: String,
    /// Where all randomness comes from.
    pub seed: u64,
    /// How often each cell is run, each time with other weather and another text.
    pub repetitions: u32,
    /// The most tokens of a run.
    pub tokens: u32,
    /// Whose time it is.
    pub clock: Clock,
    /// `None` is the demo pair.
    pub models: Option<ModelPair>,
    /// What is varied.
    pub axes: Axes,
    /// Cut into every link, in order and apart.
    pub outages: Vec<CutLink>,
    /// What things cost, where that is asked.
    pub prices: Option<Prices>,
}

/// What is varied. No axis holds a value twice.
#[derive(Debug, Clone)]
pub struct Axes {
    /// Empty where all modes are local.
    pub links: Vec<CellLink>,
    /// At least one.
    pub modes: Vec<CellMode>,
    /// At least one.
    pub drafts: Vec<DraftLength>,
    /// At least one.
    pub sources: Vec<DraftSource>,
    /// At least one.
    pub temperatures: Vec<f32>,
    /// Empty is the machine's own speed; in virtual time at least one.
    pub paces: Vec<Paces>,
    /// At least one.
    pub prompts: Vec<Prompt>,
}

/// Whose time a run takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Simulated: nothing but paces and links takes time, and a run is the same on every machine.
    #[default]
    Virtual,
    /// This machine's.
    Real,
}

/// The two models of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPair {
    /// The device's.
    pub draft: PathBuf,
    /// The one that decides.
    pub target: PathBuf,
}

/// What things cost. At least one of them has a price.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// How money is labelled.
    pub currency: String,
    /// An hour in which the target computes.
    pub target_compute_hour: Option<f64>,
    /// 10^9 bytes of UDP payload, either way.
    pub gigabyte: Option<f64>,
    /// A joule at the device.
    pub device_joule: Option<f64>,
}

impl Experiment {
    /// Every combination of values that makes sense, the links in the order of the file. Mode local
    /// is run once for all links; local and remote once for all drafts and sources.
    pub fn cells(&self) -> Vec<Cell> {
        let places = self.places();
        let mut cells = Vec::new();
        for (link, mode) in places {
            for (draft, source) in self.drafting(mode) {
                for (temperature, paces, prompt) in self.conditions() {
                    let (link, id) = (link.cloned(), String::new());
                    let cell = Cell { id, link, mode, draft, source, temperature, paces, prompt };
                    cells.push(cell.identified());
                }
            }
        }
        cells
    }

    fn places(&self) -> Vec<(Option<&CellLink>, CellMode)> {
        let modes = self.axes.modes.iter().copied();
        let (local, linked): (Vec<_>, Vec<_>) = modes.partition(|mode| *mode == CellMode::Local);
        let mut places: Vec<_> = local.into_iter().map(|mode| (None, mode)).collect();
        for link in &self.axes.links {
            places.extend(linked.iter().map(|mode| (Some(link), *mode)));
        }
        places
    }

    fn drafting(&self, mode: CellMode) -> Vec<(Option<DraftLength>, Option<DraftSource>)> {
        if !mode.drafts() {
            return vec![(None, None)];
        }
        let mut all = Vec::new();
        for draft in &self.axes.drafts {
            match (draft, mode) {
                // A split needs no drafts, and then no source of them.
                (DraftLength::Fixed(0), CellMode::Split(_)) => all.push((Some(*draft), None)),
                // Without drafts the other modes are mode remote.
                (DraftLength::Fixed(0), _) => {}
                (DraftLength::Fixed(_) | DraftLength::Auto, _) => {
                    let sources = self.axes.sources.iter();
                    all.extend(sources.map(|source| (Some(*draft), Some(*source))));
                }
            }
        }
        all
    }

    fn conditions(&self) -> Vec<(f32, Option<Paces>, Prompt)> {
        let paces: Vec<_> = match self.axes.paces.is_empty() {
            true => vec![None],
            false => self.axes.paces.iter().cloned().map(Some).collect(),
        };
        let mut all = Vec::new();
        for temperature in &self.axes.temperatures {
            for paces in &paces {
                for prompt in &self.axes.prompts {
                    all.push((*temperature, paces.clone(), prompt.clone()));
                }
            }
        }
        all
    }
}
