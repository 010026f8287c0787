//! A request that waits, as it is written down: all that is needed to ask it, its seed included, so that it has one
//! text however often it is asked.

use super::carry::answer;
use super::weigh::Weighed;
use super::{Acts, Answer, Ask, AskError, Assistant};
use base::{Grammar, Privacy, Sampling};
use journal::{Deferred, JournalError, Turn};
use protocol::AfterOutage;
use routing::{Decision, Route};
use serde::{Deserialize, Serialize};

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    /// How far it may travel.
    pub(super) class: Privacy,
    pub(super) sampling: Sampling,
    pub(super) tokens_max: u32,
    pub(super) stop: Vec<String>,
    /// What the answer must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) grammar: Option<Grammar>,
    /// The most bytes that it may take of the links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bytes_max: Option<u64>,
    /// What becomes of words that are said without the target; as configured, where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after_outage: Option<AfterOutage>,
    /// What was said at last: with the key it is the same request.
    pub(super) text: String,
    /// What it was taken for: rules may be about it.
    pub(super) intent: Option<String>,
    /// The conversation as a model reads it, in pairs of role and words, the question included.
    turns: Vec<(String, String)>,
}

impl Waiting {
    /// The conversation as a model reads it.
    pub(super) fn turns(&self) -> Vec<runtime::Turn> {
        let turn = |(role, content): &(String, String)| runtime::Turn::said(role, content);
        self.turns.iter().map(turn).collect()
    }

    /// As it was written.
    ///
    /// # Errors
    ///
    /// Where another program wrote it.
    pub(super) fn read(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// As it is written, in at most `bytes_max`. Of a conversation that is kept here the oldest turns give way for
    /// that; one that its caller keeps, with what it says to the model at its beginning, is asked whole or not at all.
    ///
    /// # Errors
    ///
    /// [`AskError::TooLongToWait`].
    fn write(mut self, bytes_max: usize, is_kept: bool) -> Result<String, AskError> {
        loop {
            let body = serde_json::to_string(&self).expect("it has no maps");
            let bytes = body.len();
            if bytes <= bytes_max {
                return Ok(body);
            }
            if !is_kept || self.turns.len() < 3 {
                return Err(AskError::TooLongToWait { bytes, bytes_max });
            }
            self.turns.drain(..2);
        }
    }
}

impl<H: Acts> Assistant<H> {
    /// What became of a request that was asked before with the same key, and waits or waited.
    pub(super) fn asked_before(&self, ask: &Ask) -> Result<Option<Answer>, AskError> {
        let Some(key) = &ask.key else { return Ok(None) };
        let all = self.mind.memory.journal(|journal| journal.all_deferred()).transpose()?;
        let Some(known) =
            all.unwrap_or_default().into_iter().find(|known| known.request.key == *key)
        else {
            return Ok(None);
        };
        let request = &known.request;
        let elsewhere = ask.conversation.is_some_and(|wanted| wanted != request.conversation);
        match Waiting::read(&request.body) {
            Ok(waiting) if waiting.text == ask.text && !elsewhere => {
                Ok(Some(again(&known, waiting.class)))
            }
            Ok(_) | Err(_) => {
                let taken = JournalError::Taken { what: "idempotency key", name: key.clone() };
                Err(taken.into())
            }
        }
    }

    /// Has it wait.
    pub(super) fn put_off(
        &self,
        ask: &Ask,
        weighed: Weighed,
        said: &Turn,
    ) -> Result<Answer, AskError> {
        let id = self.new_request();
        let waiting = Waiting {
            class: weighed.decision.class,
            sampling: self.sampling(ask)?,
            tokens_max: weighed.tokens_max,
            stop: self.stop(ask),
            grammar: ask.grammar.clone(),
            bytes_max: ask.bytes_max,
            after_outage: ask.after_outage,
            text: ask.text.clone(),
            intent: weighed.intent.as_ref().map(|intent| intent.name.clone()),
            turns: weighed.turns.iter().map(|t| (t.role.clone(), t.content.clone())).collect(),
        };
        let request = journal::Request {
            id,
            key: ask.key.clone().unwrap_or_else(|| id.to_string()),
            conversation: weighed.conversation,
            body: waiting.write(self.mind.limits.text_bytes_max, weighed.is_kept)?,
            callback: ask.callback.clone(),
            expires: said.at.after(ask.deadline.unwrap_or(self.mind.routing.wait)),
        };
        let class = weighed.decision.class;
        let deferred = self.mind.memory.journal(|journal| journal.defer(request, class, said));
        let deferred = match deferred.expect("nothing is put off without a journal") {
            // The same was said at the same time, and was faster.
            Err(error @ JournalError::Taken { .. }) => {
                return self.asked_before(ask)?.ok_or_else(|| error.into());
            }
            deferred => deferred?,
        };
        let answer = answer(weighed, Route::Deferred, String::new());
        Ok(Answer { deferred: Some(deferred.request.id), ..answer })
    }
}

/// The answer to a request that is known.
fn again(known: &Deferred, class: Privacy) -> Answer {
    let (route, rules, considered) = (Route::Deferred, Vec::new(), Vec::new());
    Answer {
        conversation: known.request.conversation,
        route,
        decision: Decision { route: Some(route), class, rules, considered },
        text: String::new(),
        reply: None,
        deferred: Some(known.request.id),
        intent: None,
        outcome: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        let turn = |role: &str, text: &str| (role.to_owned(), text.to_owned());
        Waiting {
            class: Privacy::Site,
            sampling: Sampling::new(0.7, 40, 0.9, u64::MAX).unwrap(),
            tokens_max: 9,
            stop: vec!["\n".to_owned()],
            grammar: Some(Grammar::Regex("[a-z]+".to_owned())),
            bytes_max: Some(4_096),
            after_outage: Some(AfterOutage::Revise),
            text: "why?".to_owned(),
            intent: Some("ask".to_owned()),
            turns: vec![turn("user", "old"), turn("assistant", "so"), turn("user", "why?")],
        }
    }

    #[test]
    fn what_waits_is_read_as_it_was_written() {
        let body = waiting().write(1 << 10, false).unwrap();
        assert_eq!(Waiting::read(&body).unwrap(), waiting());
        assert_eq!(waiting().turns().len(), 3);
        assert!(Waiting::read(&body.replace("class", "klass")).is_err());
    }

    /// Goal: what an earlier version wrote is read.
    #[test]
    fn limits_may_be_missing() {
        let bare = Waiting { bytes_max: None, after_outage: None, ..waiting() };
        let body = bare.clone().write(1 << 10, true).unwrap();
        assert!(!body.contains("bytes_max") && !body.contains("after_outage"), "{body}");
        assert_eq!(Waiting::read(&body).unwrap(), bare);
    }

    #[test]
    fn the_oldest_turns_give_way_where_they_are_kept_here_and_the_question_never() {
        let whole = waiting().write(1 << 10, true).unwrap().len();
        let body = waiting().write(whole - 1, true).unwrap();
        let read = Waiting::read(&body).unwrap();
        assert_eq!(read.turns().iter().map(|turn| &*turn.content).collect::<Vec<_>>(), ["why?"]);
        for (bytes, is_kept) in [(whole - 1, false), (10, true)] {
            let refused = waiting().write(bytes, is_kept);
            assert!(matches!(refused, Err(AskError::TooLongToWait { .. })), "{refused:?}");
        }
    }
}
