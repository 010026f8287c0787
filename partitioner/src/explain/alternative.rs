//! A plan that lost, and why, as data and as a sentence.

use super::parts::{Part, PartOf};
use crate::{CRITERIA, Candidate, Choice, Costs, Objective, Obstacle, Prediction};
use serde::Serialize;
use std::fmt;

/// Differences smaller than this share of the score are not worth a word.
const WORTH_A_WORD: f64 = 1e-6;

/// A plan that was not chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// What it is, in words.
    pub what: String,
    /// It, where there is one.
    pub candidate: Option<Candidate>,
    /// Why it was not chosen.
    pub verdict: Verdict,
}

/// Why a plan was not chosen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It cannot be, or may not.
    Infeasible(Obstacle),
    /// It is worse, or no better.
    Worse {
        /// What it would take.
        prediction: Box<Prediction>,
        /// By how much, in the objective's unit.
        by: f64,
        /// What differs, the most expensive first; what is better has a negative worth.
        differences: Vec<Difference>,
        /// The part of a token's time that grows most, with the milliseconds here and in what was chosen.
        slower: Option<(PartOf, f64, f64)>,
    },
    /// Nothing was chosen, and this breaks no limit: cannot happen in a decision that searched all.
    Possible,
}

/// What a criterion adds to a plan's score beside another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Difference {
    /// Which, as configuration spells it.
    pub criterion: &'static str,
    /// How much more, in the criterion's own unit.
    pub more: f64,
    /// What that is worth, in the objective's unit.
    pub worth: f64,
}

impl Alternative {
    pub(super) const fn infeasible(what: String, obstacle: Obstacle) -> Self {
        Self { what, candidate: None, verdict: Verdict::Infeasible(obstacle) }
    }
}

impl Costs<'_> {
    /// What is to be said of `candidate` beside what was chosen.
    pub(super) fn alternative(
        &self,
        candidate: Candidate,
        judged: Result<Choice, Obstacle>,
        chosen: Option<&Choice>,
        objective: &Objective,
    ) -> Alternative {
        let verdict = match (judged, chosen) {
            (Err(obstacle), _) => Verdict::Infeasible(obstacle),
            (Ok(_), None) => Verdict::Possible,
            (Ok(other), Some(chosen)) => Verdict::Worse {
                prediction: Box::new(other.prediction),
                by: other.score - chosen.score,
                differences: differences(&other, chosen, objective, self.later),
                slower: slower(&self.parts(&candidate), &self.parts(&chosen.candidate)),
            },
        };
        Alternative { what: candidate.to_string(), candidate: Some(candidate), verdict }
    }
}

fn differences(
    other: &Choice,
    chosen: &Choice,
    objective: &Objective,
    later: f64,
) -> Vec<Difference> {
    let (theirs, ours) =
        (other.prediction.criteria().values(), chosen.prediction.criteria().values());
    let weights = objective.weights.values();
    let differences = CRITERIA.iter().enumerate().map(|(at, criterion)| {
        let (more, count) =
            (theirs[at] - ours[at], if *criterion == "itl_ms" { later } else { 1.0 });
        Difference { criterion, more, worth: more * weights[at] * count }
    });
    let least = chosen.score.abs() * WORTH_A_WORD;
    let mut told: Vec<Difference> = differences.filter(|one| one.worth.abs() > least).collect();
    told.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    told
}

fn slower(theirs: &[Part], ours: &[Part]) -> Option<(PartOf, f64, f64)> {
    let compared = theirs.iter().map(|part| {
        let same = ours.iter().find(|other| other.of == part.of);
        (part.of.clone(), part.itl_ms, same.map_or(0.0, |same| same.itl_ms))
    });
    let grown = compared.filter(|(_, here, there)| here > there);
    grown.max_by(|a, b| (a.1 - a.2).total_cmp(&(b.1 - b.2)))
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.verdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Infeasible(obstacle) => write!(f, "not possible: {obstacle}"),
            Self::Possible => f.write_str("possible"),
            Self::Worse { differences, .. } if differences.is_empty() => {
                f.write_str("no better, by the weights that were given")
            }
            Self::Worse { differences, slower, .. } => {
                f.write_str("worse: ")?;
                for (index, difference) in differences.iter().enumerate() {
                    let joint = if index == 0 { "" } else { ", " };
                    write!(f, "{joint}{difference}")?;
                }
                let token =
                    differences.iter().any(|one| one.criterion == "itl_ms" && one.more > 0.0);
                match slower {
                    Some((of, here, there)) if token => {
                        write!(f, "; most of all {of}, {here:.1} ms a token in place of {there:.1}")
                    }
                    Some(_) | None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = self.more;
        match self.criterion {
            "ttft_ms" => write!(f, "{more:+.1} ms to the first token"),
            "itl_ms" => write!(f, "{more:+.1} ms a token"),
            "money" => write!(f, "{more:+.6} of money"),
            "device_energy_j" => write!(f, "{more:+.1} J"),
            "metered_bytes" => write!(f, "{more:+.0} metered bytes"),
            "cloud_passes" => write!(f, "{more:+.1} cloud passes"),
            other => write!(f, "{more:+} {other}"),
        }
    }
}
