//! What both kinds of replies may be asked for: how long, by what chance, in what form.

use super::format;
use crate::error::ApiError;
use crate::json::{Field, Fields};
use base::Grammar;

/// Choices of one request.
const CHOICES_MAX: u32 = 8;
/// Texts of `stop`, as at OpenAI.
const STOPS_MAX: usize = 4;

/// How a reply is to be. What is `None` is for the configuration to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Whether it comes as it grows, as server-sent events.
    pub stream: bool,
    /// Whether a stream ends with what it cost.
    pub include_usage: bool,
    /// Tokens at most, of each choice; at least 1.
    pub tokens_max: Option<u32>,
    /// From 0 to 2; 0 takes the likeliest token always.
    pub temperature: Option<f32>,
    /// The probability mass of the likeliest tokens that stay: above 0, at most 1.
    pub top_p: Option<f32>,
    /// The bits of what is a signed number at OpenAI. Choice `i` is what seed + `i` gives.
    pub seed: Option<u64>,
    /// Texts that end the reply and are not in it; up to four, none empty.
    pub stop: Vec<String>,
    /// Choices, 1 to 8.
    pub n: u32,
    /// Whether log probabilities are wanted, and of how many of the likeliest tokens beside each: 0 to 20.
    pub logprobs: Option<u32>,
    /// What the reply has to be.
    pub format: Option<Grammar>,
}

impl Options {
    /// Takes what both endpoints have in common; `logprobs` is for the endpoint to read, which asks for them in its
    /// own way.
    pub(super) fn take(fields: &mut Fields, logprobs: Option<u32>) -> Result<Self, ApiError> {
        take_what_has_no_effect(fields)?;
        take_defaults_alone(fields)?;
        let stream = fields.take("stream").optional(Field::flag)?.unwrap_or(false);
        Ok(Self {
            stream,
            include_usage: include_usage(fields.take("stream_options"), stream)?,
            tokens_max: fields.take("max_tokens").optional(|field| field.small(1..=u32::MAX))?,
            temperature: fields.take("temperature").optional(temperature)?,
            top_p: fields.take("top_p").optional(top_p)?,
            seed: fields.take("seed").optional(Field::signed)?.map(i64::cast_unsigned),
            stop: fields.take("stop").optional(stop)?.unwrap_or_default(),
            n: fields.take("n").optional(|field| field.small(1..=CHOICES_MAX))?.unwrap_or(1),
            logprobs,
            format: fields.take("response_format").optional(format::read)?.flatten(),
        })
    }
}

/// The parameters that say nothing about a reply: what an account at OpenAI is charged, and what is kept there.
fn take_what_has_no_effect(fields: &mut Fields) -> Result<(), ApiError> {
    fields.take("user").optional(Field::text)?;
    fields.take("metadata").optional(Field::object)?;
    fields.take("service_tier").optional(Field::text)?;
    fields.take("store").optional(kept_nowhere)?;
    Ok(())
}

/// The parameters that change probabilities in a way that is not supported, and may say that they do not.
fn take_defaults_alone(fields: &mut Fields) -> Result<(), ApiError> {
    for name in ["presence_penalty", "frequency_penalty"] {
        fields
            .take(name)
            .optional(|field| field.number("0, its default", |number| number == 0.0))?;
    }
    fields.take("logit_bias").optional(no_bias)?;
    Ok(())
}

fn kept_nowhere(field: Field) -> Result<(), ApiError> {
    let refused = field.refuse("false: replies are not kept for later requests");
    if field.flag()? { Err(refused) } else { Ok(()) }
}

fn no_bias(field: Field) -> Result<(), ApiError> {
    let refused = field.complain("has biases; they are not supported, leave it out");
    if field.object()?.is_empty() { Ok(()) } else { Err(refused) }
}

fn include_usage(field: Field, stream: bool) -> Result<bool, ApiError> {
    if !field.is_absent() && !stream {
        return Err(field.complain("is for streams; leave it out, or set `stream` to true"));
    }
    let asked = field.optional(|field| {
        let mut fields = field.fields()?;
        let asked = fields.take("include_usage").optional(Field::flag)?;
        fields.end().map(|()| asked)
    })?;
    Ok(asked.flatten().unwrap_or(false))
}

fn temperature(field: Field) -> Result<f32, ApiError> {
    field.number("a number from 0 to 2", |number| (0.0..=2.0).contains(&number))
}

fn top_p(field: Field) -> Result<f32, ApiError> {
    field.number("a number above 0 and at most 1", |number| number > 0.0 && number <= 1.0)
}

fn stop(field: Field) -> Result<Vec<String>, ApiError> {
    if field.is_text() {
        return Ok(vec![field.words()?]);
    }
    field.list(1..=STOPS_MAX)?.into_iter().map(Field::words).collect()
}
