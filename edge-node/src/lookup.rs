//! Drafts without a draft model: what followed when the text's last tokens stood there before.
//!
//! Text repeats itself: quotations of the prompt, code, names, lists, loops. A [`Lookup`] keeps the
//! text with an index of its pairs of tokens. To draft, it finds the places where the last 2 to 8
//! tokens stood before, keeps those of the longest match, and proposes the token that followed most
//! often; then the same again, with that token as the text's last.
//!
//! ```text
//!   text    … the  red  door  is  …  the  red  gate  …  open  the  red ▏
//!   pair "the red" ends here ┘                 ┘                   ┘
//!   each end points to the one before; the followers are "gate" and "door"
//! ```
//!
//! # Invariants
//!
//! - **The index says nothing that the text does not.** After [`Lookup::truncate`] it is that of the
//!   shorter text; tokens that are only drafted are matched but never indexed.
//! - **Bounded.** The last 65,536 tokens are kept, at some 50 bytes each; a drafted token reads at
//!   most 65 places of 8 tokens, and an added one costs one step.
//! - **Deterministic**: the map is never iterated.
//!
//! # Source
//!
//! The idea is that of prompt look-up and of SuffixDecoding (arXiv 2411.04975); pairs that are
//! chained stand for the suffix tree here, because a chain is as easily cut as it grows.

#[cfg(test)]
mod tests;

use base::TokenId;
use std::collections::{HashMap, VecDeque};
use std::iter;

/// Tokens of the text that are kept: more than the contexts of the models that draft.
const WINDOW: usize = 1 << 16;

/// A longer match than this says no more.
const MATCH_MAX: usize = 8;

/// Latest places that are looked at for one drafted token.
const PLACES_MAX: usize = 64;

/// The text so far, indexed for drafts.
#[derive(Debug, Clone)]
pub struct Lookup {
    end_tokens: Vec<TokenId>,
    window: usize,
    /// Position of the first token that is kept.
    start: usize,
    kept: VecDeque<Kept>,
    /// For each pair of kept neighbours, the position where it ended last.
    latest: HashMap<[TokenId; 2], usize>,
}

/// One token of the text.
#[derive(Debug, Clone, Copy)]
struct Kept {
    token: TokenId,
    /// Where the pair that ends here ended before; 0 if nowhere, because no pair ends at position 0.
    before: usize,
}

/// What followed the longest match, the latest place first.
#[derive(Debug, Default)]
struct Followers {
    matched: usize,
    counts: Vec<(TokenId, u8)>,
}

impl Lookup {
    /// Of an empty text. No draft goes on after one of `end_tokens`.
    pub fn new(end_tokens: &[TokenId]) -> Self {
        Self {
            end_tokens: end_tokens.to_vec(),
            window: WINDOW,
            start: 0,
            kept: VecDeque::new(),
            latest: HashMap::new(),
        }
    }

