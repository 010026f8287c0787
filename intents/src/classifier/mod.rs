//! Which class a phrase is of, and whether it is of any: learnt from examples at load.
//!
//! ```text
//!   examples ─▶ Counts ─▶ Vocabulary ─▶ vectors ─▶ Linear ─┐
//!        └─ held out: scores ─▶ temperature, threshold ────┴▶ Classifier ─ phrase ─▶ Guess
//! ```
//!
//! Where nobody gives phrases to hold out, examples are held out in turns: a classifier that learnt from
//! the others scores them, and one that learns from all is what stays.
//!
//! # Invariants
//!
//! - **The same examples give the same classifier**: there is no clock and no chance in it.
//! - **No threshold is fitted on what was learnt from**, nor on phrases out of scope.

mod calibration;
mod features;
mod linear;

use crate::encoder::SentenceEncoder;
use crate::error::IntentError;
use crate::limits::WEIGHTS_MAX;
use crate::phrase::Phrase;
use calibration::{HeldOut, probability, score, temperature, threshold};
use features::{Counts, Vector, Vocabulary};
use linear::{Linear, Sample};
use std::collections::BTreeMap;

/// A phrase and the class that it is of.
#[derive(Debug, Clone)]
pub struct Example {
    /// The phrase. What is no phrase (no words, or over a limit) teaches nothing.
    pub text: String,
    /// Its class, from 0; `None` for a phrase of no class.
    pub class: Option<usize>,
}

/// What a classifier makes of a phrase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guess {
    /// The likeliest class.
    pub class: usize,
    /// Its probability among the classes, calibrated.
    pub confidence: f32,
    /// How much the phrase is one of the known ones; in scope from some
    /// [`Classifier::threshold`] on.
    pub known: f32,
    /// How far the class's score is ahead of the next.
    pub margin: f32,
}

/// Tells classes of phrases apart.
#[derive(Debug, Clone)]
pub struct Classifier {
    model: Model,
    classes: usize,
    temperature: f32,
    /// [`Guess::known`] of held-out phrases, in order.
    held_out: Vec<f32>,
}

/// Folds of examples that are held out in turns, at most, and what they may take together: each costs as
/// much as learning from all, 1 ms for 10 examples of 150 classes.
const FOLDS_MAX: usize = 5;
const FOLDED_EXAMPLES_MAX: usize = 15_000;

impl Classifier {
    /// Learns `classes` classes from `examples`, among which may be some of no class, and from `held_out`, or else the examples themselves,
    /// how sure it may be.
    ///
    /// Takes about a second for 15,000 examples of 150 classes.
    ///
    /// # Errors
    ///
    /// [`IntentError::TooFew`], [`IntentError::TooLarge`], [`IntentError::Encoder`].
    ///
    /// # Panics
    ///
    /// Where a class is not below `classes`.
    pub fn learn(
        examples: &[Example],
        held_out: Option<&[Example]>,
        classes: usize,
        encoder: Option<&dyn SentenceEncoder>,
    ) -> Result<Self, IntentError> {
        let examples = read(examples, classes, encoder)?;
        let mut taught: Vec<usize> = examples.iter().map(|example| example.class).collect();
        taught.sort_unstable();
        taught.dedup();
        let all = taught.last().map_or(0, |last| classes.max(last + 1));
        taught.retain(|class| *class < classes);
        if taught.len() < 2 {
            return Err(IntentError::TooFew { intents: taught.len() });
        }
        let every: Vec<&Read> = examples.iter().collect();
        let model = Model::learn(&every, all)?;
        let mut held_out: Vec<HeldOut> = match held_out {
            Some(held_out) => {
                let held_out = read(held_out, classes, encoder)?;
                held_out.iter().map(|example| (model.scores(example), example.class)).collect()
            }
            None => hold_out_in_turns(&examples, all)?,
        };
        held_out.retain(|(_, class)| *class < classes);
        let known = known(&held_out, classes);
        Ok(Self { model, classes, temperature: temperature(&held_out), held_out: known })
    }

    /// The likeliest class of `text` among those that `may` be meant; `None` where it is no phrase.
    ///
    /// # Errors
    ///
    /// [`IntentError::Encoder`].
    pub fn classify(
        &self,
        text: &str,
        encoder: Option<&dyn SentenceEncoder>,
        may: impl Fn(usize) -> bool,
    ) -> Result<Option<Guess>, IntentError> {
        let Some(read) = Read::of(text, self.classes, encoder)? else { return Ok(None) };
        let scores = self.model.scores(&read);
        Ok(score(&scores, self.classes, may).map(|scored| Guess {
            class: scored.class,
            confidence: probability(&scores, scored.class, self.temperature),
            known: scored.known,
            margin: scored.margin,
        }))
    }

    /// The smallest [`Guess::known`] that is in scope, so that of held-out phrases in scope at most the
    /// share `rejected` is below it.
    pub fn threshold(&self, rejected: f64) -> f32 {
        threshold(&self.held_out, rejected)
    }
}

/// An example as far as it does not depend on the others.
#[derive(Debug)]
struct Read {
    counts: Counts,
    embedding: Option<Vec<f32>>,
    /// No class is the one behind all others.
    class: usize,
}

