//! Which pieces a stretch of text becomes: the two kinds of merge tables, and what is left of
//! text that has no piece.

use super::error::TokenizerError;
use super::merge::{Joined, Symbol, merge};
use super::vocabulary::{Kind, Vocabulary, byte_of};
use base::TokenId;
use std::collections::HashMap;

/// A merge table with its fall-back.
#[derive(Debug)]
pub(super) struct Model {
    table: Table,
    fallback: Fallback,
}

#[derive(Debug)]
enum Table {
    /// SentencePiece: any neighbours whose concatenation is a piece may join, best score first.
    Scores { pieces: HashMap<String, Joined> },
    /// BPE: the listed pairs join, in the order of the list.
    Pairs {
        pieces: HashMap<String, u32>,
        merges: HashMap<(u32, u32), Joined>,
        /// A word that is a piece is that piece, whatever the merges say.
        whole_words: bool,
    },
}

/// What a character without a piece becomes: its bytes, else the unknown piece, else nothing.
#[derive(Debug)]
struct Fallback {
    bytes: [Option<u32>; 256],
    unknown: Option<u32>,
    /// Whether neighbouring unknown characters share one unknown piece.
    fuse: bool,
}

impl Model {
    /// A SentencePiece model. `scores` has an entry a piece; higher is better.
    ///
    /// Control and user-defined pieces are no text: no merge leads to one.
    pub(super) fn sentence_piece(
        vocabulary: &Vocabulary,
        scores: &[f32],
        unknown: Option<u32>,
    ) -> Self {
        // Equal scores share a rank, so that the leftmost of equals joins first.
        let mut order = scores.to_vec();
        order.sort_unstable_by(|a, b| b.total_cmp(a));
        order.dedup();
        let mut pieces = HashMap::new();
        for ((TokenId(id), piece), score) in vocabulary.iter().zip(scores) {
            if matches!(piece.kind, Kind::Normal | Kind::Unused) && !piece.name.is_empty() {
                let rank = order.partition_point(|other| other > score);
                let rank = u32::try_from(rank).unwrap_or(u32::MAX);
                pieces.entry(piece.name.clone()).or_insert(Joined { rank, id });
            }
        }
        let fallback = Fallback { bytes: byte_pieces(vocabulary), unknown, fuse: false };
        Self { table: Table::Scores { pieces }, fallback }
    }

    /// A BPE model; `merges` in order of rank.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::BadMerge`] where a merge's halves or its result are no pieces.
    pub(super) fn bpe(
        vocabulary: &Vocabulary,
        merges: &[(String, String)],
        options: BpeOptions,
    ) -> Result<Self, TokenizerError> {
        let mut pieces = HashMap::new();
        for (TokenId(id), piece) in vocabulary.iter() {
            if !piece.kind.is_hidden() && !piece.name.is_empty() {
                pieces.entry(piece.name.clone()).or_insert(id);
            }
        }
        let mut joined = HashMap::with_capacity(merges.len());
        for (index, (left, right)) in merges.iter().enumerate() {
            let id = |name: &str| pieces.get(name).copied();
            let found = id(left).zip(id(right)).zip(id(&format!("{left}{right}")));
            let (Some((pair, id)), Ok(rank)) = (found, u32::try_from(index)) else {
                let merge = format!("{left} {right}");
                return Err(TokenizerError::BadMerge { index, merge });
            };
            joined.entry(pair).or_insert(Joined { rank, id });
        }
        let BpeOptions { whole_words, byte_fallback, unknown, fuse_unknown } = options;
        let bytes = if byte_fallback { byte_pieces(vocabulary) } else { [None; 256] };
        let fallback = Fallback { bytes, unknown, fuse: fuse_unknown };
        Ok(Self { table: Table::Pairs { pieces, merges: joined, whole_words }, fallback })
    }

    /// Adds the tokens of one word.
    pub(super) fn encode(&self, word: &str, tokens: &mut Vec<TokenId>) {
        if let Table::Pairs { pieces, whole_words: true, .. } = &self.table
            && let Some(&id) = pieces.get(word)
        {
            return tokens.push(TokenId(id));
        }
        let letters = word.char_indices().map(|(at, letter)| {
            let span = at..at + letter.len_utf8();
            Symbol { id: self.piece(&word[span.clone()]), span }
        });
        match &self.table {
            // A character without a piece may still be part of one.
            Table::Scores { pieces } => {
                let join = |left: &Symbol, right: &Symbol| {
                    pieces.get(&word[left.span.start..right.span.end]).copied()
                };
                self.fallback.finish(word, merge(letters.collect(), join), tokens);
            }
            // Pairs join pieces, so whatever is none falls back before.
            Table::Pairs { merges, .. } => {
                let join =
                    |left: &Symbol, right: &Symbol| merges.get(&(left.id?, right.id?)).copied();
                let letters = self.fallback.spell(word, letters.collect());
                self.fallback.finish(word, merge(letters, join), tokens);
            }
        }
    }

    fn piece(&self, text: &str) -> Option<u32> {
        match &self.table {
            Table::Scores { pieces } => pieces.get(text).map(|joined| joined.id),
            Table::Pairs { pieces, .. } => pieces.get(text).copied(),
        }
    }
}

/// What a BPE model's file says beside its merges.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BpeOptions {
    pub(super) whole_words: bool,
    pub(super) byte_fallback: bool,
    pub(super) unknown: Option<u32>,
    pub(super) fuse_unknown: bool,
}

impl Fallback {
    /// Replaces characters that are no piece by their bytes, where all of these are pieces.
    fn spell(&self, word: &str, letters: Vec<Symbol>) -> Vec<Symbol> {
        let mut spelled = Vec::with_capacity(letters.len());
        for letter in letters {
            match self.bytes_of(&word[letter.span.clone()]) {
                Some(bytes) if letter.id.is_none() => {
                    spelled.extend(
                        letter
                            .span
                            .zip(bytes)
                            .map(|(at, id)| Symbol { span: at..at + 1, id: Some(id) }),
                    );
                }
                Some(_) | None => spelled.push(letter),
            }
        }
        spelled
    }

    fn finish(&self, word: &str, symbols: Vec<Symbol>, tokens: &mut Vec<TokenId>) {
        let mut after_unknown = false;
        for symbol in symbols {
            let bytes = || self.bytes_of(&word[symbol.span.clone()]);
            if let Some(id) = symbol.id {
                tokens.push(TokenId(id));
                after_unknown = false;
            } else if let Some(bytes) = bytes() {
                tokens.extend(bytes.into_iter().map(TokenId));
                after_unknown = false;
            } else {
                if !(after_unknown && self.fuse) {
                    tokens.extend(self.unknown.map(TokenId));
                }
                after_unknown = true;
            }
        }
    }

    fn bytes_of(&self, text: &str) -> Option<Vec<u32>> {
        text.bytes().map(|byte| self.bytes[usize::from(byte)]).collect()
    }
}

/// The ids of the pieces `<0x00>` to `<0xFF>`.
fn byte_pieces(vocabulary: &Vocabulary) -> [Option<u32>; 256] {
    let mut bytes = [None; 256];
    for (TokenId(id), piece) in vocabulary.iter().filter(|(_, piece)| piece.kind == Kind::Byte) {
        if let Some(byte) = byte_of(&piece.name) {
            bytes[usize::from(byte)].get_or_insert(id);
        }
    }
    bytes
}
