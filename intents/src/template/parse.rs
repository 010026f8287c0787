//! From a template's text to its tree.

use crate::error::Fault;
use crate::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX};
use crate::phrase;
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// This word.
    Word(String),
    /// What this slot may be.
    Slot(String),
    /// These parts, one after the other.
    Sequence(Vec<Self>),
    /// One of these.
    Either(Vec<Self>),
}

impl Part {
    /// The slots in it.
    pub(crate) fn slots(&self) -> BTreeSet<&str> {
        match self {
            Self::Word(_) => BTreeSet::new(),
            Self::Slot(name) => BTreeSet::from([name.as_str()]),
            Self::Sequence(parts) | Self::Either(parts) => {
                parts.iter().flat_map(Self::slots).collect()
            }
        }
    }

    /// The fewest words that match it, counting a slot as one.
    pub(crate) fn shortest(&self) -> usize {
        match self {
            Self::Word(_) | Self::Slot(_) => 1,
            Self::Sequence(parts) => parts.iter().map(Self::shortest).sum(),
            Self::Either(parts) => parts.iter().map(Self::shortest).min().unwrap_or(0),
        }
    }
}

/// The tree of `template`.
pub(crate) fn parse(template: &str) -> Result<Part, Fault> {
    if template.len() > TEMPLATE_BYTES_MAX {
        return Err(Fault::TemplateLength { bytes: template.len() });
    }
    let mut rest = template.chars().peekable();
    let part = alternatives(&mut rest, 0)?;
    match rest.next() {
        None if part.shortest() == 0 => Err(Fault::MatchesNothing),
        None => Ok(part),
        Some(close) => Err(Fault::Unopened(close)),
    }
}

fn alternatives(rest: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Part, Fault> {
    if depth > TEMPLATE_DEPTH_MAX {
        return Err(Fault::TemplateDepth);
    }
    let mut parts = vec![sequence(rest, depth)?];
    while rest.next_if_eq(&'|').is_some() {
        parts.push(sequence(rest, depth)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Part::Either(parts) })
}

fn sequence(rest: &mut Peekable<Chars<'_>>, depth: usize) -> Result<Part, Fault> {
    let mut parts: Vec<Part> = Vec::new();
    while let Some(&next) = rest.peek() {
        let part = match next {
            '|' | ')' | ']' => break,
            '}' => return Err(Fault::Unopened('}')),
            '(' => group(rest, ')', depth)?,
            '[' => Part::Either(vec![group(rest, ']', depth)?, Part::Sequence(Vec::new())]),
            '{' => slot(rest)?,
            _ => {
                let mut text = String::new();
                while let Some(letter) = rest.next_if(|letter| !"()[]{}|".contains(*letter)) {
                    text.push(letter);
                }
                parts.extend(phrase::words(&text).into_iter().map(Part::Word));
                continue;
            }
        };
        // A phrase gives a slot one value.
        let said: BTreeSet<_> = parts.iter().flat_map(Part::slots).collect();
        if let Some(twice) = part.slots().intersection(&said).next() {
            return Err(Fault::SlotTwice((*twice).to_owned()));
        }
        parts.push(part);
    }
    Ok(Part::Sequence(parts))
}

fn group(rest: &mut Peekable<Chars<'_>>, close: char, depth: usize) -> Result<Part, Fault> {
    rest.next();
    let part = alternatives(rest, depth + 1)?;
    match rest.next() {
        Some(found) if found == close => Ok(part),
        Some(_) | None => Err(Fault::Unclosed(close)),
    }
}

fn slot(rest: &mut Peekable<Chars<'_>>) -> Result<Part, Fault> {
    rest.next();
    let mut name = String::new();
    while let Some(letter) = rest.next_if(|letter| !"{}".contains(*letter)) {
        name.push(letter);
    }
    match rest.next() {
        Some('}') => Ok(Part::Slot(name.trim().to_owned())),
        Some(_) | None => Err(Fault::Unclosed('}')),
    }
}
