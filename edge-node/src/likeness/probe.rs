//! The draft model reads a prompt and says its first words: what [`Features`] are made of.
//!
//! None of it is lost: the KV of the prompt stays, and the first words are the answer's, or its first drafts.

use super::features::Features;
use super::glance::Glance;
use crate::local_model::LocalError;
use crate::sequence::StageSequence;
use base::{Allowed, Position, Sampling, TokenId};
use runtime::sampler;
use runtime::{ForwardError, SpanOutput};

/// Own tokens that are looked at. More of them tell good answers from others a little better, but with 16 most
/// answers of the demo pair are said already.
const FIRST: usize = 8;

/// The prompt's last new tokens that are looked at: each takes a row of the head more.
const NEW_MAX: usize = 64;

/// What the draft model made of a prompt.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) features: Features,
    /// Its own first tokens.
    pub(super) said: Vec<TokenId>,
    /// How sure it was of each.
    pub(super) glances: Vec<Glance>,
}

/// Reads `prompt`, whose tokens from `new` on the conversation has not had yet, and looks at what follows,
/// in a text of `positions_max` tokens at most. Costs the reading, a row of the head for each new token, and some passes of one row.
///
/// # Errors
///
/// [`LocalError`] where the prompt does not fit the model.
///
/// # Panics
///
/// Where the prompt is empty.
pub(crate) fn probe(
    draft: &mut StageSequence,
    prompt: &[TokenId],
    new: usize,
    positions_max: usize,
    end_tokens: &[TokenId],
) -> Result<Probe, LocalError> {
    let new = new.clamp(prompt.len().saturating_sub(NEW_MAX).max(1), prompt.len());
    let rows = rows(draft, prompt, new - 1)?;
    let mut rows = rows.chunks_exact(draft.vocab());
    let probability =
        |(token, row): (&TokenId, &[f32])| sampler::probability(row, &Allowed::Any, *token);
    let words = &prompt[new..];
    let probabilities: Vec<f32> = words.iter().zip(rows.by_ref()).map(probability).collect();

    let mut row = rows.next().expect("a row behind each token").to_vec();
    let (mut text, mut glances) = (prompt.to_vec(), Vec::new());
    let is_complete = loop {
        let token = greedy(&row)?;
        text.push(token);
        glances.push(Glance::of(&row));
        if end_tokens.contains(&token) {
            break true;
        }
        if glances.len() == FIRST || text.len() >= positions_max {
            break false;
        }
        row = last_row(draft, &text)?;
    };
    let features = Features::new(&probabilities, &glances, is_complete, prompt.len());
    Ok(Probe { features, said: text.split_off(prompt.len()), glances })
}

/// The logits of each row of `text[from..]`, `[T, V]`.
pub(super) fn rows(
    model: &mut StageSequence,
    text: &[TokenId],
    from: usize,
) -> Result<Vec<f32>, ForwardError> {
    Ok(logits(model.run_each(text, from)?))
}

/// The logits of the last row of `text`, `[V]`.
pub(super) fn last_row(
    model: &mut StageSequence,
    text: &[TokenId],
) -> Result<Vec<f32>, ForwardError> {
    Ok(logits(model.run(text, text.len() - 1)?))
}

fn logits(output: SpanOutput) -> Vec<f32> {
    match output {
        SpanOutput::Logits(logits) => logits,
        SpanOutput::Hidden(_) => unreachable!("a whole model has a head"),
    }
}

/// The likeliest token of a row: the model's own at temperature 0.
pub(super) fn greedy(row: &[f32]) -> Result<TokenId, LocalError> {
    // Where it is the likeliest that counts, the place of the row does not.
    Ok(sampler::choose(row, &Allowed::Any, &Sampling::GREEDY, Position(0))?)
}
