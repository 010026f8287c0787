//! What intents were about, by conversation: kept in memory, for a while, of a few conversations.

use intents::{Context, Recognition};
use journal::ConversationId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// More than one device has at a time.
const CONVERSATIONS_MAX: usize = 64;

/// A question that nobody has answered for so long is no longer open, and "warmer" is of nothing any more.
const STALE: Duration = Duration::from_secs(600);

/// The contexts of conversations.
#[derive(Debug, Default)]
pub(super) struct Dialogues {
    kept: BTreeMap<ConversationId, (Context, Instant)>,
}

impl Dialogues {
    /// What came before in `conversation`.
    pub(super) fn context(&self, conversation: ConversationId, now: Instant) -> Context {
        let fresh = self.kept.get(&conversation).filter(|(_, used)| now - *used < STALE);
        fresh.map(|(context, _)| context.clone()).unwrap_or_default()
    }

    /// Takes note of what was said there. The conversation that was not used for longest gives way.
    pub(super) fn note(
        &mut self,
        conversation: ConversationId,
        recognition: &Recognition,
        now: Instant,
    ) {
        let mut context = self.context(conversation, now);
        context.note(recognition);
        self.kept.insert(conversation, (context, now));
        if self.kept.len() > CONVERSATIONS_MAX {
            let oldest = self.kept.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
            oldest.and_then(|oldest| self.kept.remove(&oldest));
        }
    }

    /// Lets go of one.
    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.kept.remove(&conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use intents::{Incomplete, Lack, Slots};

    fn question() -> Recognition {
        let (intent, slot) = ("light".to_owned(), "room".to_owned());
        let (slots, lack, ask) = (Slots::new(), Lack::Missing, None);
        Recognition::Incomplete(Incomplete { intent, slots, slot, lack, ask })
    }

    #[test]
    fn a_question_is_open_for_ten_minutes_and_in_its_conversation_alone() {
        let (mut dialogues, start) = (Dialogues::default(), Instant::now());
        dialogues.note(ConversationId(1), &question(), start);
        let open = |id, after| {
            dialogues.context(ConversationId(id), start + Duration::from_secs(after))
                != Context::default()
        };
        assert!(open(1, 599) && !open(1, 600) && !open(2, 0));
    }

    #[test]
    fn the_conversation_that_was_not_used_for_longest_gives_way() {
        let (mut dialogues, start) = (Dialogues::default(), Instant::now());
        for id in 0..=CONVERSATIONS_MAX {
            let at = start + Duration::from_secs(id as u64);
            dialogues.note(ConversationId(id as u128), &question(), at);
        }
        let known = |id| dialogues.context(ConversationId(id), start) != Context::default();
        assert!(!known(0) && known(1) && known(CONVERSATIONS_MAX as u128));
    }
}
