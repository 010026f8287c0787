//! The best plan: every way to run a request, and of splits every one, found exactly.
//!
//! ```text
//!   targets on one node   few: each is predicted
//!   splits                bounds from the end back, then labels from the device on, style by style,
//!                         with the head on the device or not, the most promising first
//! ```
//!
//! | file | says |
//! |---|---|
//! | `measure.rs` | what a label is judged by |
//! | `line.rs` | what stages add, by number of layers |
//! | `tables.rs` | what each stage and hop adds |
//! | `window.rs` | the least of what slides past |
//! | `bounds.rs` | what is left at least |
//! | `helped.rs` | which splits have their prompt read with help |
//! | `labels.rs` | which beginnings count |
//! | `split.rs` | how they become chains |

mod bounds;
mod helped;
mod labels;
mod line;
mod measure;
mod split;
mod tables;
mod window;

use crate::cost::style::{DRAFTS_MAX, Style};
use crate::{Candidate, Costs, LocalChoice, Objective, Obstacle, Prediction, Speculation};
use base::{DraftLength, NodeName};
use serde::Serialize;
use split::SplitSearch;
use tables::{Ground, Head, Tables};

/// A candidate that can be run, and what it takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// It.
    pub candidate: Candidate,
    /// What it takes.
    pub prediction: Prediction,
    /// How bad it is, in the objective's unit.
    pub score: f64,
}

impl Costs<'_> {
    /// The best plan within the limits of `objective`; `None` where there is none. Of two that are
    /// equally good the simpler one: local before remote, remote before speculative, those before split.
    pub fn best(&self, objective: &Objective) -> Option<Choice> {
        let whole = self.best_of(&self.whole_candidates(), objective);
        let split = self.best_split(objective, whole.as_ref().map(|choice| choice.score));
        split.or(whole)
    }

    /// The candidate judged, limits included.
    ///
    /// # Errors
    ///
    /// [`Obstacle`] says why it cannot be run or may not.
    pub fn judge(&self, candidate: &Candidate, objective: &Objective) -> Result<Choice, Obstacle> {
        let prediction = self.predict(candidate)?;
        let criteria = prediction.criteria();
        match objective.broken(&criteria) {
            Some(broken) => Err(Obstacle::Limit(broken)),
            None => {
                let score = objective.score(&criteria, self.later);
                Ok(Choice { candidate: candidate.clone(), prediction, score })
            }
        }
    }

    /// The best of `candidates`, the first of those that are equal.
    pub(crate) fn best_of(&self, candidates: &[Candidate], goal: &Objective) -> Option<Choice> {
        let judged = candidates.iter().filter_map(|candidate| self.judge(candidate, goal).ok());
        judged.min_by(|a, b| a.score.total_cmp(&b.score))
    }

    /// The best split within the limits that scores less than `best`.
    pub(crate) fn best_split(&self, objective: &Objective, best: Option<f64>) -> Option<Choice> {
        let ground = Ground::new(self);
        let acceptance = self.situation.demand.acceptance;
        let styles = Style::all(acceptance, self.drafting.is_some());
        let tables = styles.into_iter().map(|style| Tables::new(self, &ground, objective, style));
        let tables: Vec<Tables> = tables.collect();
        let search =
            |tables, head, measures| SplitSearch::new(self, &ground, tables, head, measures);
        let searches = tables.iter().flat_map(|tables| {
            Head::ALL.map(|head| (search(tables, head, 1).bound(), tables, head))
        });
        let mut searches: Vec<(f64, &Tables, Head)> = searches.collect();
        searches.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut best, mut found) = (best.unwrap_or(f64::INFINITY), None);
        for (bound, tables, head) in searches {
            if bound >= best {
                break;
            }
            let search = search(tables, head, tables.measures.count());
            let Some(candidate) = search.run(best) else { continue };
            if let Ok(choice) = self.judge(&candidate, objective)
                && choice.score < best
            {
                best = choice.score;
                found = Some(choice);
            }
        }
        found
    }

    /// Every candidate that leaves the target, or the draft model, whole.
    pub(crate) fn whole_candidates(&self) -> Vec<Candidate> {
        let alone = [LocalChoice::Target, LocalChoice::Draft];
        let alone = alone.map(|model| Candidate::Local { model }).into_iter();
        let targets = self.remote_nodes().map(|target| Candidate::Remote { target });
        let drafted = self.remote_nodes().flat_map(|target| speculative(&target));
        alone.chain(targets).chain(drafted).collect()
    }

    fn remote_nodes(&self) -> impl Iterator<Item = NodeName> {
        self.graph.nodes()[1..].iter().map(|node| node.profile.node.clone())
    }
}

/// Every way to draft for a target on one node.
pub(crate) fn speculative(target: &NodeName) -> Vec<Candidate> {
    let candidate = |speculation, draft_length| Candidate::Speculative {
        target: target.clone(),
        speculation,
        draft_length,
    };
    let flowing = [Speculation::WorkConserving, Speculation::Streaming];
    let flowing = flowing.into_iter().map(|way| candidate(way, DraftLength::Auto));
    let rounds = 1..=DRAFTS_MAX;
    let rounds = rounds.map(|k| candidate(Speculation::Rounds, DraftLength::Fixed(k)));
    flowing.chain(rounds).collect()
}

#[cfg(test)]
mod tests;
