//! The bodies of the two messages that are sent for every few tokens: drafts and verdicts.
//!
//! ```text
//!  Draft:    epoch base check×4 token …
//!  Verdict:  shape epoch from passes [accepted] [count marks …] [rows us] [likelihoods] token …
//!            │
//!            └ 7 6 5 4 3 2 1 0
//!              │ │ │ └───┬───┘ drafts accepted; 31: and so many more, which follow
//!              │ │ └ marks of what was said follow, eight in a byte, the first one lowest
//!              │ └ what the pass took follows
//!              └ how likely the tokens were follows, as `likely.rs` has it
//! ```
//!
//! Numbers are varints but for the check and `passes`; tokens fill the body to its end. A message has one
//! spelling. Half the bytes of a round are these fields: bincode takes five more for each verdict, three
//! more for each chunk.

use super::{Cost, Draft, Verdict, likely};
use crate::{Epoch, PrefixCheck, token_run, varint};
use base::{Likelihoods, Position};

/// As many drafts are accepted as the shape says, and more.
const MORE_ACCEPTED: u8 = 0x1f;

/// Marks follow.
const AGREED: u8 = 0x20;

/// A cost follows.
const COST: u8 = 0x40;

/// Likelihoods follow.
const LIKELY: u8 = 0x80;

pub(super) fn put_draft(draft: &Draft) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + 2 * draft.tokens.len());
    varint::put(&mut bytes, draft.epoch.0);
    varint::put(&mut bytes, draft.base.0);
    bytes.extend(draft.prefix.0);
    token_run::put(&mut bytes, &draft.tokens);
    bytes
}

pub(super) fn take_draft(mut bytes: &[u8]) -> Option<Draft> {
    let bytes = &mut bytes;
    Some(Draft {
        epoch: Epoch(varint::take(bytes)?),
        base: Position(varint::take(bytes)?),
        prefix: PrefixCheck(*bytes.split_off(..4)?.as_array()?),
        tokens: token_run::parse(bytes)?,
    })
}

pub(super) fn put_verdict(verdict: &Verdict) -> Vec<u8> {
    let Verdict { epoch, from, agreed, accepted, tokens, likelihoods, passes, cost } = verdict;
    let more = accepted.checked_sub(MORE_ACCEPTED.into());
    let low = u8::try_from(*accepted).map_or(MORE_ACCEPTED, |accepted| accepted.min(MORE_ACCEPTED));
    let shape = |set: bool, bit: u8| if set { bit } else { 0 };
    let mut bytes = Vec::with_capacity(16 + 2 * tokens.len());
    let (marks, likely) = (!agreed.is_empty(), !likelihoods.is_empty());
    bytes.push(low | shape(marks, AGREED) | shape(cost.is_some(), COST) | shape(likely, LIKELY));
    varint::put(&mut bytes, epoch.0);
    varint::put(&mut bytes, from.0);
    bytes.push(*passes);
    more.iter().for_each(|more| varint::put(&mut bytes, *more));
    if marks {
        varint::put(&mut bytes, u32::try_from(agreed.len()).unwrap_or(u32::MAX));
        bytes.extend(agreed.chunks(8).map(packed));
    }
    if let Some(Cost { rows, us }) = cost {
        varint::put(&mut bytes, *rows);
        varint::put(&mut bytes, *us);
    }
    if likely {
        likely::put(&mut bytes, likelihoods);
    }
    token_run::put(&mut bytes, tokens);
    bytes
}

pub(super) fn take_verdict(mut bytes: &[u8]) -> Option<Verdict> {
    let bytes = &mut bytes;
    let shape = *bytes.split_off_first()?;
    let [has_marks, has_cost, has_likelihoods] = [AGREED, COST, LIKELY].map(|bit| shape & bit != 0);
    let (epoch, from) = (Epoch(varint::take(bytes)?), Position(varint::take(bytes)?));
    let passes = *bytes.split_off_first()?;
    let low = shape & MORE_ACCEPTED;
    let more = if low == MORE_ACCEPTED { varint::take(bytes)? } else { 0 };
    let accepted = u32::from(low).checked_add(more)?;
    let agreed = if has_marks { take_marks(bytes)? } else { Vec::new() };
    let cost = match has_cost {
        true => Some(Cost { rows: varint::take(bytes)?, us: varint::take(bytes)? }),
        false => None,
    };
    let likelihoods = if has_likelihoods { take_likelihoods(bytes)? } else { Vec::new() };
    let tokens = token_run::parse(bytes)?;
    Some(Verdict { epoch, from, agreed, accepted, tokens, likelihoods, passes, cost })
}

/// Up to eight marks in a byte.
fn packed(marks: &[bool]) -> u8 {
    marks.iter().rev().fold(0, |byte, mark| byte << 1 | u8::from(*mark))
}

fn take_marks(bytes: &mut &[u8]) -> Option<Vec<bool>> {
    let count = varint::take(bytes)? as usize;
    let packed = bytes.split_off(..count.div_ceil(8))?;
    let mark = |at: usize| packed[at / 8] >> (at % 8) & 1 == 1;
    let padding = (count..packed.len() * 8).any(mark);
    (count > 0 && !padding).then(|| (0..count).map(mark).collect())
}

/// Some, where the shape says that there are.
fn take_likelihoods(bytes: &mut &[u8]) -> Option<Vec<Likelihoods>> {
    likely::take(bytes).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::TokenId;

    fn verdict(agreed: usize, accepted: u32, cost: Option<Cost>) -> Verdict {
        Verdict {
            epoch: Epoch(2),
            from: Position(300),
            agreed: (0..agreed).map(|at| at % 3 != 1).collect(),
            accepted,
            tokens: [7, 300].map(TokenId).to_vec(),
            likelihoods: Vec::new(),
            passes: 200,
            cost,
        }
    }

    #[test]
    fn a_verdict_of_every_shape_comes_back() {
        let cost = Some(Cost { rows: 3, us: 41_000 });
        for agreed in [0, 1, 7, 8, 9, 500] {
            for accepted in [0, 1, 30, 31, 32, 64] {
                for (cost, likely) in [(None, 0), (cost, 0), (None, 1), (cost, 3)] {
                    let one = Likelihoods { chosen: (TokenId(7), -0.5), top: Vec::new() };
                    let likelihoods = vec![one; likely];
                    let verdict = Verdict { likelihoods, ..verdict(agreed, accepted, cost) };
                    assert_eq!(take_verdict(&put_verdict(&verdict)), Some(verdict));
                }
            }
        }
    }

    #[test]
    fn the_targets_next_word_takes_seven_bytes() {
        let verdict = Verdict { tokens: vec![TokenId(300)], ..verdict(0, 0, None) };
        assert_eq!(put_verdict(&verdict).len(), 7);
    }

    #[test]
    fn other_spellings_of_a_verdict_are_refused() {
        let whole = put_verdict(&verdict(3, 0, None));
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            take_verdict(&bytes)
        };
        let (shape, count, marks) = (0, 5, 6);
        assert_eq!((whole[count], whole[marks]), (3, 0b101));
        assert_eq!(with(shape, LIKELY | whole[shape]), None, "likelihoods that are not there");
        assert_eq!(take_verdict(&[LIKELY, 1, 1, 1, 0]), None, "likelihoods of nothing");
        assert_eq!(with(count, 0), None, "marks that are none");
        assert_eq!(with(marks, 0b1101), None, "padding that is not zero");
        assert_eq!(with(count, 200), None, "more marks than there are bytes");
        assert_eq!(take_verdict(&[]), None);
        assert_eq!(take_draft(&[1, 1, 0, 0, 0]), None, "half a check");
    }
}
