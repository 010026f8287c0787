//! From a request to a reply: what the drafter is told, and what may go wrong.

use crate::compute::compute;
use crate::crossing::Crossing;
use crate::device::{Device, Learnt};
use crate::local_model::LocalError;
use crate::prefill::Prefilled;
use crate::prompt::{Prompt, Travelling};
use crate::reply::Reply;
use crate::request::Request;
use crate::show::Show;
use crate::start_error::StartError;
use crate::traced;
use crate::turn_loop::{Leftovers, Outset, TurnLoop};
use base::{DraftLength, Position, TokenId};
use grammar::{GrammarError, Guide};
use partitioner::{Mode, Plan, Speculation};
use protocol::{Constraint, Drafter, DrafterConfig, Route, limits};
use runtime::ForwardError;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use transport::clock;

/// How far ahead of the device the target may go on alone: far enough that a round trip of 200 ms
/// does not hold up 100 tokens a second.
const EXTEND: u32 = 32;

/// Drafts that may wait for the target's word while others are made: what a device of 100 drafts a
/// second makes in a round trip of 200 ms. Of drafts that are right 9 times in 10, one in twelve
/// windows of so many is.
const WINDOW: u32 = 24;

/// Rows of one pass: a longer prompt goes in chunks, so that others' passes come in between.
pub(crate) const PASS_ROWS_MAX: usize = 256;

/// An answer that is owed for so long is asked for again: a peer may answer pings and still have
/// lost a pass.
const RETRANSMIT: Duration = Duration::from_secs(10);

/// A request that gives no reply.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// Nothing to continue.
    #[error("the prompt has no tokens; this model needs at least one")]
    EmptyPrompt,
    /// No room for a reply.
    #[error("the prompt has {tokens} tokens; there is room for {context}")]
    PromptTooLong {
        /// Of the prompt.
        tokens: usize,
        /// What the device's KV and the models' contexts take.
        context: u32,
    },
    /// What the reply must be cannot be used.
    #[error("the reply cannot be held to what it must be")]
    Grammar(#[from] GrammarError),
    /// What it must be is too long to be sent.
    #[error(
        "what the reply must be has {bytes} bytes; at most {} are sent",
        limits::GRAMMAR_LEN_MAX
    )]
    GrammarTooLong {
        /// Of the grammar as it is written.
        bytes: usize,
    },
    /// A text that may not leave, and nobody here to answer it.
    #[error(
        "the text may not leave the device, and the device has no whole model: set models.draft, or models.target with \
         plan.local = \"target\""
    )]
    NothingHere,
    /// The plan does not fit what the peer serves.
    #[error(transparent)]
    Plan(#[from] StartError),
    /// The device's own model.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The device's stage of the target.
    #[error("the device's layers of the target cannot be run")]
    Stage(#[from] ForwardError),
    /// The target does not take the request.
    #[error("the target refuses the request: {0}")]
    Rejected(String),
    /// Nobody is there to speak.
    #[error("the target is out of reach and the device has no draft model to go on with: {0}")]
    Unreachable(String),
}

impl GenerateError {
    /// What went wrong, without anything of the request: for logs.
    const fn kind(&self) -> &'static str {
        match self {
            Self::EmptyPrompt => "empty_prompt",
            Self::PromptTooLong { .. } => "prompt_too_long",
            Self::Grammar(_) => "grammar",
            Self::GrammarTooLong { .. } => "grammar_too_long",
            Self::NothingHere => "nothing_here",
            Self::Plan(_) => "plan",
            Self::Local(_) => "local",
            Self::Stage(_) => "stage",
            Self::Rejected(_) => "rejected",
            Self::Unreachable(_) => "unreachable",
        }
    }
}

impl Device {
    /// Generates a reply, showing it as it grows. Ends early where `cancel` says so.
    ///
    /// # Errors
    ///
    /// [`GenerateError`]. Losing the target is none: the device goes on alone.
    pub async fn generate(
        &mut self,
        request: &Request,
        show: &mut dyn Show,
        cancel: &CancellationToken,
    ) -> Result<Reply, GenerateError> {
        self.check_prompt(&request.prompt)?;
        for model in self.draft.iter_mut().chain(&mut self.target) {
            model.look(request.likelihoods);
        }
        let (span, trace) = traced::begin(&self.config, request.prompt.len(), request.trace);
        let request = &Request { trace, ..request.clone() };
        let reply = async {
            match &request.prompt {
                Prompt::Travelling(prompt) => self.answer(prompt, request, show, cancel).await,
                Prompt::Confined(prompt) => {
                    self.answer_confined(prompt, request, show, cancel).await
                }
            }
        };
        let reply = reply.instrument(span.clone()).await;
        span.in_scope(|| match &reply {
            Ok(Reply { finish_reason, tokens, plan, .. }) => {
                tracing::info!(finish_reason, tokens = tokens.len(), plan, "answered");
            }
            // Its words may quote a grammar, which is the asker's; the asker is told them.
            Err(error) => tracing::info!(why = error.kind(), "not answered"),
        });
        reply
    }

