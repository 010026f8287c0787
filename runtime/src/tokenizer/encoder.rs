//! From a stretch of plain text to tokens: normalize, cut into words, merge.

use super::model::Model;
use base::TokenId;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

/// The steps of one tokenizer.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) prefix: SpacePrefix,
    /// SentencePiece writes `▁` for a space.
    pub(super) escapes_spaces: bool,
    pub(super) normalizer: Option<NormalizerWrapper>,
    pub(super) pre_tokenizer: Option<PreTokenizerWrapper>,
    pub(super) model: Model,
}

/// Where the encoder puts a space before text, so that a word has the same pieces at the start of a
/// text as within one. The decoder takes it away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpacePrefix {
    /// Nowhere.
    Never,
    /// At the start of the text, where there is no space yet.
    First,
    /// At the start of the text and after each marker.
    Every {
        /// Only where there is no space yet.
        unless_spaced: bool,
    },
    /// At the start of the text and after each marker, by a normalizer of the model's own.
    ByNormalizer,
}

impl SpacePrefix {
    fn applies(self, text: &str, first: bool) -> bool {
        let spaced = text.starts_with([' ', '▁']);
        match self {
            Self::Never | Self::ByNormalizer => false,
            Self::First => first && !spaced,
            Self::Every { unless_spaced } => !(unless_spaced && spaced),
        }
    }
}

impl Encoder {
    /// Adds the tokens of `text`, which holds no markers; `first` at the start of the whole text.
    pub(super) fn encode(&self, text: &str, first: bool, tokens: &mut Vec<TokenId>) {
        if text.is_empty() {
            return;
        }
        let prefix = if self.prefix.applies(text, first) { " " } else { "" };
        let mut text = format!("{prefix}{text}");
        if self.escapes_spaces {
            text = text.replace(' ', "▁");
        }
        if self.normalizer.is_none() && self.pre_tokenizer.is_none() {
            return self.model.encode(&text, tokens);
        }
        let words = self.words(text);
        for (word, ..) in words.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            self.model.encode(word, tokens);
        }
    }

    /// A step that gives up (a regular expression that backtracks too far) leaves its input as it
    /// was: other tokens than usual, but no text is lost.
    fn words(&self, text: String) -> PreTokenizedString {
        let mut text = NormalizedString::from(text);
        if let Some(normalizer) = &self.normalizer {
            let before = text.clone();
            if normalizer.normalize(&mut text).is_err() {
                text = before;
            }
        }
        let mut words = PreTokenizedString::from(text);
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            let before = words.clone();
            if pre_tokenizer.pre_tokenize(&mut words).is_err() {
                words = before;
            }
        }
        words
    }
}
