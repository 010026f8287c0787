//! From what was said to what is to be done.
//!
//! ```text
//!   phrase ─▶ an answer to what was asked? ─▶ a template or example, exactly? ─▶ the classifier
//!                          │                              │                        │
//!                          └───────────── intent ◀────────┴────────────────────────┤
//!                                           │ slots: said, remembered, default     │
//!                               Understood ◀┴▶ Incomplete                      OutOfScope
//! ```

use crate::action::Action;
use crate::book::{Book, Intent};
use crate::classifier::{Classifier, Example};
use crate::context::{Context, Question};
use crate::encoder::SentenceEncoder;
use crate::error::{Fault, IntentError, Problem};
use crate::file::IntentFile;
use crate::pattern::Slots;
use crate::phrase::Phrase;
use crate::slot::{Slot, SlotValue};
use crate::template::Spans;
use serde::Serialize;
use std::collections::BTreeMap;

/// Understands the phrases of some sets of intents.
#[derive(Debug)]
pub struct Recognizer {
    book: Book,
    classifier: Classifier,
    threshold: f32,
    encoder: Option<Box<dyn SentenceEncoder>>,
}

/// What a phrase is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Recognition {
    /// An intent with all that it needs.
    Understood(Understood),
    /// An intent that needs to know more.
    Incomplete(Incomplete),
    /// None of the intents: a question for a model.
    OutOfScope {
        /// The nearest intent, where the text is a phrase at all.
        nearest: Option<String>,
    },
}

/// How an intent was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A template or an example says the phrase.
    Exact,
    /// It answers what was asked.
    Answer,
    /// The classifier, with this confidence from 0 to 1.
    Classifier(f32),
}

/// A phrase that is understood.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Understood {
    /// The intent's name.
    pub intent: String,
    /// How it was found.
    pub means: Means,
    /// Slots that were said, are remembered, or have a default.
    pub slots: Slots,
    /// What is to be done.
    pub action: Action,
    /// What may be said of it, one of them; none where the action's outcome says it.
    pub responses: Vec<String>,
}

/// A phrase that lacks something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incomplete {
    /// The intent's name.
    pub intent: String,
    /// Slots that are known.
    pub slots: Slots,
    /// The slot to ask for.
    pub slot: String,
    /// Why.
    pub lack: Lack,
    /// What to ask, where the file says it.
    pub ask: Option<String>,
}

/// What is wrong with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// It was not said.
    Missing,
    /// It was said, and is not between these.
    OutOfRange {
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
    },
}

/// Slots of an intent by their place in its set.
type Found = BTreeMap<usize, SlotValue>;

impl Recognizer {
    /// Checks `files`, each with the name that errors call it by, and learns from their examples.
    ///
    /// At most the share `rejected` of phrases in scope shall be taken for out of scope; the more, the
    /// fewer phrases out of scope are taken for an intent. With an `encoder`, what phrases mean counts
    /// beside their words.
    ///
    /// # Errors
    ///
    /// [`IntentError`], with all problems at once.
    pub fn new(
        files: Vec<(String, IntentFile)>,
        rejected: f64,
        encoder: Option<Box<dyn SentenceEncoder>>,
    ) -> Result<Self, IntentError> {
        if !(0.0..=0.5).contains(&rejected) {
            let place = "reject".to_owned();
            return Err(IntentError::Problems(vec![Problem {
                place,
                fault: Fault::Rejected(rejected),
            }]));
        }
        let book = Book::check(files)?;
        let mut examples = Vec::new();
        for (class, intent) in book.intents.iter().enumerate() {
            let example = |text: &String| Example { text: text.clone(), class: Some(class) };
            examples.extend(intent.examples.iter().map(example));
        }
        let elsewhere = book.sets.iter().flat_map(|set| &set.elsewhere);
        examples.extend(elsewhere.map(|text| Example { text: text.clone(), class: None }));
        let classes = book.intents.len();
        let classifier = Classifier::learn(&examples, None, classes, encoder.as_deref())?;
        let threshold = classifier.threshold(rejected);
        Ok(Self { book, classifier, threshold, encoder })
    }

