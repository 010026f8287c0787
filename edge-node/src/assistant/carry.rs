//! Something said, carried out on the way that was found for it.

use super::foresee::Foreseen;
use super::memory::vouched;
use super::weigh::Weighed;
use super::words::{clipped, slots_json, spoken};
use super::{Acts, Answer, Ask, AskError, Assistant};
use crate::likeness::Agreement;
use crate::reply::Reply;
use crate::request::Request;
use crate::show::Show;
use base::{Privacy, Sampling};
use intents::{Action, Incomplete, Recognition, Understood};
use journal::{By, Journal, Outcome, RequestId, Turn};
use routing::{Hybrid, Route};
use tokio_util::sync::CancellationToken;
use transport::clock;

impl<H: Acts> Assistant<H> {
    /// Answers what is said, showing the answer as it grows. A model's answer ends early where `cancel` says so.
    ///
    /// # Errors
    ///
    /// [`AskError`]; then nothing of it is remembered.
    pub async fn ask(
        &mut self,
        ask: Ask,
        show: &mut dyn Show,
        cancel: &CancellationToken,
    ) -> Result<Answer, AskError> {
        let now = self.now();
        if let Some(answer) = self.asked_before(&ask)? {
            return Ok(answer);
        }
        let weighed = self.weigh(&ask, now).await?;
        let said = Turn { at: now, by: By::Person, text: ask.text.clone() };
        let Some(route) = weighed.decision.route else {
            return Err(AskError::Refused(Box::new(weighed.decision)));
        };
        let (conversation, is_kept) = (weighed.conversation, weighed.is_kept);
        let answer = match route {
            Route::Action => return self.act(weighed, said, show).await,
            Route::Local => self.alone(&ask, weighed, said, (show, cancel)).await,
            Route::Hybrid => self.with_target(&ask, weighed, said, (show, cancel)).await,
            Route::Deferred => self.put_off(&ask, weighed, &said),
        }?;
        if is_kept {
            let elsewhere = Recognition::OutOfScope { nearest: None };
            self.mind.dialogues().note(conversation, &elsewhere, clock::now());
        }
        Ok(answer)
    }

    /// Does what an intent says, or asks for what it lacks.
    async fn act(
        &mut self,
        weighed: Weighed,
        said: Turn,
        show: &mut dyn Show,
    ) -> Result<Answer, AskError> {
        let recognition = weighed.recognition.as_ref().expect("what acts was recognized");
        let request = self.new_request();
        let (intent, slots, outcome, text) = match recognition {
            Recognition::Understood(understood) => {
                let outcome = self.carry_out(&understood.action, request).await;
                let text = spoken(&understood.responses, &outcome, request.0);
                (&understood.intent, &understood.slots, outcome, text)
            }
            Recognition::Incomplete(lacking) => {
                let Incomplete { intent, slots, slot, .. } = lacking;
                let outcome = Outcome::Failed(clipped(&format!("asked for {slot}")));
                (intent, slots, outcome, super::words::question(lacking))
            }
            Recognition::OutOfScope { .. } => unreachable!("no intent, no action"),
        };
        show.piece(&text, true);
        let action = journal::Action {
            intent: intent.clone(),
            slots: slots_json(slots),
            outcome: outcome.clone(),
        };
        let did = Turn { at: self.now(), by: By::Action(action), text: text.clone() };
        let (conversation, class) = (weighed.conversation, weighed.decision.class);
        if weighed.is_kept {
            self.mind.memory.append(conversation, class, &[said, did])?;
            // What was not done changes nothing that is spoken of next.
            let failed = matches!(
                (recognition, &outcome),
                (Recognition::Understood(Understood { .. }), Outcome::Failed(_))
            );
            let elsewhere = Recognition::OutOfScope { nearest: None };
            let noted = if failed { &elsewhere } else { recognition };
            self.mind.dialogues().note(conversation, noted, clock::now());
        }
        let intent = Some(intent.clone());
        let answer = answer(weighed, Route::Action, text);
        Ok(Answer { intent, outcome: Some(outcome), ..answer })
    }

    async fn carry_out(&self, action: &Action, request: RequestId) -> Outcome {
        let done = match action {
            Action::Reply => Ok(()),
            Action::Http { .. } | Action::Mqtt { .. } | Action::Socket { .. } => {
                self.mind.hands.act(action, request.0).await
            }
        };
        done.map_or_else(|why| Outcome::Failed(clipped(&why)), |()| Outcome::Done)
    }

    /// The device's own answer, for which no network is touched.
    async fn alone(
        &mut self,
        ask: &Ask,
        weighed: Weighed,
        said: Turn,
        (show, cancel): (&mut dyn Show, &CancellationToken),
    ) -> Result<Answer, AskError> {
        let request = self.request(ask, &weighed, Privacy::Device)?;
        let began = clock::now();
        let reply = self.device.generate(&request, show, cancel).await?;
        self.mind.experience().note_local(reply.tokens.len(), clock::now() - began);
        self.remember(weighed, Route::Local, said, reply)
    }

