//! Files of intents, checked and put together.

use crate::action::Plan;
use crate::error::{Fault, IntentError, Problem};
use crate::file::{IntentEntry, IntentFile};
use crate::limits::{EXAMPLES_MAX, INTENTS_MAX, SLOTS_MAX, STATES_MAX};
use crate::pattern::Pattern;
use crate::phrase::{self, Phrase};
use crate::slot::{Slot, SlotFile, SlotValue};
use crate::template::{Matcher, Part, Program, parse};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// One file's intents; names of slots are of that file.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) slots: Vec<Slot>,
    pub(crate) matcher: Matcher,
    /// Each in words.
    pub(crate) fillers: Vec<Vec<String>>,
    /// Phrases of no intent.
    pub(crate) elsewhere: Vec<String>,
}

/// A checked intent.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) name: String,
    /// The place of its set.
    pub(crate) set: usize,
    pub(crate) examples: Vec<String>,
    /// Slots that a phrase may fill, by their place in the set.
    pub(crate) slots: BTreeSet<usize>,
    /// Those of them that the action and the responses need.
    pub(crate) required: BTreeSet<usize>,
    pub(crate) defaults: BTreeMap<usize, SlotValue>,
    /// The intents that it comes right after; `None` for anywhere.
    pub(crate) follows: Option<BTreeSet<usize>>,
    pub(crate) responses: Vec<Pattern>,
    pub(crate) plan: Plan,
}

/// All sets.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) sets: Vec<Set>,
    pub(crate) intents: Vec<Intent>,
    /// The intent of each example, by its words.
    pub(crate) examples: HashMap<Vec<String>, usize>,
}

/// Collects what is wrong, so that all of it is said at once.
#[derive(Debug, Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn note(&mut self, place: impl FnOnce() -> String, fault: Fault) {
        self.0.push(Problem { place: place(), fault });
    }

    fn take<T>(&mut self, place: impl FnOnce() -> String, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.note(place, fault)).ok()
    }
}

impl Book {
    /// Checks `files`, each with the name that errors call it by.
    ///
    /// # Errors
    ///
    /// [`IntentError::Problems`], all of them.
    pub(crate) fn check(files: Vec<(String, IntentFile)>) -> Result<Self, IntentError> {
        let mut problems = Problems::default();
        let names: Vec<String> = files
            .iter()
            .flat_map(|(_, file)| &file.intents)
            .map(|intent| intent.name.clone())
            .collect();
        let mut book = Self { sets: Vec::new(), intents: Vec::new(), examples: HashMap::new() };
        if names.len() > INTENTS_MAX {
            problems.note(|| "all files".to_owned(), Fault::Intents(names.len()));
            return Err(IntentError::Problems(problems.0));
        }
        for (name, file) in files {
            book.add(&name, file, &names, &mut problems);
        }
        let all = || "all files".to_owned();
        let inside: usize = book.intents.iter().map(|intent| intent.examples.len()).sum();
        let examples = inside + book.sets.iter().map(|set| set.elsewhere.len()).sum::<usize>();
        if examples > EXAMPLES_MAX {
            problems.note(all, Fault::Examples(examples));
        }
        let states = book.sets.iter().map(|set| set.matcher.states()).sum();
        if states > STATES_MAX {
            problems.note(all, Fault::States { states });
        }
        if problems.0.is_empty() { Ok(book) } else { Err(IntentError::Problems(problems.0)) }
    }

    fn add(&mut self, name: &str, file: IntentFile, names: &[String], problems: &mut Problems) {
        let IntentFile { about: _, fillers, elsewhere, slots, intents } = file;
        let mut fillers: Vec<_> = fillers.iter().map(|filler| phrase::words(filler)).collect();
        fillers.retain(|words| !words.is_empty());
        let slots = check_slots(name, slots, problems);
        self.sets.push(Set { slots, matcher: Matcher::default(), fillers, elsewhere });
        for entry in intents {
            let place = format!("{name}, intent `{}`", entry.name);
            let intent = self.check_intent(&place, entry, names, problems);
            self.intents.push(intent);
        }
    }

    /// What is wrong is noted, and left out of the intent.
    fn check_intent(
        &mut self,
        place: &str,
        entry: IntentEntry,
        names: &[String],
        problems: &mut Problems,
    ) -> Intent {
        let IntentEntry { name, examples, templates, defaults, follows, responses, action } = entry;
        let here = || place.to_owned();
        if !is_name(&name) {
            problems.note(here, Fault::Name);
        }
        if self.intents.iter().any(|other| other.name == name) {
            problems.note(here, Fault::NameTwice);
        }
        if examples.is_empty() && templates.is_empty() {
            problems.note(here, Fault::NeverMeant);
        }
        let parts = self.check_templates(place, &templates, problems);
        let examples = self.check_examples(place, examples, problems);
        let set = self.sets.len() - 1;
        let slots = &self.sets[set].slots;
        let responses = check_responses(place, &responses, slots, problems);
        let plan = problems.take(|| format!("{place}, action"), Plan::check(action, slots));
        let plan = plan.unwrap_or(Plan::Reply);
        if responses.is_empty() && matches!(plan, Plan::Reply) {
            problems.note(here, Fault::Mute);
        }
        let index = |name: &str| slots.iter().position(|slot| slot.name == name);
        let needed = responses.iter().flat_map(Pattern::slots).chain(plan.slots());
        let required: BTreeSet<usize> = needed.filter_map(index).collect();
        let said = parts.iter().flat_map(Part::slots).filter_map(index);
        let slots = said.chain(required.iter().copied()).collect();
        let defaults = self.check_defaults(place, defaults, problems);
        let follow = |follows: Vec<String>| {
            let index = |name: String| {
                let found = names.iter().position(|known| *known == name);
                problems.take(here, found.ok_or(Fault::Follows(name)))
            };
            follows.into_iter().filter_map(index).collect()
        };
        let follows = Some(follows).filter(|follows| !follows.is_empty()).map(follow);
        Intent { name, set, examples, slots, required, defaults, follows, responses, plan }
    }