    /// The intents' names, in the order of the files.
    pub fn intents(&self) -> impl Iterator<Item = &str> {
        self.book.intents.iter().map(|intent| intent.name.as_str())
    }

    /// What `text` is, after what the `context` says came before. Takes less than a millisecond without
    /// an encoder, on any text.
    ///
    /// # Errors
    ///
    /// [`IntentError::Encoder`].
    pub fn recognize(&self, text: &str, context: &Context) -> Result<Recognition, IntentError> {
        let Some(phrase) = Phrase::of(text) else {
            return Ok(Recognition::OutOfScope { nearest: None });
        };
        if let Some((intent, found)) = self.exact(&phrase, context) {
            return Ok(self.complete(intent, found, Means::Exact, context));
        }
        if let Some((intent, found)) = self.answer(&phrase, context) {
            return Ok(self.complete(intent, found, Means::Answer, context));
        }
        let may = |intent: usize| self.may_follow(intent, context);
        let Some(guess) = self.classifier.classify(text, self.encoder.as_deref(), may)? else {
            return Ok(Recognition::OutOfScope { nearest: None });
        };
        if guess.known < self.threshold {
            let nearest = Some(self.book.intents[guess.class].name.clone());
            return Ok(Recognition::OutOfScope { nearest });
        }
        let found = self.scan(guess.class, &phrase);
        Ok(self.complete(guess.class, found, Means::Classifier(guess.confidence), context))
    }

    /// Whether an intent can be meant where the last one was the context's.
    fn may_follow(&self, intent: usize, context: &Context) -> bool {
        let last = context.last_intent().and_then(|last| self.index(last));
        let follows = self.book.intents[intent].follows.as_ref();
        follows.is_none_or(|follows| last.is_some_and(|last| follows.contains(&last)))
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.book.intents.iter().position(|intent| intent.name == name)
    }

    /// The intent whose example or template says the phrase. Words of an example are of no slot, so
    /// that its intent wins over a template of another.
    fn exact(&self, phrase: &Phrase, context: &Context) -> Option<(usize, Found)> {
        let example = self.book.examples.get(&phrase.words).copied();
        let example = example.filter(|intent| self.may_follow(*intent, context));
        let may = |intent: usize| match example {
            Some(example) => intent == example,
            None => self.may_follow(intent, context),
        };
        let matches = self.book.sets.iter().filter_map(|set| {
            let [starts, ends] = set.edges(&phrase.words);
            set.matcher.find(&mut Spans::of(phrase, &set.slots), [&starts, &ends], may)
        });
        match matches.min_by_key(|found| found.cost) {
            Some(found) => Some((found.intent, found.slots)),
            None => example.map(|intent| (intent, self.scan(intent, phrase))),
        }
    }

    /// The intent that asked, with what the phrase answers.
    fn answer(&self, phrase: &Phrase, context: &Context) -> Option<(usize, Found)> {
        let Question { intent, slots, slot } = context.question()?;
        let intent = self.index(intent)?;
        let set = &self.book.sets[self.book.intents[intent].set];
        let place = |name: &str| set.slots.iter().position(|slot| slot.name == name);
        let asked = place(slot)?;
        let [starts, ends] = set.edges(&phrase.words);
        let spoken =
            |start: usize, end: usize| set.slots[asked].read(phrase.words.get(start..end)?);
        let mut answers =
            starts.iter().flat_map(|start| ends.iter().map(move |end| (*start, *end)));
        let value = answers.find_map(|(start, end)| spoken(start, end))?;
        let known = slots.iter().filter_map(|(name, value)| Some((place(name)?, value.clone())));
        Some((intent, known.chain([(asked, value)]).collect()))
    }

    /// Slots of an intent that stand anywhere in a phrase: longer ones first, none over another.
    fn scan(&self, intent: usize, phrase: &Phrase) -> Found {
        let Intent { set, slots, .. } = &self.book.intents[intent];
        let mut spans = Spans::of(phrase, &self.book.sets[*set].slots);
        let mut candidates = Vec::new();
        for slot in slots {
            for at in 0..phrase.words.len() {
                let found = spans.at(*slot, at).iter();
                candidates.extend(found.map(|span| (span.length, at, *slot, span.value.clone())));
            }
        }
        candidates.sort_by_key(|(length, at, slot, _)| (usize::MAX - length, *at, *slot));
        let mut taken = vec![false; phrase.words.len()];
        let mut found = Found::new();
        for (length, at, slot, value) in candidates {
            let words = &mut taken[at..at + length];
            if !found.contains_key(&slot) && !words.contains(&true) {
                words.fill(true);
                found.insert(slot, value);
            }
        }
        found
    }

