//! Both models, and what each makes of the other's words.

use super::Subject;
use super::exchange::{Exchange, Times};
use crate::likeness::features::mean;
use crate::likeness::probe::{Probe, greedy, last_row, probe, rows};
use crate::likeness::{ANSWER_TOKENS, Agreement};
use crate::local_model::LocalError;
use crate::models::Models;
use crate::sequence::StageSequence;
use anyhow::Context as _;
use base::{KvFormat, TokenId};
use runtime::{KvOptions, ModelFile, Pool, StageSpec, Tokenizer, Turn};
use settings::Pace;
use std::sync::Arc;
use std::time::Instant;

/// The device's pair, in one process.
#[derive(Debug)]
pub(super) struct Pair {
    draft: StageSequence,
    target: StageSequence,
    tokenizer: Tokenizer,
    positions_max: usize,
}

impl Pair {
    /// Loads both of `models`.
    ///
    /// # Errors
    ///
    /// Where weights are missing or memory is short.
    pub(super) fn load(models: &Models, subject: &Subject) -> anyhow::Result<Self> {
        let count = subject.engine.threads;
        let threads = Pool::new(count).map(Arc::new);
        let threads = threads.with_context(|| format!("cannot start {count} compute threads"))?;
        let positions_max = models.context_length(subject.engine.positions_max);
        let load = |model: &Option<ModelFile>, format: KvFormat| {
            let model = model.as_ref().context("one of the two models is missing")?;
            let (spec, kv) = (
                StageSpec::whole(model.config().layers),
                KvOptions { format, ..KvOptions::default() },
            );
            let pace = Pace::default();
            anyhow::Ok(StageSequence::load(model, spec, &threads, positions_max, &kv, pace)?)
        };
        Ok(Self {
            draft: load(&models.draft, subject.kv.draft)?,
            target: load(&models.target, subject.kv.target)?,
            tokenizer: models.tokenizer.clone(),
            positions_max: positions_max as usize,
        })
    }

    /// Answers each request of a conversation as it was led, and adds what became of it to `exchanges`. How
    /// many requests had no room for an answer and were left out.
    ///
    /// # Errors
    ///
    /// Where the models' chat template refuses the turns.
    pub(super) fn run(
        &mut self,
        conversation: usize,
        turns: &[Turn],
        exchanges: &mut Vec<Exchange>,
    ) -> anyhow::Result<usize> {
        let (mut before, mut left_out) = (Vec::new(), 0);
        let requests = turns.iter().enumerate().filter(|(_, turn)| turn.role == "user");
        for at in requests.map(|(at, _)| at) {
            let prompt = self.prompt(&turns[..=at]);
            let prompt = prompt.with_context(|| format!("conversation {}", conversation + 1))?;
            if prompt.len() + ANSWER_TOKENS > self.positions_max {
                left_out += 1;
                continue;
            }
            let new = prompt.iter().zip(&before).take_while(|(a, b)| a == b).count();
            exchanges.push(self.exchange(conversation, &prompt, new)?);
            before = prompt;
        }
        Ok(left_out)
    }

    /// As the device makes one of a conversation.
    fn prompt(&self, turns: &[Turn]) -> anyhow::Result<Vec<TokenId>> {
        if self.tokenizer.has_chat_template() {
            return Ok(self.tokenizer.chat(turns)?);
        }
        Ok(self.tokenizer.prompt(turns.last().map_or("", |turn| &turn.content)))
    }

    fn exchange(
        &mut self,
        conversation: usize,
        prompt: &[TokenId],
        new: usize,
    ) -> anyhow::Result<Exchange> {
        let end_tokens = self.tokenizer.end_tokens().to_vec();
        // Once as if nobody asked for features, so that it is known what they take.
        let started = Instant::now();
        answer(&mut self.draft, prompt, Vec::new(), &end_tokens)?;
        let plain = started.elapsed();
        self.draft.catch_up(&prompt[..new])?;
        let started = Instant::now();
        let Probe { features, said, glances } =
            probe(&mut self.draft, prompt, new, self.positions_max, &end_tokens)?;
        let probe = started.elapsed();
        let own = answer(&mut self.draft, prompt, said, &end_tokens)?;
        let times = Times { plain, probe, answer: started.elapsed() };
        let theirs = answer(&mut self.target, prompt, Vec::new(), &end_tokens)?;
        Ok(Exchange {
            conversation,
            features,
            entropy: mean(glances.iter().map(|glance| glance.entropy)),
            own: agreement(&mut self.target, prompt, &own)?,
            hybrid: agreement(&mut self.draft, prompt, &theirs)?,
            times,
        })
    }
}

/// What `model` answers to `prompt`, greedily, from what it has `said` of it already.
fn answer(
    model: &mut StageSequence,
    prompt: &[TokenId],
    said: Vec<TokenId>,
    end_tokens: &[TokenId],
) -> Result<Vec<TokenId>, LocalError> {
    let mut text = [prompt, &said].concat();
    let is_open = |text: &[TokenId]| {
        let said = &text[prompt.len()..];
        said.len() < ANSWER_TOKENS && said.last().is_none_or(|last| !end_tokens.contains(last))
    };
    while is_open(&text) {
        let row = last_row(model, &text)?;
        text.push(greedy(&row)?);
    }
    Ok(text.split_off(prompt.len()))
}

/// How many tokens of an `answer` to `prompt` `model` would have chosen itself, each after those before.
fn agreement(
    model: &mut StageSequence,
    prompt: &[TokenId],
    answer: &[TokenId],
) -> Result<Agreement, LocalError> {
    let text = [prompt, &answer[..answer.len() - 1]].concat();
    let rows = rows(model, &text, prompt.len() - 1)?;
    let (mut agreed, mut judged) = (0, 0);
    for (row, token) in rows.chunks_exact(model.vocab()).zip(answer) {
        judged += 1;
        agreed += u32::from(greedy(row)? == *token);
    }
    Ok(Agreement::new(agreed, judged))
}
