//! What is done between requests: those that wait go out, oldest first, when the link is there and the budgets
//! allow it; their answers go where they are wanted; what is over is ended.

use super::deferring::Waiting;
use super::foresee::{Foreseen, Wanted};
use super::memory::vouched;
use super::{Acts, AskError, Assistant};
use crate::generate::GenerateError;
use crate::local_model::LocalError;
use crate::reply::Reply;
use crate::request::Request;
use crate::show::Unseen;
use base::Privacy;
use grammar::GrammarError;
use intents::{Action, HttpMethod};
use journal::{
    Answered, By, Callback, Conversation, ConversationId, Deferred, Journal, JournalError,
    RequestId, UnixTime,
};
use routing::{Facts, IntentFacts, Route, decide};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use transport::clock;

/// From a failure to the next attempt; each time twice as long.
const BACKOFF: Duration = Duration::from_secs(5);

/// And no longer than this.
const BACKOFF_MAX: Duration = Duration::from_secs(600);

/// How often old conversations and requests are looked for.
const TIDY_PERIOD: Duration = Duration::from_secs(3_600);

/// What came of a tending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tended {
    /// Answers that are in their conversations now.
    pub answered: Vec<(RequestId, ConversationId, String)>,
    /// Requests that will never be answered, and why.
    pub refused: Vec<(RequestId, String)>,
    /// Requests whose time was over.
    pub expired: Vec<RequestId>,
    /// Requests whose answers have been sent where they are wanted.
    pub called_back: Vec<RequestId>,
}

/// Calls back that came to nothing, and when the next may be.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    failed: BTreeMap<RequestId, (u32, UnixTime)>,
    /// When old things were looked for last.
    tidied: Option<Instant>,
}

/// What a model is asked, what that takes, and what was said and taken for which intent.
type Asked = (Request, Wanted, (String, Option<String>));

impl<H: Acts> Assistant<H> {
    /// Does what there is to do between requests. Where `cancel` says so it stops early, and what was under way waits
    /// again.
    ///
    /// # Errors
    ///
    /// [`AskError`] of the journal alone; what comes to nothing is tried again later.
    pub async fn tend(&mut self, cancel: &CancellationToken) -> Result<Tended, AskError> {
        let mut tended = Tended::default();
        let now = self.now();
        let expired = self.mind.memory.journal(|journal| journal.expire(now)).transpose()?;
        let Some(expired) = expired else { return Ok(tended) };
        tended.expired = expired.into_iter().map(|over| over.request.id).collect();
        // Of each conversation its first is due; when that is answered, its next one is.
        while !cancel.is_cancelled() && self.send_due(&mut tended, cancel).await? {}
        self.call_back(&mut tended, cancel).await?;
        self.tidy()?;
        Ok(tended)
    }

    /// When there may be something to do, from now; `None` where nothing is kept.
    ///
    /// # Errors
    ///
    /// [`AskError`] of the journal alone.
    pub fn next_tending(&self) -> Result<Option<Duration>, AskError> {
        /// Links come back at any time.
        const PERIOD: Duration = Duration::from_secs(1);
        let waits = |journal: &mut Journal| {
            Ok::<_, JournalError>(
                journal.next_wake()?.is_some() || !journal.callbacks()?.is_empty(),
            )
        };
        let Some(waits) = self.mind.memory.journal(waits).transpose()? else { return Ok(None) };
        Ok(Some(if waits { PERIOD } else { TIDY_PERIOD }))
    }

    /// Sends all that is due. Whether an answer came, and others may be due therefore.
    async fn send_due(
        &mut self,
        tended: &mut Tended,
        cancel: &CancellationToken,
    ) -> Result<bool, AskError> {
        let now = self.now();
        let due = self.mind.memory.journal(|journal| journal.due(now)).transpose()?;
        let Some(due) = due else { return Ok(false) };
        let (mut came, mut probed) = (false, false);
        for deferred in due {
            if cancel.is_cancelled() {
                break;
            }
            came |= match self.as_asked(&deferred)? {
                Err(why) => self.refuse(deferred.request.id, why, tended)?,
                Ok(asked) => {
                    // An idle link may have been lost, and nobody knows.
                    if !std::mem::replace(&mut probed, true) {
                        self.probe().await;
                    }
                    self.send(&deferred, asked, (tended, cancel)).await?
                }
            };
        }
        Ok(came)
    }

