//! What a verifier remembers: the text whose KV is held, and the target's choices along it.

use crate::branch::Tip;
use crate::{PrefixCheck, PrefixHash, Transcript};
use base::{Likelihoods, Position, TokenId};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Memory {
    held: Transcript,
    /// `choices[p]` is the target's choice after `held[..p]`, where it is known. One longer than
    /// `held`; the first is never known.
    choices: Vec<Option<TokenId>>,
    /// How likely they were, where that is asked for.
    likely: BTreeMap<usize, Likelihoods>,
}

/// A pass's tokens laid along what is held.
#[derive(Debug)]
pub(super) struct Placed {
    /// The position of `text[0]`.
    from: usize,
    /// The pass's tokens; before them the target's own choice, where the pass builds on it.
    text: Vec<TokenId>,
    /// The text up to here is held as it is.
    pub(super) common: usize,
    /// Where the text ends.
    pub(super) tip: Tip,
}

impl Default for Memory {
    fn default() -> Self {
        Self { held: Transcript::default(), choices: vec![None], likely: BTreeMap::new() }
    }
}

impl Memory {
    pub(super) const fn held(&self) -> &Transcript {
        &self.held
    }

    pub(super) fn choice(&self, position: usize) -> Option<TokenId> {
        self.choices.get(position).copied().flatten()
    }

    pub(super) fn likelihoods(&self, position: usize) -> Option<&Likelihoods> {
        self.likely.get(&position)
    }

    /// Remembers the choice at `position`; one past what is held since was cut away meanwhile.
    pub(super) fn choose(&mut self, position: usize, token: TokenId, likely: Option<Likelihoods>) {
        if let Some(choice) = self.choices.get_mut(position) {
            *choice = Some(token);
            self.likely.extend(likely.map(|likely| (position, likely)));
        }
    }

    pub(super) fn forget_choices(&mut self) {
        self.choices.fill(None);
        self.likely.clear();
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.held.truncate(length);
        self.choices.truncate(self.held.len() + 1);
        self.likely.split_off(&self.choices.len());
    }

    /// Replaces what is held from `start` on.
    pub(super) fn put(&mut self, start: usize, tokens: &[TokenId]) {
        self.truncate(start);
        self.held.extend(tokens);
        self.choices.resize(self.held.len() + 1, None);
    }

    /// How many tokens are held, `asked` at most, and their hash.
    pub(super) fn holds_up_to(&self, asked: usize) -> (Position, PrefixHash) {
        let held = self.held.len().min(asked);
        let prefix = self.held.hash(held).expect("every held prefix has its hash");
        (Position::after(held), prefix)
    }

    /// Lays `tokens` from `base` on along what is held: on the held text, or on it and the target's
    /// own choice after it. `None` where the prefix is neither.
    pub(super) fn place(
        &self,
        base: usize,
        prefix: PrefixCheck,
        tokens: &[TokenId],
    ) -> Option<Placed> {
        if let Some(hash) = self.held.hash(base).filter(|hash| hash.check() == prefix) {
            return Some(self.placed(base, hash, tokens.to_vec()));
        }
        self.place_after_own(base, prefix, tokens)
    }

    /// Lays `tokens` from `base` on behind the target's own choice. `None` where the prefix does not
    /// end in that.
    pub(super) fn place_after_own(
        &self,
        base: usize,
        prefix: PrefixCheck,
        tokens: &[TokenId],
    ) -> Option<Placed> {
        let before = base.checked_sub(1)?;
        let own = self.choice(before)?;
        let hash = self.held.hash(before)?;
        let text = || [&[own], tokens].concat();
        (hash.extend(&[own]).check() == prefix).then(|| self.placed(before, hash, text()))
    }

    fn placed(&self, from: usize, hash: PrefixHash, text: Vec<TokenId>) -> Placed {
        let common = from + self.held.agreement(from, &text);
        let tip = Tip::new(from, hash).after(&text);
        Placed { from, text, common, tip }
    }
}

impl Placed {
    /// The same text with `tokens` at its end.
    pub(super) fn extend(&mut self, tokens: &[TokenId], held: &Transcript) {
        if self.common == self.tip.length() {
            self.common += held.agreement(self.common, tokens);
        }
        self.text.extend(tokens);
        self.tip = self.tip.after(tokens);
    }

    /// The token at `position`, which is not before the text begins.
    pub(super) fn get(&self, position: usize) -> Option<TokenId> {
        self.text.get(position - self.from).copied()
    }

    /// The tokens of the rows from `start` on: the text's, before them what is held.
    pub(super) fn rows_from(&self, start: usize, held: &Transcript) -> Vec<TokenId> {
        match start.checked_sub(self.from) {
            Some(skip) => self.text[skip..].to_vec(),
            None => [&held.tokens()[start..self.from], &self.text].concat(),
        }
    }
}
