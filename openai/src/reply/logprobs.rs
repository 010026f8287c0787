//! Log probabilities of tokens, in the two shapes that OpenAI's endpoints have.
//!
//! A token is bytes, and not always text: a letter may be spread over two. Such tokens are written as escapes,
//! `\xe2\x82`, at the older endpoint with `bytes:` before it.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt::Write as _;

/// A token and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Likelihood {
    /// What the token spells.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability.
    pub logprob: f32,
}

/// A token of a choice, and the likeliest at its position.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprobs {
    /// The token that was chosen.
    pub token: Likelihood,
    /// As many of the likeliest as were asked for, the likeliest first.
    pub top: Vec<Likelihood>,
}

/// What stands for the logarithm of zero, as at OpenAI: JSON has no infinity.
const LOGPROB_MIN: f32 = -9999.0;

impl Likelihood {
    fn logprob(&self) -> f32 {
        self.logprob.max(LOGPROB_MIN)
    }

    /// As text; where that is not all, with `mark` before it and escapes for the rest.
    fn spelled(&self, mark: &str) -> String {
        if let Ok(text) = str::from_utf8(&self.bytes) {
            return text.to_owned();
        }
        let mut spelled = mark.to_owned();
        for chunk in self.bytes.utf8_chunks() {
            spelled.push_str(chunk.valid());
            for byte in chunk.invalid() {
                write!(spelled, "\\x{byte:02x}").expect("a string takes all that is written");
            }
        }
        spelled
    }

    /// Letters that begin in it: bytes that do not continue one.
    fn chars(&self) -> u64 {
        self.bytes.iter().map(|byte| u64::from(byte & 0b1100_0000 != 0b1000_0000)).sum()
    }
}

/// `logprobs` of a chat's choice.
#[derive(serde::Serialize)]
pub(super) struct ChatLogprobs<'a> {
    content: Vec<ChatToken<'a>>,
    refusal: (),
}

#[derive(serde::Serialize)]
struct ChatToken<'a> {
    #[serde(flatten)]
    token: ChatLikelihood<'a>,
    top_logprobs: Vec<ChatLikelihood<'a>>,
}

#[derive(serde::Serialize)]
struct ChatLikelihood<'a> {
    token: String,
    logprob: f32,
    bytes: &'a [u8],
}

impl<'a> ChatLogprobs<'a> {
    pub(super) fn of(tokens: &'a [TokenLogprobs]) -> Self {
        let content = tokens.iter().map(|token| ChatToken {
            token: ChatLikelihood::of(&token.token),
            top_logprobs: token.top.iter().map(ChatLikelihood::of).collect(),
        });
        Self { content: content.collect(), refusal: () }
    }
}

impl<'a> ChatLikelihood<'a> {
    fn of(likelihood: &'a Likelihood) -> Self {
        let token = likelihood.spelled("");
        Self { token, logprob: likelihood.logprob(), bytes: &likelihood.bytes }
    }
}

/// `logprobs` of a text's continuation.
#[derive(serde::Serialize)]
pub(super) struct TextLogprobs<'a> {
    tokens: Vec<String>,
    token_logprobs: Vec<f32>,
    top_logprobs: Vec<Top<'a>>,
    text_offset: Vec<u64>,
}

impl<'a> TextLogprobs<'a> {
    /// Of tokens before which the choice has `offset` letters.
    pub(super) fn of(tokens: &'a [TokenLogprobs], offset: u64) -> Self {
        let before = |offset: &mut u64, token: &TokenLogprobs| {
            let here = *offset;
            *offset += token.token.chars();
            Some(here)
        };
        Self {
            tokens: tokens.iter().map(|token| token.token.spelled(MARK)).collect(),
            token_logprobs: tokens.iter().map(|token| token.token.logprob()).collect(),
            top_logprobs: tokens.iter().map(|token| Top(&token.top)).collect(),
            text_offset: tokens.iter().scan(offset, before).collect(),
        }
    }
}

const MARK: &str = "bytes:";

/// A map from what tokens spell; of two that spell the same, the likelier.
struct Top<'a>(&'a [Likelihood]);

impl Serialize for Top<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut top = serializer.serialize_map(None)?;
        let mut seen = Vec::new();
        for likelihood in self.0 {
            let spelled = likelihood.spelled(MARK);
            if !seen.contains(&spelled) {
                top.serialize_entry(&spelled, &likelihood.logprob())?;
                seen.push(spelled);
            }
        }
        top.end()
    }
}
