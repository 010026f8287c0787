//! The tokenizer against independent emulations, hand-made vocabularies and published weights'.

mod byte_level;
mod chat;
mod folder;
mod sentence_piece;
mod stories;
mod stream;

use super::*;

/// A SentencePiece vocabulary: `<unk>`, `<s>`, `</s>`, all bytes, `pieces` from id 259 on, then
/// `markers` as control pieces.
fn sentence_piece(pieces: &[(&str, f32)], markers: &[&str]) -> GgufVocabulary {
    let mut vocabulary = GgufVocabulary {
        model: "llama".into(),
        tokens: vec!["<unk>".into(), "<s>".into(), "</s>".into()],
        scores: vec![0.0; 3],
        kinds: vec![2, 3, 3],
        bos: Some(1),
        eos: Some(2),
        ..GgufVocabulary::default()
    };
    let mut add = |name: String, score, kind| {
        vocabulary.tokens.push(name);
        vocabulary.scores.push(score);
        vocabulary.kinds.push(kind);
    };
    (0..=u8::MAX).for_each(|byte| add(format!("<0x{byte:02X}>"), 0.0, 6));
    pieces.iter().for_each(|&(name, score)| add(name.to_owned(), score, 1));
    markers.iter().for_each(|&name| add(name.to_owned(), 0.0, 3));
    vocabulary
}

/// A byte-level vocabulary: `<|endoftext|>`, the alphabet in the order of its characters, then what
/// `merges` make, then `markers`.
fn byte_level(pre: &str, merges: &[&str], markers: &[&str]) -> GgufVocabulary {
    let mut alphabet: Vec<char> =
        tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let mut tokens = vec!["<|endoftext|>".to_owned()];
    tokens.extend(alphabet.into_iter().map(String::from));
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let mut kinds = vec![1; tokens.len()];
    kinds[0] = 3;
    tokens.extend(markers.iter().map(|&marker| marker.to_owned()));
    kinds.resize(tokens.len(), 3);
    GgufVocabulary {
        model: "gpt2".into(),
        pre: Some(pre.to_owned()),
        tokens,
        kinds,
        merges: merges.iter().map(|&merge| merge.to_owned()).collect(),
        eos: Some(0),
        ..GgufVocabulary::default()
    }
}

fn build(vocabulary: GgufVocabulary) -> Tokenizer {
    Tokenizer::from_vocabulary(vocabulary).unwrap()
}

/// The pieces' names, which read better than ids.
fn names(tokenizer: &Tokenizer, text: &str, markers: Markers) -> Vec<String> {
    let tokens = tokenizer.encode(text, markers);
    let name = |&token: &TokenId| tokenizer.parts.vocabulary.get(token).unwrap().name.clone();
    tokens.iter().map(name).collect()
}

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

/// SplitMix64, for test data.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % end
    }
}
