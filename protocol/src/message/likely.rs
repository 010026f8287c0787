//! How likely the tokens of a verdict were, as bytes.
//!
//! ```text
//!   count, then for each token:  id  logarithm×4  count of the likeliest  (id  logarithm×4) …
//! ```
//!
//! Ids and counts are varints, logarithms `f32`, little-endian and finite.

use crate::{limits, varint};
use base::{Likelihoods, TokenId};

/// Bytes of the longest list for one token.
pub(crate) const LEN_MAX: usize = (limits::LIKELIEST_MAX as usize + 1) * (varint::LEN_MAX + 4) + 1;

pub(super) fn put(bytes: &mut Vec<u8>, all: &[Likelihoods]) {
    put_count(bytes, all.len());
    for Likelihoods { chosen, top } in all {
        put_one(bytes, *chosen);
        put_count(bytes, top.len());
        top.iter().for_each(|one| put_one(bytes, *one));
    }
}

/// Takes a list off `bytes`; `None` where they do not begin with one.
pub(super) fn take(bytes: &mut &[u8]) -> Option<Vec<Likelihoods>> {
    take_list(bytes, |bytes| {
        Some(Likelihoods { chosen: take_one(bytes)?, top: take_list(bytes, take_one)? })
    })
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    varint::put(bytes, u32::try_from(count).unwrap_or(u32::MAX));
}

fn put_one(bytes: &mut Vec<u8>, (token, logarithm): (TokenId, f32)) {
    varint::put(bytes, token.0);
    bytes.extend(logarithm.to_le_bytes());
}

fn take_one(bytes: &mut &[u8]) -> Option<(TokenId, f32)> {
    let token = TokenId(varint::take(bytes)?);
    let logarithm = f32::from_le_bytes(*bytes.split_off(..4)?.as_array()?);
    logarithm.is_finite().then_some((token, logarithm))
}

/// What there is no room for is found missing before room is made for it.
fn take_list<T>(
    bytes: &mut &[u8],
    mut take: impl FnMut(&mut &[u8]) -> Option<T>,
) -> Option<Vec<T>> {
    let count = varint::take(bytes)? as usize;
    (count <= bytes.len()).then_some(())?;
    (0..count).map(|_| take(bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<Likelihoods> {
        let top = [300, 7].map(|id| (TokenId(id), -1.5)).to_vec();
        vec![
            Likelihoods { chosen: (TokenId(7), -1.5), top },
            Likelihoods { chosen: (TokenId(u32::MAX), f32::MIN), top: Vec::new() },
        ]
    }

    #[test]
    fn a_list_comes_back_and_leaves_what_follows() {
        let mut bytes = Vec::new();
        put(&mut bytes, &list());
        bytes.push(99);
        let mut rest = &*bytes;
        assert_eq!(take(&mut rest), Some(list()));
        assert_eq!(rest, [99]);
    }

    #[test]
    fn lists_that_are_cut_or_of_what_is_no_number_are_refused() {
        let mut bytes = Vec::new();
        put(&mut bytes, &list());
        for end in 0..bytes.len() {
            assert_eq!(take(&mut &bytes[..end]), None, "{end}");
        }
        assert_eq!(take(&mut &[0xff, 0xff, 0xff, 0xff, 0x0f, 1][..]), None, "more than there is");
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut bytes = Vec::new();
            put(&mut bytes, &[Likelihoods { chosen: (TokenId(1), wrong), top: Vec::new() }]);
            assert_eq!(take(&mut &*bytes), None, "{wrong}");
        }
    }

    #[test]
    fn no_token_takes_more_than_is_reckoned_with() {
        let one = (TokenId(u32::MAX), -1.0);
        let top = vec![one; limits::LIKELIEST_MAX as usize];
        let mut bytes = Vec::new();
        put(&mut bytes, &[Likelihoods { chosen: one, top }]);
        assert_eq!(bytes.len(), 1 + LEN_MAX);
    }
}