impl Read {
    fn of(
        text: &str,
        class: usize,
        encoder: Option<&dyn SentenceEncoder>,
    ) -> Result<Option<Self>, IntentError> {
        let Some(phrase) = Phrase::of(text) else { return Ok(None) };
        let embedding = encoder.map(|encoder| encoder.encode(text)).transpose()?;
        Ok(Some(Self { counts: Counts::of(&phrase.words), embedding, class }))
    }
}

fn read(
    examples: &[Example],
    classes: usize,
    encoder: Option<&dyn SentenceEncoder>,
) -> Result<Vec<Read>, IntentError> {
    let read = |example: &Example| {
        let class = example.class.unwrap_or(classes);
        assert!(example.class.is_none_or(|class| class < classes), "class {class} of {classes}");
        Read::of(&example.text, class, encoder).transpose()
    };
    examples.iter().filter_map(read).collect()
}

fn known(held_out: &[HeldOut], classes: usize) -> Vec<f32> {
    let scored = held_out.iter().filter_map(|(scores, _)| score(scores, classes, |_| true));
    let mut known: Vec<f32> = scored.map(|scored| scored.known).collect();
    known.sort_unstable_by(f32::total_cmp);
    known
}

/// Scores of each example by a model that learnt from others.
fn hold_out_in_turns(examples: &[Read], classes: usize) -> Result<Vec<HeldOut>, IntentError> {
    let turns = (FOLDED_EXAMPLES_MAX / examples.len().max(1)).clamp(1, FOLDS_MAX);
    let mut held_out = Vec::new();
    let folds = folds(examples);
    for turn in 0..turns {
        let is_out = |at: &usize| folds[*at] == turn;
        let (out, kept): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(is_out);
        let kept: Vec<&Read> = kept.into_iter().map(|at| &examples[at]).collect();
        let model = Model::learn(&kept, classes)?;
        held_out
            .extend(out.into_iter().map(|at| (model.scores(&examples[at]), examples[at].class)));
    }
    Ok(held_out)
}

/// The fold of each example: neighbours of a class together, since people write what is alike in a row,
/// and an example whose like was learnt would say little.
fn folds(examples: &[Read]) -> Vec<usize> {
    let mut sizes = BTreeMap::new();
    let mut place = |class| {
        let size = sizes.entry(class).or_insert(0);
        *size += 1;
        *size - 1
    };
    let places: Vec<usize> = examples.iter().map(|example| place(example.class)).collect();
    let fold = |(example, place): (&Read, &usize)| place * FOLDS_MAX / sizes[&example.class];
    examples.iter().zip(&places).map(fold).collect()
}

/// A vocabulary and the weights of its rows, embeddings behind words.
#[derive(Debug, Clone)]
struct Model {
    vocabulary: Vocabulary,
    /// The mean of the examples' embeddings: what all phrases have in common tells nothing.
    centre: Vec<f32>,
    linear: Linear,
}

/// The length of embeddings beside that of words and of letters, each 1.
const EMBEDDING_LENGTH: f32 = 1.2;

impl Model {
    fn learn(examples: &[&Read], classes: usize) -> Result<Self, IntentError> {
        let vocabulary = Vocabulary::of(examples.iter().map(|example| &example.counts));
        let centre = centre(examples);
        let rows = vocabulary.rows() + centre.len();
        if rows.saturating_mul(classes) > WEIGHTS_MAX {
            return Err(IntentError::TooLarge { features: rows, intents: classes });
        }
        let vectors: Vec<Vector> =
            examples.iter().map(|example| vector(&vocabulary, &centre, example)).collect();
        let sample = |(vector, example): (_, &&Read)| Sample { vector, class: example.class };
        let samples: Vec<Sample<'_>> = vectors.iter().zip(examples).map(sample).collect();
        let linear = Linear::learn(&samples, rows, classes);
        Ok(Self { vocabulary, centre, linear })
    }

    fn scores(&self, example: &Read) -> Vec<f32> {
        self.linear.scores(&vector(&self.vocabulary, &self.centre, example))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer examples than 2^24")]
fn centre(examples: &[&Read]) -> Vec<f32> {
    let embeddings = || examples.iter().filter_map(|example| example.embedding.as_deref());
    let mut centre = vec![0.0; embeddings().next().map_or(0, <[f32]>::len)];
    for embedding in embeddings() {
        centre.iter_mut().zip(embedding).for_each(|(sum, value)| *sum += value);
    }
    centre.iter_mut().for_each(|sum| *sum /= examples.len() as f32);
    centre
}

fn vector(vocabulary: &Vocabulary, centre: &[f32], example: &Read) -> Vector {
    let mut vector = vocabulary.vector(&example.counts);
    let rows = (0_u32..).skip(vocabulary.rows());
    let embedding = example.embedding.iter().flatten().zip(centre);
    let values = embedding.map(|(value, centre)| EMBEDDING_LENGTH * (value - centre));
    vector.extend(rows.zip(values));
    vector
}

#[cfg(test)]
mod tests;