    /// Asks a request that waits, if it can be asked now. Whether it is answered, or never will be.
    async fn send(
        &mut self,
        deferred: &Deferred,
        (request, wanted, said): Asked,
        (tended, cancel): (&mut Tended, &CancellationToken),
    ) -> Result<bool, AskError> {
        let id = deferred.request.id;
        let Some(foreseen) = self.may_go(wanted, said)? else { return Ok(false) };
        let attempt = self.kept(|journal| journal.sent(id))?;
        match self.spend(id, &foreseen, &request, (&mut Unseen, cancel)).await {
            Ok(reply) if is_whole(&reply) => self.record(deferred, &reply, tended),
            // Again it would take as much.
            Ok(reply) if reply.finish_reason == "budget" => {
                let why = "its answer took more than was reserved for it";
                self.refuse(id, why.to_owned(), tended)
            }
            Err(AskError::Journal(error)) => Err(error.into()),
            Err(AskError::Generate(why)) if is_for_good(&why) => {
                self.refuse(id, settings::chain(&why), tended)
            }
            Ok(_) | Err(_) => {
                let pause = if cancel.is_cancelled() { Duration::ZERO } else { backoff(attempt) };
                let not_before = self.now().after(pause);
                self.kept(|journal| journal.failed(id, not_before))?;
                Ok(false)
            }
        }
    }

    /// What a model is asked, and what was said; or why it never will be.
    fn as_asked(&self, deferred: &Deferred) -> Result<Result<Asked, String>, AskError> {
        let waiting = match Waiting::read(&deferred.request.body) {
            Ok(waiting) => waiting,
            Err(error) => return Ok(Err(format!("it cannot be read: {error}"))),
        };
        let class = self.class_now(deferred.request.conversation, waiting.class)?;
        // The policy may be another one by now.
        let intent = waiting.intent.as_deref();
        let class = self.mind.routing.policy.class(&waiting.text, intent, class);
        let class = self.class_of_all(waiting.turns().iter(), class);
        if class == Privacy::Device {
            return Ok(Err("its conversation must not leave the device any more".to_owned()));
        }
        let prompt = match self.device.chat_prompt_of(&waiting.turns(), class) {
            Ok(prompt) => prompt,
            Err(error) => return Ok(Err(settings::chain(&error))),
        };
        let Waiting { sampling, tokens_max, stop, grammar, text, intent, .. } = waiting;
        let (bytes_max, after_outage) = (waiting.bytes_max, waiting.after_outage);
        let wanted = Wanted { prompt: prompt.len(), tokens_max, class };
        let usual = Request::new(prompt, sampling, tokens_max);
        let request = Request { stop, grammar, bytes_max, after_outage, ..usual };
        Ok(Ok((request, wanted, (text, intent))))
    }

    /// How far a text may travel that was of `class` when it was said in `conversation`.
    fn class_now(&self, conversation: ConversationId, class: Privacy) -> Result<Privacy, AskError> {
        let known = self.kept(|journal| journal.conversation(conversation))?;
        let known = known.map(|Conversation { privacy, .. }| privacy);
        let own = self.device.config.planner.privacy;
        Ok(known.into_iter().fold(class.min(own), Ord::min))
    }

    /// What the target would take, where a request that says this, and was taken for that, may go to it now.
    fn may_go(
        &mut self,
        wanted: Wanted,
        (text, intent): (String, Option<String>),
    ) -> Result<Option<Foreseen>, AskError> {
        let (foreseen, left) = self.affordable(wanted, self.now())?;
        let facts = Facts {
            text: &text,
            intent: intent.map(|name| IntentFacts { name, confidence: 0.0, acts: false }),
            privacy: wanted.class,
            demanded: Some(Route::Hybrid),
            deadline: None,
            likeness: 0.0,
            local: None,
            hybrid: foreseen.hybrid.clone(),
            left,
            no_room: None,
        };
        let goes = decide(&self.mind.routing.policy, &facts).route == Some(Route::Hybrid);
        Ok(goes.then_some(foreseen))
    }

    /// Puts an answer into its conversation.
    fn record(
        &self,
        deferred: &Deferred,
        reply: &Reply,
        tended: &mut Tended,
    ) -> Result<bool, AskError> {
        let (id, now, vouched) = (deferred.request.id, self.now(), vouched(&reply.verified));
        let answered = self.kept(|journal| journal.answer(id, &reply.text, vouched, now))?;
        if let Answered::Recorded { .. } = answered {
            tended.answered.push((id, deferred.request.conversation, reply.text.clone()));
        }
        Ok(true)
    }

    fn refuse(&self, id: RequestId, why: String, tended: &mut Tended) -> Result<bool, AskError> {
        let now = self.now();
        self.kept(|journal| journal.refused(id, &why, now))?;
        tended.refused.push((id, why));
        Ok(true)
    }

    /// Sends answers where they are wanted, at least once: their receivers know them by their request's id.
    async fn call_back(
        &self,
        tended: &mut Tended,
        cancel: &CancellationToken,
    ) -> Result<(), AskError> {
        let calls = self.mind.memory.journal(|journal| journal.callbacks()).transpose()?;
        let Some(calls) = calls else { return Ok(()) };
        self.mind.callbacks().failed.retain(|id, _| calls.iter().any(|call| call.request == *id));
        for call in calls {
            let (failures, not_before) =
                self.mind.callbacks().failed.get(&call.request).copied().unwrap_or_default();
            if cancel.is_cancelled() || not_before > self.now() {
                continue;
            }
            match self.post(&call).await? {
                Ok(()) => {
                    let now = self.now();
                    self.kept(|journal| journal.called_back(call.request, now))?;
                    tended.called_back.push(call.request);
                }
                Err(why) => {
                    tracing::warn!(request = %call.request, why, "nobody could be called back");
                    let next = self.now().after(backoff(failures + 1));
                    self.mind.callbacks().failed.insert(call.request, (failures + 1, next));
                }
            }
        }
        Ok(())
    }

