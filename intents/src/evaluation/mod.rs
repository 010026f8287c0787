//! How well a classifier does on labelled phrases that it has not learnt from.

mod labelled;

use crate::classifier::{Classifier, Example, Guess};
use crate::encoder::SentenceEncoder;
use crate::error::IntentError;
pub use labelled::{Labelled, LabelledError, Part};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Phrases to learn from, to fit thresholds on, and to measure with.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Phrases in scope; what is out of scope is not learnt.
    pub train: Vec<Labelled>,
    /// Where there are none, phrases of `train` are held out in turns.
    pub validation: Option<Vec<Labelled>>,
    /// In scope and out of scope.
    pub test: Vec<Labelled>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Intents that were learnt.
    pub intents: usize,
    /// Phrases that were learnt from.
    pub examples: usize,
    /// Phrases in scope that it was tested with.
    pub in_scope: usize,
    /// Phrases out of scope that it was tested with.
    pub out_of_scope: usize,
    /// Seconds to learn and to fit thresholds.
    pub learn_s: f64,
    /// The share of phrases in scope whose intent is the likeliest one, if none is rejected.
    pub accuracy: f64,
    /// The chance that a phrase in scope is known better than one out of scope; `None` where there are
    /// not both.
    pub auroc: Option<f64>,
    /// What a threshold costs and brings.
    pub curve: Vec<OperatingPoint>,
    /// Milliseconds to classify one phrase.
    pub latency_ms: Latency,
}

/// Thresholds that reject a given share of held-out phrases in scope.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OperatingPoint {
    /// The share of held-out phrases that the threshold rejects at most.
    pub allowed: f64,
    /// The share of phrases in scope that it does reject.
    pub rejected: f64,
    /// The share of phrases in scope that are neither rejected nor wrong.
    pub accuracy: f64,
    /// The share of phrases out of scope that are rejected; `None` where there are none.
    pub recall: Option<f64>,
}

/// Order statistics of times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the phrases take no longer.
    pub p50: f64,
    /// All but a hundredth take no longer.
    pub p99: f64,
}

/// Shares that thresholds are measured at.
const ALLOWED: [f64; 6] = [0.01, 0.02, 0.03, 0.05, 0.1, 0.2];

/// A test phrase and what was made of it.
struct Tested {
    intent: Option<usize>,
    guess: Guess,
}

/// Learns from one part, fits on another and measures with the third. `now` is the time since any fixed
/// moment.
///
/// # Errors
///
/// As [`Classifier::learn`].
pub fn evaluate(
    parts: &Parts,
    encoder: Option<&dyn SentenceEncoder>,
    now: impl Fn() -> Duration,
) -> Result<Report, IntentError> {
    let names = parts.train.iter().filter_map(|phrase| phrase.intent.as_deref());
    let mut classes: BTreeMap<&str, usize> = names.map(|name| (name, 0)).collect();
    classes.values_mut().zip(0..).for_each(|(class, index)| *class = index);
    let class = |phrase: &Labelled| classes.get(phrase.intent.as_deref()?).copied();
    let examples = |phrases: &[Labelled]| -> Vec<Example> {
        let example = |phrase: &Labelled| {
            Some(Example { text: phrase.text.clone(), class: Some(class(phrase)?) })
        };
        phrases.iter().filter_map(example).collect()
    };
    let train = examples(&parts.train);
    let validation = parts.validation.as_deref().map(examples);
    let started = now();
    let classifier = Classifier::learn(&train, validation.as_deref(), classes.len(), encoder)?;
    let learn_s = (now() - started).as_secs_f64();

    let mut times = Vec::with_capacity(parts.test.len());
    let mut tested = Vec::with_capacity(parts.test.len());
    for phrase in &parts.test {
        let started = now();
        let guess = classifier.classify(&phrase.text, encoder, |_| true)?;
        times.push((now() - started).as_secs_f64() * 1e3);
        tested.extend(guess.map(|guess| Tested { intent: class(phrase), guess }));
    }
    let (inside, outside): (Vec<_>, Vec<_>) =
        tested.into_iter().partition(|tested| tested.intent.is_some());
    let right = |tested: &Tested| tested.intent == Some(tested.guess.class);
    let point = |allowed| {
        let threshold = classifier.threshold(allowed);
        let kept = |tested: &Tested| tested.guess.known >= threshold;
        OperatingPoint {
            allowed,
            rejected: share(&inside, |tested| !kept(tested)).unwrap_or(0.0),
            accuracy: share(&inside, |tested| kept(tested) && right(tested)).unwrap_or(0.0),
            recall: share(&outside, |tested| !kept(tested)),
        }
    };
    times.sort_unstable_by(f64::total_cmp);
    Ok(Report {
        intents: classes.len(),
        examples: train.len(),
        in_scope: inside.len(),
        out_of_scope: outside.len(),
        learn_s,
        accuracy: share(&inside, right).unwrap_or(0.0),
        auroc: auroc(&inside, &outside),
        curve: ALLOWED.map(point).to_vec(),
        latency_ms: Latency { p50: rank(&times, 0.5), p99: rank(&times, 0.99) },
    })
}

/// The share of which something is true; `None` of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts of phrases")]
fn share(of: &[Tested], is: impl Fn(&Tested) -> bool) -> Option<f64> {
    let count = of.iter().filter(|tested| is(tested)).count();
    (!of.is_empty()).then(|| count as f64 / of.len() as f64)
}

/// The area under the receiver operating characteristic: the chance that one of `inside` is known
/// better than one of `outside`, where equals count half (Mann and Whitney).
#[expect(clippy::cast_precision_loss, reason = "counts of phrases")]
fn auroc(inside: &[Tested], outside: &[Tested]) -> Option<f64> {
    let mut others: Vec<f32> = outside.iter().map(|tested| tested.guess.known).collect();
    others.sort_unstable_by(f32::total_cmp);
    let below = |known: f32| {
        let less = others.partition_point(|other| *other < known);
        let same = others.partition_point(|other| *other <= known) - less;
        less as f64 + same as f64 / 2.0
    };
    let sum: f64 = inside.iter().map(|tested| below(tested.guess.known)).sum();
    let pairs = inside.len() as f64 * outside.len() as f64;
    (pairs > 0.0).then(|| sum / pairs)
}

/// The value of `sorted` that the `share` of them does not exceed (nearest rank); 0 of nothing.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank within a slice's length"
)]
fn rank(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { intents, examples, in_scope, out_of_scope, learn_s, .. } = self;
        writeln!(f, "learnt       {intents} intents from {examples} phrases in {learn_s:.2} s")?;
        writeln!(f, "tested with  {in_scope} phrases in scope, {out_of_scope} out of scope")?;
        writeln!(f, "accuracy     {:.1} % in scope, if none is rejected", self.accuracy * 100.0)?;
        if let Some(auroc) = self.auroc {
            writeln!(f, "AUROC        {auroc:.3}")?;
        }
        let Latency { p50, p99 } = self.latency_ms;
        writeln!(f, "latency      {p50:.3} ms p50, {p99:.3} ms p99")?;
        writeln!(f, "\nallowed  rejected  accuracy  recall out of scope")?;
        for OperatingPoint { allowed, rejected, accuracy, recall } in &self.curve {
            let [allowed, rejected, accuracy] =
                [allowed, rejected, accuracy].map(|share| share * 100.0);
            write!(f, "{allowed:>5.0} %  {rejected:>6.1} %  {accuracy:>6.1} %")?;
            match recall {
                Some(recall) => writeln!(f, "  {:>6.1} %", recall * 100.0)?,
                None => writeln!(f, "       -")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
