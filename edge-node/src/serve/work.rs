//! What a request asks of a device, whatever the endpoint: read once, and checked against what this device has.

use crate::config::Generation;
use crate::serve::failure::Parameters;
use crate::serve::staff::Staff;
use crate::serve::tools::{self, Tools};
use base::{Grammar, Privacy, Sampling, SamplingError};
use openai::{
    ApiError, ChatRequest, CompletionRequest, Conversation, Extension, Options, Policy, Route,
    ToolStyle,
};
use protocol::TraceContext;
use runtime::Turn;
use serde_json::Value;
use std::time::{Duration, Instant};
use transport::clock;

/// What is to be answered.
#[derive(Debug)]
pub(super) enum Said {
    /// A conversation.
    Turns {
        /// What was said.
        turns: Vec<Turn>,
        /// What may be called, as templates read it.
        tools: Vec<Value>,
    },
    /// A text, which is to be continued as it stands.
    Text(String),
}

impl Said {
    /// What the API calls it.
    const fn parameter(&self) -> &'static str {
        match self {
            Self::Turns { .. } => "messages",
            Self::Text(_) => "prompt",
        }
    }
}

/// What a request asks.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) said: Said,
    /// What the reply must be.
    pub(super) grammar: Option<Grammar>,
    /// The parameter that says so.
    grammar_by: &'static str,
    /// How the reply spells calls of tools, where it may.
    pub(super) tools: Option<ToolStyle>,
    /// Whether to tell how likely tokens were, and of how many others.
    pub(super) logprobs: Option<u8>,
    /// How many replies.
    pub(super) n: u32,
    /// Of the first one; each after it has the next.
    seed: u64,
    temperature: f32,
    top_k: u32,
    top_p: f32,
    pub(super) tokens_max: u32,
    pub(super) stop: Vec<String>,
    pub(super) class: Privacy,
    pub(super) policy: Option<Policy>,
    pub(super) route: Option<Route>,
    /// When the reply has to be whole.
    pub(super) deadline: Option<Instant>,
    pub(super) bytes_max: Option<u64>,
    pub(super) conversation: Option<Conversation>,
    pub(super) callback: Option<String>,
    pub(super) key: Option<String>,
    /// In which trace it is.
    pub(super) trace: Option<TraceContext>,
}

impl Work {
    /// Of a chat; `seed` is the one of chance.
    pub(super) fn chat(request: &ChatRequest, staff: &Staff, seed: u64) -> Result<Self, ApiError> {
        staff.answers_as(&request.model)?;
        let tools = tools::of(request, &staff.device().models.tokenizer)?;
        if let (Some(_), true) = (&tools, staff.routes()) {
            let says = "a device that routes calls no tools of others: its own act; leave them out";
            return Err(ApiError::invalid("tools", says));
        }
        let turns: Vec<_> = request.messages.iter().map(tools::turn).collect();
        let is_one_word = matches!(&turns[..], [turn] if turn.role == "user");
        if !is_one_word && !staff.device().models.tokenizer.has_chat_template() {
            let says = "the model has no chat template, so that it cannot read a conversation: say one message, of role user";
            return Err(ApiError::invalid("messages", says));
        }
        let described = tools.iter().flat_map(|tools| tools.described.clone()).collect();
        let said = Said::Turns { turns, tools: described };
        let work = Self::new(said, (&request.options, &request.extension), staff, seed)?;
        Ok(match tools {
            Some(tools) => work.calling(request, tools)?,
            None => work,
        })
    }

    /// The same, where its reply may call `tools`.
    fn calling(self, request: &ChatRequest, tools: Tools) -> Result<Self, ApiError> {
        let ChatRequest { tool_choice, parallel_tool_calls, .. } = request;
        let called = tools.style.grammar(&request.tools, tool_choice, *parallel_tool_calls)?;
        if let (Some(_), Some(_)) = (&called, &self.grammar) {
            let says = "a reply cannot be both of a format and a call that is demanded, or strict: leave one of them out";
            return Err(ApiError::invalid("response_format", says));
        }
        let grammar_by = if called.is_some() { "tools" } else { self.grammar_by };
        let grammar = called.or(self.grammar);
        Ok(Self { grammar, grammar_by, tools: Some(tools.style), ..self })
    }

