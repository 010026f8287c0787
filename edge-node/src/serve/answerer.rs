//! Who answers one request at a time: a device, or an assistant that stands before one.

use crate::acting::Hands;
use crate::assistant::{Answer, Ask, Assistant, AssistantError};
use crate::config::Config;
use crate::device::{Device, StartStep};
use crate::metrics::{self, Metrics};
use crate::reply::Reply;
use crate::request::Request;
use crate::serve::failure;
use crate::serve::work::{Said, Work};
use crate::show::Show;
use crate::start_error::StartError;
use base::Sampling;
use journal::{ConversationId, RequestId};
use openai::{ApiError, Conversation, Ending, FinishReason, Outcome, Policy, Route};
use protocol::AfterOutage;
use runtime::{Chat, Turn};
use tokio_util::sync::CancellationToken;
use transport::clock;

/// Who answers.
pub(super) enum Answerer {
    /// A device alone: every request goes to the model.
    Device(Box<Device>),
    /// An assistant, which routes what is said.
    Assistant(Box<Assistant<Hands>>),
}

/// What came of one choice.
pub(super) struct Answered {
    /// The model's reply, where one answered.
    pub(super) reply: Option<Reply>,
    /// Which way it went.
    pub(super) ending: Ending,
    /// Whether nothing was begun, because a limit was reached before.
    pub(super) is_late: bool,
}

impl Answered {
    /// Of a choice that a limit of time or bytes leaves no room for.
    pub(super) const fn late(route: Route) -> Self {
        let ending = Ending {
            route,
            plan: None,
            conversation: None,
            deferred: None,
            intent: None,
            outcome: None,
        };
        Self { reply: None, ending, is_late: true }
    }

    /// Why it has no more tokens.
    pub(super) fn finish_reason(&self) -> FinishReason {
        match self.reply.as_ref().map(|reply| reply.finish_reason) {
            // Whoever left hears nothing of it; so the device stops.
            Some("length" | "budget" | "cancelled") => FinishReason::Length,
            None if self.is_late => FinishReason::Length,
            Some(_) | None => FinishReason::Stop,
        }
    }

    /// How its request ended, where this is the last choice.
    fn outcome(&self) -> metrics::Outcome {
        match (&self.reply, &self.ending.outcome) {
            (Some(reply), _) => metrics::Outcome::of(reply),
            (None, _) if self.is_late => metrics::Outcome::Length,
            (None, Some(Outcome::Failed(_))) => metrics::Outcome::Failed,
            (None, None) if self.ending.deferred.is_some() => metrics::Outcome::Deferred,
            (None, Some(Outcome::Done) | None) => metrics::Outcome::Done,
        }
    }
}

/// Counts a request with these choices: it ended as the last of them.
pub(super) fn count(choices: &[Answered], metrics: &Metrics) {
    let Some(last) = choices.last() else { return };
    let replies: Vec<_> = choices.iter().filter_map(|choice| choice.reply.as_ref()).collect();
    metrics.answered(demanded(last.ending.route), last.outcome(), &replies);
}

impl Answerer {
    /// Starts what `config` asks for.
    pub(super) async fn start(
        config: Config,
        tell: &(dyn Fn(StartStep) + Sync),
    ) -> Result<Self, AssistantError> {
        let hands = Hands::new(config.assistant.actions.clone());
        let routes = config.assistant.is_configured();
        let device = Device::start_telling(config, tell).await?;
        Ok(match routes {
            true => Self::Assistant(Box::new(Assistant::before(device, hands)?)),
            false => Self::Device(Box::new(device)),
        })
    }

    /// Another one beside it.
    pub(super) fn fork(&self) -> Result<Self, StartError> {
        Ok(match self {
            Self::Device(device) => Self::Device(Box::new(device.fork()?)),
            Self::Assistant(assistant) => Self::Assistant(Box::new(assistant.fork()?)),
        })
    }

    /// The device that answers in the end.
    pub(super) fn device(&self) -> &Device {
        match self {
            Self::Device(device) => device,
            Self::Assistant(assistant) => assistant.device(),
        }
    }

    /// Whether requests may say which way they go.
    pub(super) const fn routes(&self) -> bool {
        matches!(self, Self::Assistant(_))
    }

    /// Answers `work`, with this sampling, and so many bytes of the links at most.
    pub(super) async fn answer(
        &mut self,
        work: &Work,
        (sampling, bytes_max): (Sampling, Option<u64>),
        show: &mut dyn Show,
        cancel: &CancellationToken,
    ) -> Result<Answered, ApiError> {
        match self {
            Self::Device(device) => {
                generate(device, work, (sampling, bytes_max), show, cancel).await
            }
            Self::Assistant(assistant) => {
                let ask = Ask { bytes_max, ..asked(work, sampling) };
                let answer = assistant.ask(ask, show, cancel).await;
                answer
                    .map(|answer| of_answer(answer, work))
                    .map_err(|error| failure::asking(&error, work.parameters()))
            }
        }
    }
}

