//! A text's tokens in chunks of equal length, each predicted by itself.

use anyhow::ensure;
use base::TokenId;
use std::ops::Range;

/// The shortest chunk. It has three tokens that count; below that there is hardly anything to score.
pub(crate) const CONTEXT_MIN: usize = 8;

/// Rows of one pass: enough to be efficient.
pub(crate) const PASS_ROWS_MAX: usize = 512;

/// Numbers that a pass may give: 64 MiB of them, and as much again while the model hands them over.
const LOGITS_MAX: usize = 16 << 20;

/// The chunks of a text. What is left behind the last whole one is not scored.
#[derive(Debug)]
pub(crate) struct Chunks {
    tokens: Vec<TokenId>,
    context: usize,
    bos: Option<TokenId>,
    count: usize,
}

/// Rows of a chunk that run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pass {
    pub(crate) rows: Range<usize>,
    /// Whether logits are wanted: of all rows or of none.
    pub(crate) scored: bool,
}

/// Whether chunks may have `context` tokens.
///
/// # Errors
///
/// Says what would be right.
pub(crate) fn check_context(context: usize, model_context: u32) -> anyhow::Result<()> {
    ensure!(
        context <= model_context as usize,
        "a context of {context} tokens is longer than the model's, which is {model_context}"
    );
    ensure!(
        context >= CONTEXT_MIN,
        "a context of {context} tokens is too short; {CONTEXT_MIN} is the least"
    );
    ensure!(
        context.is_multiple_of(2),
        "a context of {context} tokens has no halves; it has to be an even number"
    );
    Ok(())
}

impl Chunks {
    /// The first `chunks_max` chunks of `context` tokens each; `bos` where each has to begin with it.
    ///
    /// # Errors
    ///
    /// Where there is not one.
    pub(crate) fn new(
        tokens: Vec<TokenId>,
        context: usize,
        bos: Option<TokenId>,
        chunks_max: Option<usize>,
    ) -> anyhow::Result<Self> {
        ensure!(
            tokens.len() >= context,
            "it has {} tokens, and a chunk needs {context}",
            tokens.len()
        );
        let count = (tokens.len() / context).min(chunks_max.unwrap_or(usize::MAX));
        Ok(Self { tokens, context, bos, count })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Tokens of the whole text, those that no chunk holds too.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// One of them.
    pub(crate) fn get(&self, at: usize) -> Vec<TokenId> {
        let mut chunk = self.tokens[at * self.context..][..self.context].to_vec();
        if let Some(bos) = self.bos {
            chunk[0] = bos;
        }
        chunk
    }
}

/// The rows of a chunk, cut so that no pass is too large. The rows of the second half predict the
/// tokens that count. The last row is left out: what it predicts is in no chunk.
pub(crate) fn passes(context: usize, vocab: usize) -> Vec<Pass> {
    let half = context / 2;
    let rows_scored = (LOGITS_MAX / vocab).clamp(1, PASS_ROWS_MAX);
    let cut = |all: Range<usize>, rows: usize, scored| {
        all.clone().step_by(rows).map(move |start| {
            let rows = start..all.end.min(start + rows);
            Pass { rows, scored }
        })
    };
    cut(0..half, PASS_ROWS_MAX, false).chain(cut(half..context - 1, rows_scored, true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(ids: impl IntoIterator<Item = u32>) -> Vec<TokenId> {
        ids.into_iter().map(TokenId).collect()
    }

    #[test]
    fn chunks_lie_side_by_side_and_begin_with_bos() {
        let chunks = Chunks::new(tokens(0..29), 10, Some(TokenId(99)), None).unwrap();
        assert_eq!((chunks.count(), chunks.tokens()), (2, 29));
        assert_eq!(chunks.get(1), tokens([99].into_iter().chain(11..20)));
        let chunks = Chunks::new(tokens(0..30), 10, None, None).unwrap();
        assert_eq!(chunks.count(), 3);
        assert_eq!(chunks.get(2), tokens(20..30));
    }

    #[test]
    fn no_more_chunks_than_asked_for_and_no_more_than_there_are() {
        let count = |most| Chunks::new(tokens(0..30), 10, None, Some(most)).unwrap().count();
        assert_eq!([1, 2, 3, 4].map(count), [1, 2, 3, 3]);
    }

    #[test]
    fn a_text_shorter_than_a_chunk_is_refused() {
        let error = Chunks::new(tokens(0..9), 10, None, None).unwrap_err();
        assert_eq!(error.to_string(), "it has 9 tokens, and a chunk needs 10");
        assert!(Chunks::new(tokens(0..10), 10, None, None).is_ok());
    }

    #[test]
    fn a_context_is_even_and_neither_too_short_nor_longer_than_the_model_s() {
        let refusal = |context| check_context(context, 64).map_err(|error| error.to_string());
        assert_eq!(refusal(8), Ok(()));
        assert_eq!(refusal(64), Ok(()));
        for (context, said) in [
            (0, "a context of 0 tokens is too short; 8 is the least"),
            (6, "a context of 6 tokens is too short; 8 is the least"),
            (33, "a context of 33 tokens has no halves; it has to be an even number"),
            (66, "a context of 66 tokens is longer than the model's, which is 64"),
        ] {
            assert_eq!(refusal(context), Err(said.to_owned()));
        }
    }

    /// Goal: every row but the last one runs once and in order, exactly those of the second half are
    /// scored, and no pass is larger than it may be. Method: vocabularies from none to huge.
    #[test]
    fn passes_cover_the_chunk_and_score_its_second_half() {
        for context in [8, 512, 514, 1024, 4096] {
            for vocab in [1, 512, 32_000, 131_072, 1 << 24, 1 << 30] {
                let passes = passes(context, vocab);
                let rows: Vec<usize> = passes.iter().flat_map(|pass| pass.rows.clone()).collect();
                assert_eq!(rows, Vec::from_iter(0..context - 1));
                let scored = passes.iter().filter(|pass| pass.scored);
                let scored: Vec<usize> = scored.flat_map(|pass| pass.rows.clone()).collect();
                assert_eq!(scored, Vec::from_iter(context / 2..context - 1));
                for Pass { rows, scored } in passes {
                    assert!((1..=PASS_ROWS_MAX).contains(&rows.len()), "{rows:?}");
                    assert!(!scored || rows.len() == 1 || rows.len() * vocab <= LOGITS_MAX);
                }
            }
        }
    }
}
