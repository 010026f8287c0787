//! A model of integers: wrong KV makes it say wrong words.
//!
//! ```text
//!   x of layer 0 = token          kv = f(layer, x)          past = g(past of the token before, kv)
//!   x of layer l + 1 = h(layer, x, past)                    choice = word(x of the last layer)
//! ```
//!
//! The upper half of a number, its *essence*, is a function of essences alone; the lower half, the *dust*,
//! of all. A lossy hop drops the dust: the text stays, and no bit of KV behind it is that of an exact hop.

use crate::dice::Dice;
use crate::prefix::mix;
use crate::{PrefixHash, Transcript};
use base::{LayerRange, TokenId, WireCodec};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Layers of each of the models.
pub(super) const LAYERS: u32 = 6;

/// Ends a text.
pub(super) const END: TokenId = TokenId(0);

const ESSENCE: u64 = 0xffff_ffff_0000_0000;

/// What a layer keeps of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) kv: u64,
    /// Of all KV of the layer up to here.
    pub(super) past: u64,
}

/// What is right for a token after the tokens before it, where nothing is rounded.
#[derive(Debug)]
pub(super) struct Exact {
    /// By layer.
    pub(super) cells: Vec<Cell>,
    /// Behind the last layer.
    pub(super) out: u64,
}

/// Knows what is right.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// By the model, and the hash of the text up to and with the token.
    known: BTreeMap<(u8, u64), Rc<Exact>>,
}

fn blend(salt: u64, a: u64, b: u64) -> u64 {
    let essence = mix(mix(salt ^ (a >> 32)).wrapping_add(b >> 32)) & ESSENCE;
    let dust = mix(mix(salt ^ a).wrapping_add(b)) & !ESSENCE;
    essence | dust
}

/// What the first layer reads.
pub(super) fn embed(model: u8, token: TokenId) -> u64 {
    blend(0xe3b0 + u64::from(model), u64::from(token.0) << 32, 0)
}

/// What `layer` keeps of a token.
pub(super) fn kv(model: u8, layer: u32, x: u64) -> u64 {
    blend(0xca5e + (u64::from(model) << 32) + u64::from(layer), x, 0)
}

/// The past that `kv` extends.
pub(super) const fn remember(past: u64, kv: u64) -> u64 {
    let essence = mix((past >> 32).wrapping_mul(3).wrapping_add(kv >> 32)) & ESSENCE;
    essence | (mix(past.wrapping_mul(3).wrapping_add(kv)) & !ESSENCE)
}

/// What `layer` hands on.
pub(super) fn attend(model: u8, layer: u32, x: u64, past: u64) -> u64 {
    blend(0xa77e + (u64::from(model) << 32) + u64::from(layer), x, past)
}

/// The word that is chosen behind the last layer: one of six, or rarely the end.
pub(super) fn choice(out: u64) -> TokenId {
    word(out >> 32)
}

/// What the device's draft model says where the target says `right`: that, in `accept` of 100 cases.
pub(super) fn draft(text: &[TokenId], right: TokenId, accept: u64) -> TokenId {
    let guess = Dice(PrefixHash::EMPTY.extend(text).0 ^ 1).roll();
    if guess % 100 < accept { right } else { word(guess) }
}

fn word(roll: u64) -> TokenId {
    let roll = Dice(roll).below_u32(240);
    if roll == 0 { END } else { TokenId(1 + roll % 6) }
}

/// Whether two numbers are those of the same tokens, however they were rounded.
pub(super) const fn is_same_essence(a: u64, b: u64) -> bool {
    (a ^ b) & ESSENCE == 0
}

/// Hidden states as they cross a hop.
pub(super) fn encode(states: &[u64], codec: WireCodec) -> Bytes {
    let low = if codec == WireCodec::F32 { 0 } else { 4 };
    states.iter().flat_map(|x| x.to_le_bytes().into_iter().skip(low)).collect()
}

/// Hidden states as they come out of a hop.
pub(super) fn decode(payload: &[u8], codec: WireCodec) -> Vec<u64> {
    let length = if codec == WireCodec::F32 { 8 } else { 4 };
    let number = |row: &[u8]| {
        let mut bytes = [0; 8];
        bytes[8 - length..].copy_from_slice(row);
        u64::from_le_bytes(bytes)
    };
    payload.chunks_exact(length).map(number).collect()
}

impl Oracle {
    /// What is right for the last token of the first `length` of `text`.
    pub(super) fn at(&mut self, model: u8, text: &Transcript, length: usize) -> Rc<Exact> {
        let key = |length| (model, text.hash(length).expect("it is within the text").0);
        let mut from = length;
        while from > 0 && !self.known.contains_key(&key(from)) {
            from -= 1;
        }
        for position in from..length {
            let before = self.known.get(&key(position)).filter(|_| position > 0).cloned();
            let mut x = embed(model, text.tokens()[position]);
            let mut cells = Vec::new();
            for layer in LayerRange::all(LAYERS).iter() {
                let past = before.as_ref().map_or(0, |before| before.cells[layer as usize].past);
                let kv = kv(model, layer, x);
                let past = remember(past, kv);
                x = attend(model, layer, x, past);
                cells.push(Cell { kv, past });
            }
            self.known.insert(key(position + 1), Rc::new(Exact { cells, out: x }));
        }
        Rc::clone(&self.known[&key(length)])
    }

    /// What the target says after `text`.
    pub(super) fn target(&mut self, model: u8, text: &[TokenId]) -> TokenId {
        let hash = PrefixHash::EMPTY.extend(text);
        if let Some(known) = self.known.get(&(model, hash.0)) {
            return choice(known.out);
        }
        let mut transcript = Transcript::default();
        transcript.extend(text);
        choice(self.at(model, &transcript, text.len()).out)
    }

    /// The text that a request has whatever happens to it.
    pub(super) fn reference(
        &mut self,
        model: u8,
        prompt: &[TokenId],
        tokens_max: usize,
    ) -> Vec<TokenId> {
        let mut text = prompt.to_vec();
        while text.len() < prompt.len() + tokens_max {
            let next = self.target(model, &text);
            text.push(next);
            if next == END {
                break;
            }
        }
        text.split_off(prompt.len())
    }
}

/// Goal: wrong KV makes wrong words, and a lossy hop none. Method: the past of the last layers is changed, or
/// a number is rounded, and a hundred tokens are run through a layer.
#[test]
fn a_word_depends_on_the_past_and_on_no_rounding() {
    let mut others = 0;
    for token in 0..100 {
        let (x, past) = (embed(0, TokenId(token)), embed(1, TokenId(token)));
        let out = attend(0, 3, x, past);
        others += u32::from(choice(out) != choice(attend(0, 3, x, past ^ (1 << 40))));
        let [rounded] = decode(&encode(&[x], WireCodec::F16), WireCodec::F16)[..] else { panic!() };
        assert_eq!(decode(&encode(&[x], WireCodec::F32), WireCodec::F32), [x]);
        assert!(rounded != x && choice(attend(0, 3, rounded, past)) == choice(out));
    }
    assert!(others > 70, "{others} of 100 words are others, of six");
}