    /// Sends an answer where it is wanted. One whose conversation must not leave the device any more stays there,
    /// until nobody is to be called back with it any more.
    async fn post(&self, call: &Callback) -> Result<Result<(), String>, AskError> {
        let known = self.kept(|journal| journal.deferred(call.request))?;
        let class = match known {
            Some(known) => self.class_now(known.request.conversation, Privacy::Anywhere)?,
            None => Privacy::Device,
        };
        if class == Privacy::Device {
            return Ok(Err("its conversation must not leave the device any more".to_owned()));
        }
        Ok(self.mind.hands.act(&posted(call), call.request.0).await)
    }

    /// Lets go of what is old, now and then.
    fn tidy(&self) -> Result<(), AskError> {
        let now = clock::now();
        let mut callbacks = self.mind.callbacks();
        if now - *callbacks.tidied.get_or_insert(now) < TIDY_PERIOD {
            return Ok(());
        }
        callbacks.tidied = Some(now);
        drop(callbacks);
        let wall = self.now();
        self.mind.memory.journal(|journal| journal.tidy(wall)).transpose()?;
        Ok(())
    }

    /// Does `work` with the journal, where something that waits is kept.
    pub(super) fn kept<T>(&self, work: impl FnOnce(&mut Journal) -> T) -> T {
        self.mind.memory.journal(work).expect("what waits is kept in a journal")
    }
}

/// Whether it is the target's own answer to its end: what waited for the target is not to be the device's.
fn is_whole(reply: &Reply) -> bool {
    !matches!(reply.finish_reason, "cancelled" | "budget")
        && reply.verified.iter().all(|verified| *verified)
}

/// Whether a request that failed so would always.
const fn is_for_good(why: &GenerateError) -> bool {
    match why {
        GenerateError::EmptyPrompt
        | GenerateError::PromptTooLong { .. }
        | GenerateError::GrammarTooLong { .. }
        | GenerateError::Local(LocalError::Guide(_)) => true,
        GenerateError::Grammar(why) => match why {
            GrammarError::NoJson(_)
            | GrammarError::NoSchema(_)
            | GrammarError::Refused { .. }
            | GrammarError::TooLong
            | GrammarError::Vocabulary(_) => true,
            GrammarError::Busy | GrammarError::Broken(_) => false,
        },
        GenerateError::NothingHere
        | GenerateError::Plan(_)
        | GenerateError::Local(_)
        | GenerateError::Stage(_)
        | GenerateError::Rejected(_)
        | GenerateError::Unreachable(_) => false,
    }
}

/// How long after its `attempt`, from 1, something is tried again.
fn backoff(attempt: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
    BACKOFF.saturating_mul(doubled).min(BACKOFF_MAX)
}

/// An answer as it is sent where it is wanted.
fn posted(Callback { request, to, answer }: &Callback) -> Action {
    let text = answer.as_ref().map(|turn| turn.text.as_str());
    let vouched = answer.as_ref().and_then(|turn| match &turn.by {
        By::Model { vouched, .. } => Some(vouched),
        By::Person | By::Action(_) => None,
    });
    let body = serde_json::json!({ "request": request, "text": text, "vouched": vouched });
    Action::Http { method: HttpMethod::Post, url: to.clone(), body: Some(body.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{Turn, Vouched};

    #[test]
    fn attempts_come_half_as_often_each_time_and_every_ten_minutes_at_last() {
        let pauses = [1, 2, 3, 7, 8, u32::MAX].map(|attempt| backoff(attempt).as_secs());
        assert_eq!(pauses, [5, 10, 20, 320, 600, 600]);
    }

    #[test]
    fn whoever_is_called_back_hears_whose_answer_it_is() {
        let by = By::Model { route: journal::Route::Deferred, vouched: Vouched::Verified };
        let turn = Turn { at: UnixTime(1), by, text: "so".to_owned() };
        let (request, to) = (RequestId(7), "http://here/".to_owned());
        let call = Callback { request, to, answer: Some(turn) };
        let Action::Http { body: Some(body), url, method } = posted(&call) else {
            panic!("a post")
        };
        assert_eq!((url.as_str(), method), ("http://here/", HttpMethod::Post));
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["request"], request.to_string());
        assert_eq!((&body["text"], &body["vouched"]), (&"so".into(), &"verified".into()));
        let gone = posted(&Callback { answer: None, ..call });
        assert!(matches!(gone, Action::Http { body: Some(body), .. } if body.contains("null")));
    }
}