    /// The target's answer, paid for.
    async fn with_target(
        &mut self,
        ask: &Ask,
        weighed: Weighed,
        said: Turn,
        (show, cancel): (&mut dyn Show, &CancellationToken),
    ) -> Result<Answer, AskError> {
        let request = self.request(ask, &weighed, weighed.decision.class)?;
        let id = self.new_request();
        let reply = self.spend(id, &weighed.foreseen, &request, (show, cancel)).await?;
        if let Some(features) = &weighed.features {
            self.mind.likeness().observe(features, agreement(&reply));
        }
        self.remember(weighed, Route::Hybrid, said, reply)
    }

    /// Has `request` answered, within what was foreseen: that is reserved before, and what it was is settled
    /// after, whatever came of it.
    pub(super) async fn spend(
        &mut self,
        id: RequestId,
        foreseen: &Foreseen,
        request: &Request,
        (show, cancel): (&mut dyn Show, &CancellationToken),
    ) -> Result<Reply, AskError> {
        let began = clock::now();
        if matches!(&foreseen.hybrid, Hybrid::Planned(forecast) if forecast.stays) {
            let request = &Request { stays: true, ..request.clone() };
            let reply = self.device.generate(request, show, cancel).await?;
            self.mind.experience().note_local(reply.tokens.len(), clock::now() - began);
            return Ok(reply);
        }
        let now = self.now();
        let reserve = |journal: &mut Journal| journal.reserve(id, foreseen.reserve, now);
        if let Some(reserved) = self.mind.memory.journal(reserve) {
            reserved?.map_err(AskError::Budget)?;
        }
        let before = self.device.uplinks.traffic();
        let counted = foreseen.reserve.metered_bytes;
        let within = (counted > 0).then_some(counted);
        let bytes_max = [request.bytes_max, within].into_iter().flatten().min();
        let request = &Request { bytes_max, ..request.clone() };
        let reply = self.device.generate(request, show, cancel).await;
        let (bytes, tokens) = match &reply {
            Ok(Reply { usage, tokens, .. }) => {
                (usage.bytes_sent + usage.bytes_received, tokens.len())
            }
            Err(_) => {
                let crossed = (self.device.uplinks.traffic() - before).udp;
                (crossed.sent.0 + crossed.received.0, 0)
            }
        };
        let prompt = request.prompt.len();
        let actual = foreseen.tariff.amount(bytes, prompt as u64, tokens as u64);
        let now = self.now();
        if let Some(beyond) = self.mind.memory.journal(|journal| journal.settle(id, actual, now)) {
            let beyond = beyond?;
            if beyond != journal::Amount::default() {
                tracing::warn!(?beyond, "a reply cost more than was reserved for it");
            }
        }
        let reply = reply?;
        self.mind.experience().note_hybrid(prompt, tokens, clock::now() - began, bytes);
        Ok(reply)
    }

    /// What a model is asked, of a text of `class`.
    pub(super) fn request(
        &self,
        ask: &Ask,
        weighed: &Weighed,
        class: Privacy,
    ) -> Result<Request, AskError> {
        Ok(Request {
            grammar: ask.grammar.clone(),
            stop: self.stop(ask),
            keep: ask.keep,
            bytes_max: ask.bytes_max,
            likelihoods: ask.likelihoods,
            trace: ask.trace,
            after_outage: ask.after_outage,
            ..Request::new(
                self.device.chat_prompt_of(&weighed.turns, class)?,
                self.sampling(ask)?,
                weighed.tokens_max,
            )
        })
    }

    /// What ends an answer, for this request.
    pub(super) fn stop(&self, ask: &Ask) -> Vec<String> {
        ask.stop.clone().unwrap_or_else(|| self.device.config.generation.stop.clone())
    }

    /// How the target chooses, for this request.
    pub(super) fn sampling(&self, ask: &Ask) -> Result<Sampling, AskError> {
        if let Some(sampling) = ask.sampling {
            return Ok(sampling);
        }
        let usual = &self.device.config.generation;
        let seed = u64::from_be_bytes(self.device.config.network.random());
        Ok(Sampling::new(usual.temperature, usual.top_k, usual.top_p, seed)?)
    }

    /// Adds question and answer to their conversation.
    fn remember(
        &mut self,
        weighed: Weighed,
        route: Route,
        said: Turn,
        reply: Reply,
    ) -> Result<Answer, AskError> {
        let came = match route {
            Route::Hybrid => journal::Route::Hybrid,
            Route::Action | Route::Local | Route::Deferred => journal::Route::Local,
        };
        let by = By::Model { route: came, vouched: vouched(&reply.verified) };
        let answered = Turn { at: self.now(), by, text: reply.text.clone() };
        let (conversation, class) = (weighed.conversation, weighed.decision.class);
        // Who left before the first word will ask again.
        let is_answer = !reply.tokens.is_empty() || reply.finish_reason != "cancelled";
        if weighed.is_kept && is_answer {
            self.mind.memory.append(conversation, class, &[said, answered])?;
        }
        let text = reply.text.clone();
        Ok(Answer { reply: Some(reply), ..answer(weighed, route, text) })
    }
}

/// What the target thought of the draft model's own words.
fn agreement(reply: &Reply) -> Agreement {
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Agreement::new(small(reply.usage.own_right), small(reply.usage.own_judged))
}

/// What came of something said, as far as every route knows it.
pub(super) fn answer(weighed: Weighed, route: Route, text: String) -> Answer {
    Answer {
        conversation: weighed.conversation,
        route,
        decision: weighed.decision,
        text,
        reply: None,
        deferred: None,
        intent: None,
        outcome: None,
    }
}