    /// Answers by the configured plan, or the best one.
    async fn answer(
        &mut self,
        prompt: &Travelling,
        request: &Request,
        show: &mut dyn Show,
        cancel: &CancellationToken,
    ) -> Result<Reply, GenerateError> {
        let guide = self.guide(request, Position::after(prompt.len()))?;
        let crossing = Crossing::begin(&self.uplinks, &self.requests);
        let began = Outset { at: clock::now(), crossing };
        let wanted = match request.stays {
            true => self.config.target_alone(),
            false => self.first_request(prompt, request.tokens_max),
        };
        let plan = self.prepare(&wanted)?;
        if let Some(plan) = &plan {
            self.may_carry(plan, prompt.class())?;
        }
        if let Some(plan) = &plan {
            self.recall(plan, prompt.tokens());
        }
        // What a peer would bring, nobody counts.
        let is_counted = request.stays || request.bytes_max.is_some();
        let prefilled = match plan.as_ref().filter(|_| !is_counted) {
            Some(plan) => self.prefill((prompt, request), plan, cancel).await?,
            None => Prefilled::default(),
        };
        let route = plan.as_ref().map_or_else(|| Route::local(false), |plan| self.route(plan));
        let mut drafter = Drafter::new(self.drafter_config(prompt, request, route), clock::now());
        drafter.tell(Position::after(prefilled.told));
        let mut turn =
            TurnLoop::new(self, (prompt, request), (wanted, plan), (drafter, guide), show, began);
        let reply = turn.run_to_end(cancel).await;
        let reply = reply.map(|reply| reply.with_brought(prefilled.brought));
        let last = turn.plan().cloned();
        let Leftovers { session, epoch, said, tuning, sources } = turn.into_leftovers();
        (self.session, self.epoch, self.said) = (session, epoch, said);
        *self.learnt() = Learnt { tuning, sources };
        if let Some(plan) = last {
            self.keep(&plan, &self.said.clone());
        }
        reply
    }

    /// Whether `prompt` is one, with room for a reply.
    pub(crate) fn check_prompt(&self, prompt: &Prompt) -> Result<(), GenerateError> {
        let (tokens, context) = (prompt.len(), self.positions_max());
        if tokens == 0 {
            return Err(GenerateError::EmptyPrompt);
        }
        if tokens >= context as usize {
            return Err(GenerateError::PromptTooLong { tokens, context });
        }
        Ok(())
    }

    /// How a request is run by `plan`.
    pub(crate) fn route(&self, plan: &Plan) -> Route {
        match plan.mode() {
            Mode::Local => Route::local(plan.is_target_alone()),
            Mode::Remote | Mode::Speculative | Mode::Split => Route {
                stages: self.on_the_wire(plan),
                draft_length: plan.draft_length(),
                window: window(plan),
                chunks: chunks(plan),
                extend: extend(plan),
                vouched: false,
            },
        }
    }

    /// What says what may stand in the reply to `request`, from a position on; `None` where anything may.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where the grammar cannot be used.
    pub(crate) fn guide(
        &self,
        request: &Request,
        from: Position,
    ) -> Result<Option<Guide>, GenerateError> {
        let Some(grammar) = &request.grammar else { return Ok(None) };
        let bytes = grammar.text().len();
        if bytes > limits::GRAMMAR_LEN_MAX {
            return Err(GenerateError::GrammarTooLong { bytes });
        }
        let compiled = compute(|| self.grammars.compile(grammar))?;
        Ok(Some(Guide::new(compiled, from, self.end_tokens(request))))
    }

    /// What ends the reply.
    fn end_tokens(&self, request: &Request) -> Vec<TokenId> {
        match request.past_end {
            true => Vec::new(),
            false => self.models.tokenizer.end_tokens().to_vec(),
        }
    }

    fn drafter_config(
        &self,
        prompt: &Travelling,
        request: &Request,
        route: Route,
    ) -> DrafterConfig {
        let same = self.said.iter().zip(prompt.tokens()).take_while(|(a, b)| a == b).count();
        let from = Position::after(prompt.len());
        let positions = from.advance(request.tokens_max).0;
        DrafterConfig {
            session: self.session,
            epoch: self.epoch,
            have: Position::after(same),
            sampling: request.sampling,
            route,
            prompt: prompt.tokens().to_vec(),
            tokens_max: request.tokens_max,
            positions_max: positions.min(self.positions_max()),
            kv: self.config.kv.target,
            class: prompt.class(),
            constraint: request.grammar.clone().map(|grammar| Constraint { from, grammar }),
            likelihoods: request.likelihoods,
            trace: request.trace,
            stream: self.config.kv.stream,
            end_tokens: self.end_tokens(request),
            tuning: self.learnt().tuning.clone(),
            pass_rows_max: PASS_ROWS_MAX,
            retransmit: Some(RETRANSMIT),
            retry: self.config.link.reconnect(),
            after_outage: request.after_outage.unwrap_or(self.config.plan.after_outage),
        }
    }
}

/// How many drafts may wait for the target's word.
fn window(plan: &Plan) -> u32 {
    match plan.draft_length() {
        DraftLength::NONE => 0,
        DraftLength::Fixed(length) => length.max(WINDOW),
        DraftLength::Auto => WINDOW,
    }
}

/// How many chunks of drafts may be under way.
fn chunks(plan: &Plan) -> usize {
    match plan.speculation() {
        Speculation::Rounds => 1,
        Speculation::Streaming | Speculation::WorkConserving => limits::PASSES_IN_FLIGHT_MAX,
    }
}

/// How far ahead the target may go on alone.
fn extend(plan: &Plan) -> u32 {
    match (plan.mode(), plan.speculation()) {
        (Mode::Remote, _) | (Mode::Speculative, Speculation::WorkConserving) => EXTEND,
        (Mode::Speculative, Speculation::Rounds | Speculation::Streaming)
        | (Mode::Local | Mode::Split, _) => 0,
    }
}

#[cfg(test)]
mod tests;
