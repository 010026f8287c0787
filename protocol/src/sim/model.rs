//! The models of the simulated world: pure functions from the tokens before to the next one.

use crate::PrefixHash;
use crate::dice::Dice;
use base::{Likelihoods, TokenId};

/// Ends a text.
pub(super) const END: TokenId = TokenId(0);

/// What the target says after `before`: one of six words, or rarely the end.
pub(super) fn target(before: &[TokenId]) -> TokenId {
    word(PrefixHash::EMPTY.extend(before).0)
}

/// How likely the target takes that to be: another number after every text.
pub(super) fn likelihoods(before: &[TokenId]) -> Likelihoods {
    let [low, high, ..] = PrefixHash::EMPTY.extend(before).0.to_le_bytes();
    let logarithm = -f32::from(u16::from_le_bytes([low, high]));
    let chosen = (target(before), logarithm);
    Likelihoods { chosen, top: vec![chosen] }
}

/// What the device's draft model says: right in about `accept` of 100 cases.
pub(super) fn draft(before: &[TokenId], accept: u64) -> TokenId {
    let hash = PrefixHash::EMPTY.extend(before).0;
    let guess = Dice(hash ^ 1).roll();
    if guess % 100 < accept { word(hash) } else { word(guess) }
}

/// What is found by a look-up in the text: right in half of the cases.
pub(super) fn look_up(before: &[TokenId]) -> TokenId {
    let hash = PrefixHash::EMPTY.extend(before).0;
    if share(before, 4, 50) { word(hash) } else { word(hash ^ 4) }
}

/// Whether a text is one of `percent` of all; `salt` tells questions apart.
pub(super) fn share(text: &[TokenId], salt: u64, percent: u64) -> bool {
    Dice(PrefixHash::EMPTY.extend(text).0 ^ salt).percent(percent)
}

fn word(hash: u64) -> TokenId {
    let roll = Dice(hash).below(72);
    if roll == 0 { END } else { TokenId(u32::try_from(1 + roll % 6).unwrap()) }
}

/// The text that a request has whatever happens to its packets.
pub(super) fn reference(prompt: &[TokenId], tokens_max: usize) -> Vec<TokenId> {
    let mut text = prompt.to_vec();
    while text.len() < prompt.len() + tokens_max {
        let next = target(&text);
        text.push(next);
        if next == END {
            break;
        }
    }
    text.split_off(prompt.len())
}
