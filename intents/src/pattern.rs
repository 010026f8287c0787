//! Text with slots in it, such as a response: `Heating set to {temperature}.`

use crate::error::Fault;
use crate::slot::SlotValue;
use std::collections::BTreeMap;

/// The slots of a phrase by name.
pub type Slots = BTreeMap<String, SlotValue>;

/// A text with gaps for slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(String),
}

impl Pattern {
    /// Refuses a brace that has no partner.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(Fault::Unclosed('}'))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Slot(name.trim().to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        let stray = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
        if pieces.iter().any(stray) {
            return Err(Fault::Unopened('}'));
        }
        Ok(Self { pieces })
    }

    /// The slots that it needs.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Slot(name) => Some(name.as_str()),
        })
    }

    /// What stands before the first slot.
    pub(crate) fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            Some(Piece::Slot(_)) | None => "",
        }
    }

    /// The one slot that it consists of, where it does.
    pub(crate) fn only_slot(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Slot(name)] => Some(name),
            _ => None,
        }
    }

    /// The text with `slots` as `written`.
    ///
    /// # Panics
    ///
    /// Where a slot is missing: the caller sees to it that what a pattern needs is there.
    pub(crate) fn fill(&self, slots: &Slots, written: impl Fn(&SlotValue) -> String) -> String {
        let text = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Slot(name) => written(
                slots.get(name).expect("what a pattern needs was there before it is filled"),
            ),
        });
        text.collect()
    }
}
