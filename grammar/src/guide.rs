//! Follows the reply in a text through its grammar, forwards and back.

use crate::compile::Compiled;
use crate::error::{GuideError, sentence};
use base::{Allowed, Position, TokenId, TokenSet};
use llguidance::Matcher;
use std::fmt;
use std::sync::Arc;

/// Says what may come next in a text whose reply a grammar holds.
pub struct Guide {
    grammar: Arc<Compiled>,
    from: usize,
    end_tokens: Vec<TokenId>,
    matcher: Matcher,
    /// What the matcher has consumed.
    followed: Vec<TokenId>,
    /// What is allowed after that, where it was asked for.
    allowed: Option<Allowed>,
}

impl Guide {
    /// For texts whose tokens `from` a position on are held to `grammar`, and end with one of `end_tokens`,
    /// whether these are text or not. Without any, a reply that is complete may go on with anything.
    pub fn new(grammar: Arc<Compiled>, from: Position, end_tokens: Vec<TokenId>) -> Self {
        let (from, matcher) = (from.index(), grammar.matcher());
        Self { grammar, from, end_tokens, matcher, followed: Vec::new(), allowed: None }
    }

    /// Which tokens may follow `text`. End tokens may where the reply in it is complete, and only they where
    /// nothing else may. Before the reply, after what is no beginning of one, and past its end anything may: the
    /// latter two are a wrong draft's, and nobody uses the answer.
    ///
    /// Cheap where `text` is close to the one before; a fresh guide gives the same.
    ///
    /// # Errors
    ///
    /// [`GuideError`]: the next question begins afresh.
    pub fn allowed_after(&mut self, text: &[TokenId]) -> Result<Allowed, GuideError> {
        let Some(reply) = text.get(self.from..) else { return Ok(Allowed::Any) };
        let allowed = self.answer(reply);
        if self.matcher.is_error() {
            self.matcher = self.grammar.matcher();
            self.followed.clear();
            self.allowed = None;
        }
        allowed.map_err(|error| GuideError(sentence(&error)))
    }

    fn answer(&mut self, reply: &[TokenId]) -> Result<Allowed, String> {
        if !self.follow(reply)? {
            return Ok(Allowed::Any);
        }
        if self.allowed.is_none() {
            self.allowed = Some(self.mask()?);
        }
        Ok(self.allowed.clone().unwrap_or_default())
    }

    /// Brings the matcher to the end of `reply`, or as far as that follows the grammar. Whether it all does.
    fn follow(&mut self, reply: &[TokenId]) -> Result<bool, String> {
        let same = self.followed.iter().zip(reply).take_while(|(a, b)| a == b).count();
        let back = self.followed.len() - same;
        if back > 0 {
            self.allowed = None;
            self.matcher.rollback(back).map_err(|error| error.to_string())?;
            self.followed.truncate(same);
        }
        let rest = &reply[same..];
        let text: Vec<u32> =
            rest.iter().take_while(|token| self.is_text(**token)).map(|token| token.0).collect();
        let consumed = self.matcher.try_consume_tokens(&text);
        let consumed = consumed.map_err(|error| error.to_string())?;
        if consumed > 0 {
            self.allowed = None;
            self.followed.extend(&rest[..consumed]);
        }
        Ok(consumed == rest.len())
    }

    fn is_text(&self, token: TokenId) -> bool {
        self.grammar.vocabulary().is_text(token) && !self.end_tokens.contains(&token)
    }

    /// What is allowed where the matcher is.
    fn mask(&mut self) -> Result<Allowed, String> {
        let mask = self.matcher.compute_mask_or_eos().map_err(|error| error.to_string())?;
        let end = self.grammar.vocabulary().end();
        let is_complete = mask.is_allowed(end);
        let mut words = Vec::<u32>::from(mask);
        let mut put = |token: u32, is_in: bool| {
            let Some(word) = words.get_mut(token as usize / 32) else { return };
            *word = *word & !(1 << (token % 32)) | u32::from(is_in) << (token % 32);
        };
        put(end, false);
        for token in &self.end_tokens {
            put(token.0, is_complete);
        }
        if is_complete && words.iter().all(|word| *word == 0) {
            return Ok(Allowed::Any);
        }
        Ok(Allowed::Only(TokenSet::from_words(words)))
    }
}

impl fmt::Debug for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guide").field("followed", &self.followed.len()).finish_non_exhaustive()
    }
}