    fn check_templates(
        &mut self,
        place: &str,
        templates: &[String],
        problems: &mut Problems,
    ) -> Vec<Part> {
        let (intent, set) = (self.intents.len(), self.sets.len() - 1);
        let Set { slots, matcher, .. } = &mut self.sets[set];
        let mut parts = Vec::new();
        for template in templates {
            let place = || format!("{place}, template `{template}`");
            let made = parse(template).and_then(|part| Ok((Program::of(&part, slots)?, part)));
            if let Some((program, part)) = problems.take(place, made) {
                matcher.add(program, intent);
                parts.push(part);
            }
        }
        parts
    }

    /// Templates match what they spell; so do examples.
    fn check_examples(
        &mut self,
        place: &str,
        examples: Vec<String>,
        problems: &mut Problems,
    ) -> Vec<String> {
        let intent = self.intents.len();
        let mut checked = Vec::new();
        for example in examples {
            let Some(phrase) = Phrase::of(&example) else {
                problems.note(|| place.to_owned(), Fault::Example(example));
                continue;
            };
            match self.examples.insert(phrase.words, intent) {
                Some(other) if other != intent => {
                    let other = self.intents[other].name.clone();
                    problems.note(|| place.to_owned(), Fault::ExampleTwice { example, other });
                }
                Some(_) | None => checked.push(example),
            }
        }
        checked
    }

    fn check_defaults(
        &self,
        place: &str,
        defaults: BTreeMap<String, String>,
        problems: &mut Problems,
    ) -> BTreeMap<usize, SlotValue> {
        let slots = &self.sets.last().expect("a set is there before its intents").slots;
        let check = |(name, value): (String, String)| {
            let index = slots.iter().position(|slot| slot.name == name);
            let index = index.ok_or_else(|| Fault::unknown_slot(&name, slots))?;
            let read = slots[index].read(&phrase::words(&value));
            Ok((index, read.ok_or(Fault::Default { slot: name, value })?))
        };
        let taken = defaults
            .into_iter()
            .filter_map(|default| problems.take(|| format!("{place}, defaults"), check(default)));
        taken.collect()
    }
}

fn check_slots(
    file: &str,
    slots: BTreeMap<String, SlotFile>,
    problems: &mut Problems,
) -> Vec<Slot> {
    if slots.len() > SLOTS_MAX {
        problems.note(|| file.to_owned(), Fault::Slots(slots.len()));
        return Vec::new();
    }
    let place = |name: &str| format!("{file}, slot `{name}`");
    let mut checked: Vec<Slot> = Vec::new();
    for (name, slot) in slots {
        let named = if is_name(&name) { Ok(()) } else { Err(Fault::Name) };
        let slot = named.and_then(|()| Slot::check(&name, slot));
        checked.extend(problems.take(|| place(&name), slot));
    }
    let is_number =
        |name: &str| checked.iter().any(|slot| slot.name == name && slot.kind.number().is_some());
    for slot in &checked {
        let base = slot.kind.number().and_then(|number| number.relative_to.as_ref());
        if let Some(base) = base.filter(|base| !is_number(base)) {
            problems.note(|| place(&slot.name), Fault::NotANumber(base.clone()));
        }
    }
    checked
}

fn check_responses(
    place: &str,
    responses: &[String],
    slots: &[Slot],
    problems: &mut Problems,
) -> Vec<Pattern> {
    let check = |response: &String| {
        let pattern = Pattern::parse(response)?;
        let unknown = pattern.slots().find(|name| !slots.iter().any(|slot| slot.name == *name));
        unknown.map_or(Ok(()), |name| Err(Fault::unknown_slot(name, slots)))?;
        Ok(pattern)
    };
    let place = |response: &str| format!("{place}, response `{response}`");
    responses
        .iter()
        .filter_map(|response| problems.take(|| place(response), check(response)))
        .collect()
}

fn is_name(name: &str) -> bool {
    let fine =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(fine)
}

impl Set {
    /// Where a template may begin and end in `words`: at their ends, or next to fillers there.
    pub(crate) fn edges(&self, words: &[String]) -> [Vec<usize>; 2] {
        let mut starts = vec![0];
        let mut ends = vec![words.len()];
        let mut next = 0;
        while let Some(&at) = starts.get(next) {
            for filler in self.fillers.iter().filter(|filler| words[at..].starts_with(filler)) {
                insert(&mut starts, at + filler.len());
            }
            next += 1;
        }
        next = 0;
        while let Some(&at) = ends.get(next) {
            for filler in self.fillers.iter().filter(|filler| words[..at].ends_with(filler)) {
                insert(&mut ends, at - filler.len());
            }
            next += 1;
        }
        [starts, ends]
    }
}

fn insert(found: &mut Vec<usize>, at: usize) {
    if !found.contains(&at) {
        found.push(at);
    }
}