    /// The length of the text, forgotten tokens included.
    pub fn len(&self) -> usize {
        self.start + self.kept.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds to the text. Of a text of more than 65,536 tokens, the first are forgotten.
    pub fn extend(&mut self, tokens: &[TokenId]) {
        for &token in tokens {
            let end = self.len();
            let pair = self.kept.back().map(|last| [last.token, token]);
            let before = pair.and_then(|pair| self.latest.insert(pair, end)).unwrap_or(0);
            self.kept.push_back(Kept { token, before });
            if self.kept.len() > self.window {
                self.forget_first();
            }
        }
    }

    /// Cuts the text to `length`, counted from its beginning; nothing if it is not longer. What was
    /// forgotten before stays so.
    pub fn truncate(&mut self, length: usize) {
        while self.len() > length
            && let Some(cut) = self.kept.pop_back()
        {
            let Some(last) = self.kept.back() else { continue };
            let pair = [last.token, cut.token];
            if cut.before > self.start {
                self.latest.insert(pair, cut.before);
            } else {
                self.latest.remove(&pair);
            }
        }
        self.start = self.start.min(length);
    }

    /// Up to `wanted` tokens after the text: [`Self::draft_after`] without a tail.
    pub fn draft(&self, wanted: usize) -> Vec<(TokenId, f32)> {
        self.draft_after(&[], wanted)
    }

    /// Up to `wanted` tokens after the text and a `tail` that is not part of it yet, such as drafts
    /// that wait for their verdict. Fewer where the last two tokens stood nowhere before, and where
    /// the text ends: an end token is the last of a draft, and none comes after one.
    ///
    /// Each token has a confidence inside `0..1`, given that those before it are right: with `n`
    /// places of the longest match, `m` tokens long, of which `k` go on with the token,
    /// `(k + 1 - 2 / m) / (n + 1)`. It rises with the match, with its places and with their agreement,
    /// from 1/2 for one place that matches two tokens, and is meant to be corrected by experience.
    pub fn draft_after(&self, tail: &[TokenId], wanted: usize) -> Vec<(TokenId, f32)> {
        let mut drafts = Vec::new();
        let mut context = self.context(tail);
        let mut ended = self.is_ended(tail);
        while !ended && drafts.len() < wanted {
            let Some((token, confidence)) = self.next_after(&context) else { break };
            drafts.push((token, confidence));
            ended = self.end_tokens.contains(&token);
            context.push(token);
        }
        drafts
    }

    /// The last tokens of text and tail, as many as can match.
    fn context(&self, tail: &[TokenId]) -> Vec<TokenId> {
        let of_text = MATCH_MAX.saturating_sub(tail.len()).min(self.kept.len());
        let text = self.kept.range(self.kept.len() - of_text..).map(|kept| kept.token);
        text.chain(tail.iter().copied()).collect()
    }

    /// Whether an end token is the text's last or in the tail.
    fn is_ended(&self, tail: &[TokenId]) -> bool {
        let last = self.kept.back().map(|kept| kept.token);
        last.iter().chain(tail).any(|token| self.end_tokens.contains(token))
    }

    /// The likeliest token after `context`, with the confidence in it.
    fn next_after(&self, context: &[TokenId]) -> Option<(TokenId, f32)> {
        let [.., last_but_one, last] = context else { return None };
        let mut followers = Followers::default();
        let places = self.places([*last_but_one, *last]).filter_map(|end| {
            let follower = self.kept.get(end + 1 - self.start)?;
            Some((self.matched(end, context), follower.token))
        });
        for (matched, follower) in places.take(PLACES_MAX) {
            followers.add(matched, follower);
        }
        followers.best()
    }

    /// Where a pair ended before, the latest place first.
    fn places(&self, pair: [TokenId; 2]) -> impl Iterator<Item = usize> {
        let latest = self.latest.get(&pair).copied();
        let before = |end: &usize| self.kept[end - self.start].before;
        iter::successors(latest, move |end| Some(before(end)).filter(|end| *end > self.start))
    }

    /// How many tokens, [`MATCH_MAX`] at most, are the same before `end` and at the end of `context`.
    fn matched(&self, end: usize, context: &[TokenId]) -> usize {
        let before = self.kept.range(..=end - self.start).rev().take(MATCH_MAX);
        before.zip(context.iter().rev()).take_while(|(kept, token)| kept.token == **token).count()
    }

    /// The pair of the first two tokens goes with the first.
    fn forget_first(&mut self) {
        let forgotten = self.kept.pop_front();
        self.start += 1;
        if let (Some(forgotten), Some(first)) = (forgotten, self.kept.front()) {
            let pair = [forgotten.token, first.token];
            if self.latest.get(&pair) == Some(&self.start) {
                self.latest.remove(&pair);
            }
        }
    }
}

impl Followers {
    /// Counts one place. Longer matches make shorter ones worthless.
    fn add(&mut self, matched: usize, token: TokenId) {
        if matched > self.matched {
            *self = Self { matched, counts: Vec::new() };
        }
        if matched == self.matched {
            match self.counts.iter_mut().find(|(known, _)| *known == token) {
                Some((_, count)) => *count += 1,
                None => self.counts.push((token, 1)),
            }
        }
    }

    /// The most frequent, the latest of equals; with the confidence in it.
    fn best(&self) -> Option<(TokenId, f32)> {
        let counts = self.counts.iter().copied();
        let (token, count) =
            counts.reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        let places: u8 = self.counts.iter().map(|(_, count)| count).sum();
        let shortness = 2.0 / self.matched as f32;
        Some((token, (f32::from(count) + 1.0 - shortness) / (f32::from(places) + 1.0)))
    }
}
