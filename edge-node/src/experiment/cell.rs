//! One cell: a value of each axis that matters to it, and the seeds that follow from them.
//!
//! # Invariants
//!
//! - **A cell's id and seeds depend on its own values alone**: another value on an axis, or another
//!   order of them, changes no other cell.
//! - **What is compared is alike**: runs that differ only in how they are computed have the same
//!   weather on the link and the same noise in the text.

use super::axes::{CellLink, CellMode, DraftSource, Paces, Prompt};
use base::DraftLength;
use serde::Serialize;

/// What one run of the experiment is told.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Twelve hexadecimal digits of a hash of the rest.
    pub id: String,
    /// `None` in mode local.
    pub link: Option<CellLink>,
    /// Who computes what.
    pub mode: CellMode,
    /// `None` where nothing is drafted.
    pub draft: Option<DraftLength>,
    /// `None` where nothing is drafted.
    pub source: Option<DraftSource>,
    /// Zero is greedy.
    pub temperature: f32,
    /// `None` is the machine's own speed.
    pub paces: Option<Paces>,
    /// What is answered.
    pub prompt: Prompt,
}

/// What a run draws its numbers from. Each has 53 bits, so that any reader of JSON gets it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Seeds {
    /// For all that is the run's own, such as the errors of a test drafter.
    pub own: u64,
    /// For the link: the same for all runs of a link, prompt and repetition.
    pub weather: u64,
    /// For sampling: the same for all runs of a prompt, temperature and repetition, whose text is
    /// therefore the same.
    pub text: u64,
}

impl Cell {
    /// The same with the id that follows from its values.
    pub(super) fn identified(mut self) -> Self {
        let hash = blake3::hash(self.content().as_bytes()).to_hex();
        hash[..12].clone_into(&mut self.id);
        self
    }

    /// The seeds of a repetition of this cell in an experiment with `seed`.
    pub fn seeds(&self, seed: u64, repetition: u32) -> Seeds {
        let link = self.link.as_ref().map_or("", |link| &link.key);
        let (prompt, temperature) = (self.prompt.text.as_str(), self.temperature.to_string());
        let of = |purpose: &str, parts: &[&str]| derive(seed, repetition, purpose, parts);
        Seeds {
            own: of("own", &[&self.content()]),
            weather: of("weather", &[link, prompt]),
            text: of("text", &[prompt, &temperature]),
        }
    }

    /// All that decides a run of it, unambiguously. Labels do not.
    fn content(&self) -> String {
        let said = |value: Option<String>| value.unwrap_or_default();
        let paces = self.paces.as_ref().map(|paces| {
            let all = [paces.draft, paces.target].map(|pace| [pace.decode_ms, pace.per_row_ms]);
            format!("{all:?}")
        });
        joined(&[
            self.link.as_ref().map_or("", |link| &link.key),
            &self.mode.to_string(),
            &said(self.draft.map(|draft| draft.to_string())),
            &said(self.source.map(|source| source.to_string())),
            &self.temperature.to_string(),
            &said(paces),
            &self.prompt.text,
        ])
    }
}

fn derive(seed: u64, repetition: u32, purpose: &str, parts: &[&str]) -> u64 {
    let (seed, repetition) = (seed.to_string(), repetition.to_string());
    let hash = blake3::hash(joined(&[&seed, &repetition, purpose, &joined(parts)]).as_bytes());
    let (first, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
    u64::from_le_bytes(*first) >> 11
}

/// `parts`, such that other parts give another text.
fn joined(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("{}:{part}", part.len())).collect()
}
