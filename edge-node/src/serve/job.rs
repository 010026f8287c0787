//! One request, from its turn to its end: on a task of its own, which whoever asked may leave.

use crate::compute::compute;
use crate::serve::answerer::{self, Answered};
use crate::serve::house::{House, Ticket};
use crate::serve::staff::Staff;
use crate::serve::telling::{Telling, Told};
use crate::serve::work::{Said, Work};
use base::TokenId;
use openai::{ApiError, Cost, Ending, TimeMs, Usage};
use runtime::Chat;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use transport::clock;

/// A request that is being answered. Where it is dropped, the answer ends within a pass.
pub(super) struct Job {
    told: mpsc::UnboundedReceiver<Told>,
    done: Option<JoinHandle<Result<Finished, ApiError>>>,
    _leave: DropGuard,
}

/// What happens to a request.
pub(super) enum Step {
    /// More of it.
    Told(Told),
    /// It is over.
    Over(Box<Result<Finished, ApiError>>),
}

/// A request that was answered.
pub(super) struct Finished {
    /// Its choices, in order.
    pub(super) choices: Vec<Answered>,
    /// What it took.
    pub(super) usage: Usage,
}

impl Finished {
    /// Which way it went: all choices of a request go the same, but for their luck with links.
    pub(super) fn ending(&self) -> &Ending {
        &self.choices.last().expect("a request has a choice").ending
    }
}

impl Job {
    /// Begins `work`, which came when `asked` says. Without a ticket its turn has not come in time.
    pub(super) fn begin(
        house: &Arc<House>,
        staff: &Arc<Staff>,
        work: Work,
        ticket: Option<Ticket>,
        asked: Instant,
    ) -> Self {
        let (to, told) = mpsc::unbounded_channel();
        let cancel = house.ending().child_token();
        let leave = cancel.clone().drop_guard();
        let (house, staff) = (Arc::clone(house), Arc::clone(staff));
        let done = tokio::spawn(async move {
            let queued = clock::now() - asked;
            let finished = match &ticket {
                Some(_) => answer(&house, &staff, &work, to, &cancel).await,
                None => Ok(late(&house, &staff, &work)),
            };
            let finished = finished.map(|choices| {
                let mut usage = usage(&choices);
                let time = &mut usage.cost.time_ms;
                time.queue = queued.as_secs_f64() * 1e3;
                // The rest, with what no choice knows of: what is done before the first, and between them.
                let all = (clock::now() - asked).as_secs_f64() * 1e3;
                time.waiting = (all - time.compute - time.queue - time.network).max(0.0);
                Finished { choices, usage }
            });
            if let Some(ticket) = ticket {
                ticket.end(&finished);
            }
            finished
        });
        Self { told, done: Some(done), _leave: leave }
    }

    /// What happens next. After it is over, nothing does.
    pub(super) async fn next(&mut self) -> Step {
        if let Some(told) = self.told.recv().await {
            return Step::Told(told);
        }
        let done = self.done.as_mut().expect("nobody asks again after the end");
        let over = done.await.unwrap_or_else(|panic| {
            tracing::error!(%panic, "a request panicked");
            Err(ApiError::server("the request failed for a reason of ours, which is in the log"))
        });
        self.done = None;
        Step::Over(Box::new(over))
    }
}

/// All choices of a request whose turn has not come in time: nobody answers it, so that those with a turn find one who
/// does.
fn late(house: &House, staff: &Staff, work: &Work) -> Vec<Answered> {
    let choices: Vec<_> = (0..work.n).map(|_| Answered::late(staff.usual_route())).collect();
    answerer::count(&choices, &house.metrics);
    choices
}

/// All choices, one after the other: each is what its seed gives.
async fn answer(
    house: &House,
    staff: &Staff,
    work: &Work,
    to: mpsc::UnboundedSender<Told>,
    cancel: &CancellationToken,
) -> Result<Vec<Answered>, ApiError> {
    let prompt = prompt(staff, work);
    let taken = compute(|| staff.take(&prompt));
    let mut answerer = taken.map_err(|error| ApiError::server(settings::chain(&error)))?;
    let mut choices = Vec::new();
    let mut outcome = Ok(());
    for index in 0..work.n {
        if cancel.is_cancelled() && index > 0 {
            break;
        }
        let left = work.bytes_max.map(|most| most.saturating_sub(crossed(&choices)));
        if work.deadline.is_some_and(|at| clock::now() >= at) || (index > 0 && left == Some(0)) {
            choices.push(Answered::late(staff.usual_route()));
            continue;
        }
        let spells = work.logprobs.map(|_| staff.device().models.tokenizer.clone());
        let mut telling = house.watch(Telling::new(index, to.clone(), spells));
        let sampling = work.sampling(index);
        let sampling =
            sampling.map_err(|error| ApiError::invalid("temperature", error.to_string()))?;
        match answerer.answer(work, (sampling, left), &mut telling, cancel).await {
            Ok(answered) => choices.push(answered),
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    staff.give_back(answerer);
    outcome.map(|()| choices)
}

/// Bytes that choices took of the links.
fn crossed(choices: &[Answered]) -> u64 {
    let replies = choices.iter().filter_map(|choice| choice.reply.as_ref());
    replies.map(|reply| reply.usage.bytes_sent + reply.usage.bytes_received).sum()
}

/// Its tokens, by which is looked who knows most of it; nothing, where they cannot be told yet.
fn prompt(staff: &Staff, work: &Work) -> Vec<TokenId> {
    let tokenizer = &staff.device().models.tokenizer;
    match &work.said {
        Said::Text(text) => tokenizer.prompt(text),
        Said::Turns { turns, tools } if tokenizer.has_chat_template() => {
            tokenizer.write(&Chat { tools, ..Chat::of(turns) }).unwrap_or_default()
        }
        Said::Turns { .. } => Vec::new(),
    }
}

/// What all choices took.
fn usage(choices: &[Answered]) -> Usage {
    let mut usage = Usage { prompt_tokens: 0, completion_tokens: 0, cost: Cost::default() };
    for reply in choices.iter().filter_map(|choice| choice.reply.as_ref()) {
        let own = &reply.usage;
        usage.prompt_tokens = own.prompt_tokens as u64;
        usage.completion_tokens += own.completion_tokens as u64;
        let verified = reply.verified.iter().filter(|verified| **verified).count() as u64;
        let cost = &mut usage.cost;
        cost.drafted += own.drafted;
        cost.accepted += own.accepted;
        cost.passes += own.target_passes;
        cost.failovers += own.failovers;
        cost.judged += own.judged as u64;
        cost.agreed += own.agreed as u64;
        cost.revised += own.revised as u64;
        cost.verified += verified;
        cost.unverified += reply.verified.len() as u64 - verified;
        cost.bytes_sent += own.bytes_sent;
        cost.bytes_received += own.bytes_received;
        cost.money += own.money;
        cost.energy_j = match (cost.energy_j, own.energy_j) {
            (Some(before), Some(more)) => Some(before + more),
            (before, more) => before.or(more),
        };
        let time = &own.time_ms;
        let TimeMs { compute, network, queue: _, waiting: _ } = &mut cost.time_ms;
        *compute += time.compute;
        *network += time.network;
        cost.ttft_ms = cost.ttft_ms.or(own.ttft_ms);
    }
    usage
}
