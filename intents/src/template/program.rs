//! From a template's tree to states and edges, all of which lead forward.

use super::Part;
use crate::error::Fault;
use crate::limits::TEMPLATE_STATES_MAX;
use crate::slot::{Slot, SlotKind};

/// What an edge takes from the phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// This word.
    Word(String),
    /// Words that mean a value of this slot.
    Slot(usize),
    /// One word or more, whatever they are, for this slot.
    Text(usize),
}

/// A way from one state to a later one.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    pub(crate) takes: Takes,
}

/// A template, ready to run: state 0 is its beginning, the last one its end.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    /// The edges that leave each state. Each leads to a state of a higher number.
    pub(crate) states: Vec<Vec<Edge>>,
}

impl Program {
    /// `slots` are those of the template's file; edges name them by their place in it.
    pub(crate) fn of(part: &Part, slots: &[Slot]) -> Result<Self, Fault> {
        let mut program = Self { states: vec![Vec::new()] };
        program.append(part, slots)?;
        Ok(program)
    }

    /// What a phrase may begin with: words, or `None` for a slot.
    pub(crate) fn beginnings(&self) -> Vec<Option<&str>> {
        let mut reached = vec![false; self.states.len()];
        reached[0] = true;
        let mut beginnings = Vec::new();
        for (state, edges) in self.states.iter().enumerate() {
            if !reached[state] {
                continue;
            }
            for edge in edges {
                match &edge.takes {
                    Takes::Nothing => reached[edge.to] = true,
                    Takes::Word(word) => beginnings.push(Some(word.as_str())),
                    Takes::Slot(_) | Takes::Text(_) => beginnings.push(None),
                }
            }
        }
        beginnings.sort_unstable();
        beginnings.dedup();
        beginnings
    }

    /// Appends `part` behind the last state.
    fn append(&mut self, part: &Part, slots: &[Slot]) -> Result<(), Fault> {
        match part {
            Part::Word(word) => self.step(Takes::Word(word.clone())),
            Part::Slot(name) => {
                let index = slots.iter().position(|slot| slot.name == *name);
                let index = index.ok_or_else(|| Fault::unknown_slot(name, slots))?;
                match slots[index].kind {
                    SlotKind::Text => self.step(Takes::Text(index)),
                    SlotKind::Number(_) | SlotKind::Choice(_) | SlotKind::Time => {
                        self.step(Takes::Slot(index))
                    }
                }
            }
            Part::Sequence(parts) => parts.iter().try_for_each(|part| self.append(part, slots)),
            Part::Either(parts) => self.append_either(parts, slots),
        }
    }

    fn append_either(&mut self, parts: &[Part], slots: &[Slot]) -> Result<(), Fault> {
        let fork = self.states.len() - 1;
        let mut ends = Vec::with_capacity(parts.len());
        for part in parts {
            let begin = self.states.len();
            self.state()?;
            self.states[fork].push(Edge { to: begin, takes: Takes::Nothing });
            self.append(part, slots)?;
            ends.push(self.states.len() - 1);
        }
        let join = self.states.len();
        self.state()?;
        for end in ends {
            self.states[end].push(Edge { to: join, takes: Takes::Nothing });
        }
        Ok(())
    }

    fn step(&mut self, takes: Takes) -> Result<(), Fault> {
        let (from, to) = (self.states.len() - 1, self.states.len());
        self.state()?;
        self.states[from].push(Edge { to, takes });
        Ok(())
    }

    fn state(&mut self) -> Result<(), Fault> {
        if self.states.len() == TEMPLATE_STATES_MAX {
            return Err(Fault::TemplateStates);
        }
        self.states.push(Vec::new());
        Ok(())
    }
}
