//! Masks of small vocabularies against enumerated languages; guides against fresh ones; what is refused; who waits.

mod masks;
mod places;
mod refusals;
mod walks;

use crate::{Grammars, Guide, Piece};
use base::{Allowed, Grammar, Position, TokenId};
use std::sync::LazyLock;

/// Ends a reply; the second of them is spelled.
const ENDS: [TokenId; 2] = [TokenId(0), TokenId(1)];

/// Two end tokens, a special one, each byte, some longer pieces, and one of them twice.
fn pieces() -> Vec<Piece> {
    let words =
        ["ab", "abc", "bc", "b\"", "\":", "{\"", "\",", "1,", "true", "é", "[1", "ab", "  "];
    let marks = [Piece::Special, Piece::Text(b"<end>".to_vec()), Piece::Special];
    let bytes = (0..=u8::MAX).map(|byte| Piece::Text(vec![byte]));
    let words = words.map(|word| Piece::Text(word.as_bytes().to_vec()));
    marks.into_iter().chain(bytes).chain(words).collect()
}

fn grammars() -> Grammars {
    Grammars::new(pieces)
}

fn guide(grammars: &Grammars, grammar: &Grammar) -> Guide {
    Guide::new(grammars.compile(grammar).unwrap(), Position(0), ENDS.to_vec())
}

fn ids() -> impl Iterator<Item = TokenId> {
    (0..u32::try_from(pieces().len()).unwrap()).map(TokenId)
}

/// The bytes of a token; `None` of one that no text has.
fn bytes_of(token: TokenId) -> Option<Vec<u8>> {
    static PIECES: LazyLock<Vec<Piece>> = LazyLock::new(pieces);
    match &PIECES[token.0 as usize] {
        Piece::Text(bytes) if !ENDS.contains(&token) => Some(bytes.clone()),
        Piece::Text(_) | Piece::Special => None,
    }
}

/// The tokens of `text`, a byte each.
fn spelled(text: &str) -> Vec<TokenId> {
    text.bytes().map(|byte| TokenId(3 + u32::from(byte))).collect()
}

fn permitted(allowed: &Allowed) -> Vec<TokenId> {
    ids().filter(|token| allowed.permits(*token)).collect()
}

/// SplitMix64, for test data.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % n
    }
}
