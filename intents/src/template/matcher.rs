//! Runs programs over a phrase: which template says it, with what in its slots.
//!
//! Of several ways the cheapest counts: a word that the template spells costs nothing, one in a typed
//! slot little, one in free text much. So `remind me at six to call` is a time and a text, not one
//! long text. Among equals the earlier template wins.

use super::Program;
use super::program::Takes;
use crate::phrase::Phrase;
use crate::slot::{Slot, SlotValue, Span};
use std::collections::{BTreeMap, HashMap};

/// Costs of a word in a slot. Any number of the first is less than one of the second.
const TYPED_WORD_COST: usize = 1;
const TEXT_WORD_COST: usize = 1 << 10;
const UNREACHED: usize = usize::MAX;

/// All templates of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matcher {
    /// Each with the intent that it means.
    programs: Vec<(Program, usize)>,
    by_first_word: HashMap<String, Vec<usize>>,
    /// Those that may begin with a slot.
    by_slot: Vec<usize>,
}

/// What slots may be at each word of one phrase, found once for all templates.
#[derive(Debug)]
pub(crate) struct Spans<'a> {
    slots: &'a [Slot],
    pub(crate) words: &'a [String],
    found: HashMap<(usize, usize), Vec<Span<SlotValue>>>,
}

/// The way to a state: from where.
#[derive(Debug, Clone, Copy)]
struct Reached {
    cost: usize,
    from: (usize, usize),
    slot: Option<usize>,
}

/// A template that says a phrase.
#[derive(Debug, PartialEq)]
pub(crate) struct Match {
    /// The less, the more of the phrase the template spells.
    pub(crate) cost: usize,
    pub(crate) intent: usize,
    pub(crate) slots: BTreeMap<usize, SlotValue>,
}

impl<'a> Spans<'a> {
    pub(crate) fn of(phrase: &'a Phrase, slots: &'a [Slot]) -> Self {
        Self { slots, words: &phrase.words, found: HashMap::new() }
    }

    /// What `slot` may be that begins at word `at`.
    pub(crate) fn at(&mut self, slot: usize, at: usize) -> &[Span<SlotValue>] {
        let (slots, words) = (self.slots, self.words);
        self.found.entry((slot, at)).or_insert_with(|| slots[slot].spans(&words[at..]))
    }
}

impl Matcher {
    /// Adds a template of `intent`.
    pub(crate) fn add(&mut self, program: Program, intent: usize) {
        let index = self.programs.len();
        for beginning in program.beginnings() {
            match beginning {
                Some(word) => self.by_first_word.entry(word.to_owned()).or_default().push(index),
                None => self.by_slot.push(index),
            }
        }
        self.programs.push((program, intent));
    }

    /// States of all templates.
    pub(crate) fn states(&self) -> usize {
        self.programs.iter().map(|(program, _)| program.states.len()).sum()
    }

    /// The template that says what lies between one of the `starts` and one of the `ends` of a phrase,
    /// among those whose intent `may` be meant.
    pub(crate) fn find(
        &self,
        spans: &mut Spans<'_>,
        [starts, ends]: [&[usize]; 2],
        may: impl Fn(usize) -> bool,
    ) -> Option<Match> {
        let words = spans.words;
        let first = starts.iter().filter_map(|start| self.by_first_word.get(words.get(*start)?));
        let mut candidates: Vec<usize> = first.flatten().chain(&self.by_slot).copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut best: Option<Match> = None;
        let mut table = Vec::new();
        for candidate in candidates {
            let (program, intent) = &self.programs[candidate];
            if !may(*intent) {
                continue;
            }
            fill(&mut table, program, spans, starts);
            let last = program.states.len() - 1;
            let cost = |end: &usize| table[end * program.states.len() + last].cost;
            let Some(end) = ends.iter().copied().min_by_key(cost) else { continue };
            let cost = cost(&end);
            if cost < best.as_ref().map_or(UNREACHED, |best| best.cost) {
                let slots = trace(&table, program.states.len(), end, spans);
                best = Some(Match { cost, intent: *intent, slots });
            }
        }
        best
    }
}

/// The cheapest way to each state at each word: `[word, state]`.
fn fill(table: &mut Vec<Reached>, program: &Program, spans: &mut Spans<'_>, starts: &[usize]) {
    let states = program.states.len();
    let words = spans.words;
    table.clear();
    table.resize((words.len() + 1) * states, Reached { cost: UNREACHED, from: (0, 0), slot: None });
    for start in starts {
        table[start * states] = Reached { cost: 0, from: (*start, 0), slot: None };
    }
    for at in 0..=words.len() {
        // Edges lead forward, so one look at each state in order finds all that is reached here.
        for state in 0..states {
            let cost = table[at * states + state].cost;
            if cost == UNREACHED {
                continue;
            }
            let mut reach = |end: usize, to: usize, more: usize, slot| {
                let reached = &mut table[end * states + to];
                if cost + more < reached.cost {
                    *reached = Reached { cost: cost + more, from: (at, state), slot };
                }
            };
            for edge in &program.states[state] {
                match &edge.takes {
                    Takes::Nothing => reach(at, edge.to, 0, None),
                    Takes::Word(word) if words.get(at) == Some(word) => {
                        reach(at + 1, edge.to, 0, None)
                    }
                    Takes::Word(_) => {}
                    Takes::Slot(_) if at == words.len() => {}
                    Takes::Slot(slot) => {
                        for span in spans.at(*slot, at) {
                            let cost = span.length * TYPED_WORD_COST;
                            reach(at + span.length, edge.to, cost, Some(*slot));
                        }
                    }
                    Takes::Text(slot) => {
                        for end in at + 1..=words.len() {
                            let cost = (end - at) * TEXT_WORD_COST;
                            reach(end, edge.to, cost, Some(*slot));
                        }
                    }
                }
            }
        }
    }
}

/// The slots on the way to the end.
fn trace(
    table: &[Reached],
    states: usize,
    end: usize,
    spans: &mut Spans<'_>,
) -> BTreeMap<usize, SlotValue> {
    let mut slots = BTreeMap::new();
    let (mut at, mut state) = (end, states - 1);
    while state != 0 {
        let Reached { from, slot, .. } = table[at * states + state];
        if let Some(slot) = slot {
            let (begin, length) = (from.0, at - from.0);
            let words = spans.words;
            let typed = spans.at(slot, begin).iter().find(|span| span.length == length);
            let text = || SlotValue::Text(words[begin..at].join(" "));
            let value = typed.map_or_else(text, |span| span.value.clone());
            slots.insert(slot, value);
        }
        (at, state) = from;
    }
    slots
}