    /// Fills what a phrase did not say, and says what is to be done.
    fn complete(
        &self,
        index: usize,
        mut found: Found,
        means: Means,
        context: &Context,
    ) -> Recognition {
        let intent = &self.book.intents[index];
        let slots = &self.book.sets[intent.set].slots;
        for place in &intent.slots {
            let remembered = slots[*place].recall(context);
            let default = || intent.defaults.get(place).cloned();
            if !found.contains_key(place)
                && let Some(value) = remembered.or_else(default)
            {
                found.insert(*place, value);
            }
        }
        let lack = lack_of_range(slots, &found).or_else(|| {
            let missing = intent.required.iter().find(|place| !found.contains_key(*place));
            missing.map(|place| (*place, Lack::Missing))
        });
        let said = |except: Option<usize>| -> Slots {
            let kept = found.iter().filter(|(place, _)| Some(**place) != except);
            kept.map(|(place, value)| (slots[*place].name.clone(), value.clone())).collect()
        };
        if let Some((place, lack)) = lack {
            let Slot { name, ask, .. } = &slots[place];
            return Recognition::Incomplete(Incomplete {
                intent: intent.name.clone(),
                slots: said(Some(place)),
                slot: name.clone(),
                lack,
                ask: ask.clone(),
            });
        }
        let mut said = said(None);
        apply_changes(slots, &mut said, context);
        let spoken =
            intent.responses.iter().map(|response| response.fill(&said, SlotValue::spoken));
        Recognition::Understood(Understood {
            intent: intent.name.clone(),
            means,
            action: intent.plan.fill(&said),
            responses: spoken.collect(),
            slots: said,
        })
    }
}

impl Slot {
    /// The value before, where this slot is one that is remembered and could have said it.
    fn recall(&self, context: &Context) -> Option<SlotValue> {
        let value = context.slots().get(&self.name).filter(|_| self.remembered)?;
        let again = self.read(&crate::phrase::words(&value.spoken()));
        again.filter(|again| again == value)
    }
}

fn lack_of_range(slots: &[Slot], found: &Found) -> Option<(usize, Lack)> {
    found.iter().find_map(|(place, value)| {
        let number = slots[*place].kind.number()?;
        let SlotValue::Number { value, .. } = value else { return None };
        let (min, max) = (number.min, number.max);
        (!number.holds(*value)).then_some((*place, Lack::OutOfRange { min, max }))
    })
}

/// Where a slot changes another whose value is known, that one gets its new value, within its range.
fn apply_changes(slots: &[Slot], said: &mut Slots, context: &Context) {
    let changes: Vec<_> = said.values().filter_map(SlotValue::change).collect();
    let changed = changes.into_iter().filter_map(|(base, change)| {
        let slot = slots.iter().find(|slot| slot.name == base)?;
        let number = slot.kind.number()?;
        let before = context.slots().get(&base)?.number()?;
        Some((base, number.value((before + change).clamp(number.min, number.max))))
    });
    let changed: Vec<_> = changed.collect();
    said.extend(changed);
}

impl SlotValue {
    /// The number, where it is one that stands for itself.
    fn number(&self) -> Option<f64> {
        match self {
            Self::Number { value, relative_to: None, .. } => Some(*value),
            Self::Number { .. } | Self::Choice(_) | Self::Time(_) | Self::Text(_) => None,
        }
    }

    /// The slot that this changes, and by how much.
    fn change(&self) -> Option<(String, f64)> {
        match self {
            Self::Number { value, relative_to: Some(base), .. } => Some((base.clone(), *value)),
            Self::Number { .. } | Self::Choice(_) | Self::Time(_) | Self::Text(_) => None,
        }
    }
}