/// The model's reply, by a time where there is one.
async fn generate(
    device: &mut Device,
    work: &Work,
    (sampling, bytes_max): (Sampling, Option<u64>),
    show: &mut dyn Show,
    cancel: &CancellationToken,
) -> Result<Answered, ApiError> {
    let prompt = match &work.said {
        Said::Turns { turns, tools } => {
            let chat = Chat { tools, ..Chat::of(turns) };
            device.chat_prompt_with(&chat, work.class).map_err(|error| failure::chat(&error))?
        }
        Said::Text(text) => device.raw_prompt_of(text, work.class),
    };
    let request = Request {
        grammar: work.grammar.clone(),
        stop: work.stop.clone(),
        bytes_max,
        likelihoods: work.logprobs,
        trace: work.trace,
        after_outage: work.policy.map(after_outage),
        ..Request::new(prompt, sampling, work.tokens_max)
    };
    let within = cancel.child_token();
    let generating = device.generate(&request, show, &within);
    tokio::pin!(generating);
    let reply = tokio::select! {
        biased;
        reply = &mut generating => reply,
        () = clock::reached(work.deadline.map(|at| (at, ()))) => {
            within.cancel();
            generating.await
        }
    };
    let mut reply = reply.map_err(|error| failure::generating(&error, work.parameters()))?;
    if reply.finish_reason == "cancelled" && !cancel.is_cancelled() {
        // Nobody left: its time was over.
        reply.finish_reason = "length";
    }
    let ending = Ending {
        route: if reply.stays { Route::Local } else { Route::Hybrid },
        plan: Some(reply.plan.clone()),
        conversation: None,
        deferred: None,
        intent: None,
        outcome: None,
    };
    Ok(Answered { reply: Some(reply), ending, is_late: false })
}

fn asked(work: &Work, sampling: Sampling) -> Ask {
    let turns = match &work.said {
        Said::Turns { turns, .. } => turns.clone(),
        Said::Text(_) => unreachable!("only turns of a conversation are routed"),
    };
    let last_said = |turns: &[Turn]| turns.iter().rev().find(|turn| turn.role == "user").cloned();
    let text = last_said(&turns).map_or_else(String::new, |turn| turn.content);
    let (conversation, turns) = match work.conversation {
        Some(Conversation::Kept(id)) => (Some(ConversationId(id)), None),
        Some(Conversation::New) => (None, None),
        None => (None, Some(turns)),
    };
    Ask {
        conversation,
        turns,
        class: Some(work.class),
        demanded: work.route.map(demanded),
        deadline: work.deadline.map(|at| at.saturating_duration_since(clock::now())),
        callback: work.callback.clone(),
        key: work.key.clone(),
        sampling: Some(sampling),
        tokens_max: Some(work.tokens_max),
        grammar: work.grammar.clone(),
        stop: Some(work.stop.clone()),
        likelihoods: work.logprobs,
        trace: work.trace,
        after_outage: work.policy.map(after_outage),
        ..Ask::new(text)
    }
}

fn of_answer(answer: Answer, work: &Work) -> Answered {
    let Answer { conversation, route, reply, deferred, intent, outcome, .. } = answer;
    // What waits is answered in a conversation, wherever it was said.
    let is_kept = work.conversation.is_some() || deferred.is_some();
    let ending = Ending {
        route: went(route),
        plan: reply.as_ref().map(|reply| reply.plan.clone()),
        conversation: is_kept.then(|| conversation.to_string()),
        deferred: deferred.map(|id: RequestId| id.to_string()),
        intent,
        outcome: outcome.map(|outcome| match outcome {
            journal::Outcome::Done => Outcome::Done,
            journal::Outcome::Failed(why) => Outcome::Failed(why),
        }),
    };
    Answered { reply, ending, is_late: false }
}

const fn after_outage(policy: Policy) -> AfterOutage {
    match policy {
        Policy::Keep => AfterOutage::Keep,
        Policy::Revise => AfterOutage::Revise,
    }
}

const fn demanded(route: Route) -> routing::Route {
    match route {
        Route::Action => routing::Route::Action,
        Route::Local => routing::Route::Local,
        Route::Hybrid => routing::Route::Hybrid,
        Route::Deferred => routing::Route::Deferred,
    }
}

const fn went(route: routing::Route) -> Route {
    match route {
        routing::Route::Action => Route::Action,
        routing::Route::Local => Route::Local,
        routing::Route::Hybrid => Route::Hybrid,
        routing::Route::Deferred => Route::Deferred,
    }
}
