//! What came before a phrase. The caller keeps it, one for each conversation, and throws it away when
//! it is stale.

use crate::pattern::Slots;
use crate::recognizer::{Recognition, Understood};
use crate::slot::SlotValue;

/// What earlier phrases said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context {
    last_intent: Option<String>,
    slots: Slots,
    question: Option<Question>,
}

/// What was asked, and for which intent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub(crate) intent: String,
    pub(crate) slots: Slots,
    pub(crate) slot: String,
}

impl Context {
    /// Takes note of what a phrase was. One out of scope ends a question, and what can be said right
    /// after the intent before; values are still remembered.
    pub fn note(&mut self, recognition: &Recognition) {
        self.question = None;
        match recognition {
            Recognition::Understood(Understood { intent, slots, .. }) => {
                self.last_intent = Some(intent.clone());
                self.slots.extend(slots.clone());
            }
            Recognition::Incomplete(lacking) => {
                self.question = Some(Question {
                    intent: lacking.intent.clone(),
                    slots: lacking.slots.clone(),
                    slot: lacking.slot.clone(),
                });
            }
            Recognition::OutOfScope { .. } => self.last_intent = None,
        }
    }

    /// Sets a value that the caller knows from elsewhere, such as a thermostat's temperature.
    pub fn set(&mut self, slot: &str, value: SlotValue) {
        self.slots.insert(slot.to_owned(), value);
    }

    /// The intent that was understood last.
    pub fn last_intent(&self) -> Option<&str> {
        self.last_intent.as_deref()
    }

    /// The last value of each slot.
    pub fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn question(&self) -> Option<&Question> {
        self.question.as_ref()
    }
}