    /// Of a text.
    pub(super) fn completion(
        request: &CompletionRequest,
        staff: &Staff,
        seed: u64,
    ) -> Result<Self, ApiError> {
        staff.answers_as(&request.model)?;
        if staff.routes() {
            let says = "only turns of a conversation are routed here: ask /v1/chat/completions, or take [intents], \
                        [routing], [journal] and [budgets] out of the device's configuration";
            return Err(ApiError::invalid("prompt", says));
        }
        let said = Said::Text(request.prompt.clone());
        Self::new(said, (&request.options, &request.extension), staff, seed)
    }

    fn new(
        said: Said,
        (options, extension): (&Options, &Extension),
        staff: &Staff,
        seed: u64,
    ) -> Result<Self, ApiError> {
        check_routing(extension, options, staff)?;
        let Generation { tokens_max, temperature, top_k, top_p, stop } = staff.generation();
        let own = staff.privacy();
        let class = extension.privacy.map_or(own, |class| class.min(own));
        Ok(Self {
            said,
            grammar: options.format.clone(),
            grammar_by: "response_format",
            tools: None,
            logprobs: options.logprobs.map(|top| u8::try_from(top).unwrap_or(u8::MAX)),
            n: options.n,
            seed: options.seed.unwrap_or(seed),
            temperature: options.temperature.unwrap_or(*temperature),
            top_k: *top_k,
            top_p: options.top_p.unwrap_or(*top_p),
            tokens_max: options.tokens_max.unwrap_or(*tokens_max),
            stop: if options.stop.is_empty() { stop.clone() } else { options.stop.clone() },
            class,
            policy: extension.policy,
            route: extension.route,
            deadline: extension.deadline_ms.map(|ms| clock::now() + Duration::from_millis(ms)),
            bytes_max: extension.budget.map(|bytes| bytes.0),
            conversation: extension.conversation,
            callback: extension.callback.clone(),
            key: extension.key.clone(),
            trace: None,
        })
    }

    /// The same, in the trace of its caller.
    pub(super) fn traced(self, trace: Option<TraceContext>) -> Self {
        Self { trace, ..self }
    }

    /// What errors call the parts of it.
    pub(super) const fn parameters(&self) -> Parameters {
        Parameters { asked: self.said.parameter(), grammar: self.grammar_by }
    }

    /// How the target chooses for reply `index`.
    pub(super) fn sampling(&self, index: u32) -> Result<Sampling, SamplingError> {
        let seed = self.seed.wrapping_add(index.into());
        Sampling::new(self.temperature, self.top_k, self.top_p, seed)
    }
}

/// What only an assistant can do.
fn check_routing(extension: &Extension, options: &Options, staff: &Staff) -> Result<(), ApiError> {
    let several = options.n > 1;
    let says = |param: &str, what: &str| Err(ApiError::invalid(format!("causeway.{param}"), what));
    if !staff.routes() {
        let needs = "needs a device that routes: [routing], [intents], [journal] or [budgets] in its configuration";
        let asked = [
            ("route", extension.route.is_some()),
            ("conversation", extension.conversation.is_some()),
            ("callback", extension.callback.is_some()),
            ("key", extension.key.is_some()),
        ];
        if let Some((param, _)) = asked.into_iter().find(|(_, asked)| *asked) {
            return says(param, needs);
        }
        return Ok(());
    }
    let once = "has one reply: leave out `n`";
    if several && extension.conversation.is_some() {
        return says("conversation", &format!("what is said in a conversation {once}"));
    }
    if several && extension.key.is_some() {
        return says("key", &format!("what a key names {once}"));
    }
    match extension.route {
        Some(Route::Local | Route::Hybrid) => Ok(()),
        Some(Route::Action | Route::Deferred) | None if several => {
            let once = "what acts, or waits, does so once: leave it out, or say causeway.route \"local\" or \"hybrid\"";
            Err(ApiError::invalid("n", once))
        }
        Some(Route::Action | Route::Deferred) | None => Ok(()),
    }
}
