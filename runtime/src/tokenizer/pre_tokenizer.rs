//! How byte-level BPE cuts text into words before merging, by the name that a GGUF gives it.
//!
//! `tokenizer.ggml.pre` names a list of regular expressions; each is applied within what the one
//! before left apart, and both matches and the text between them become words. Names and
//! expressions are those of llama.cpp's `llama-vocab.cpp`; the vocabularies' publishers define them
//! in `tokenizer.json`, and there say of some that text is composed first (Unicode's NFC).

use super::error::TokenizerError;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const DIGIT: &str = r"\p{N}";
const PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|]+";
const NUMBER: &str = r"\p{N}+";
const THREE_DIGITS: &str = r"[0-9][0-9][0-9]";

/// One way of cutting text into words, and what comes with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreTokenization {
    names: &'static [&'static str],
    patterns: &'static [&'static str],
    /// A word that is a piece stays whole, whatever the merges say.
    pub(super) whole_words: bool,
    /// Whether a prompt starts with BOS where the file does not say.
    pub(super) adds_bos: bool,
    /// Whether letters and the accents behind them become one before anything else.
    composes: bool,
}

const KNOWN: &[PreTokenization] = &[
    PreTokenization {
        names: &["default"],
        patterns: &[PUNCTUATION, GPT2, NUMBER, THREE_DIGITS],
        whole_words: false,
        adds_bos: false,
        composes: false,
    },
    PreTokenization {
        names: &["gpt-2", "phi-2", "mpt", "olmo"],
        patterns: &[GPT2],
        whole_words: false,
        adds_bos: false,
        composes: false,
    },
    PreTokenization {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3"],
        patterns: &[LLAMA3],
        whole_words: true,
        adds_bos: true,
        composes: false,
    },
    PreTokenization {
        names: &["dbrx", "smaug-bpe"],
        patterns: &[LLAMA3],
        whole_words: false,
        adds_bos: false,
        composes: false,
    },
    PreTokenization {
        names: &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        patterns: &[DIGIT, GPT2],
        whole_words: false,
        adds_bos: false,
        composes: false,
    },
    PreTokenization {
        names: &["qwen2", "deepseek-r1-qwen"],
        patterns: &[QWEN2],
        whole_words: false,
        adds_bos: false,
        composes: true,
    },
    PreTokenization {
        names: &["tekken"],
        patterns: &[TEKKEN],
        whole_words: true,
        adds_bos: true,
        composes: false,
    },
];

impl PreTokenization {
    /// The one called `name`; files without a name mean `default`.
    ///
    /// # Errors
    ///
    /// [`TokenizerError::Unknown`] lists the known names: text cut otherwise than in training makes
    /// a model worse without any other sign.
    pub(super) fn named(name: Option<&str>) -> Result<Self, TokenizerError> {
        let name = name.unwrap_or("default");
        KNOWN.iter().find(|known| known.names.contains(&name)).copied().ok_or_else(|| {
            let known: Vec<&str> = KNOWN.iter().flat_map(|known| known.names).copied().collect();
            let (what, name) = ("pre-tokenizer", name.to_owned());
            TokenizerError::Unknown { what, name, known: known.join(", ") }
        })
    }

    /// What is done to text before it is cut.
    pub(super) fn normalizer(&self) -> Option<NormalizerWrapper> {
        self.composes.then(|| NFC.into())
    }

    /// Cuts text and writes it in the byte-level alphabet.
    pub(super) fn build(&self) -> PreTokenizerWrapper {
        let split = |pattern: &&str| {
            let pattern = SplitPattern::Regex((*pattern).to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
            split.expect("a test builds every known pattern").into()
        };
        let byte_level = ByteLevel::new(false, false, false).into();
        let steps = self.patterns.iter().map(split).chain([byte_level]).collect();
        Sequence::new(steps).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    fn words(name: &str, text: &str) -> Vec<String> {
        let mut cut = PreTokenizedString::from(text);
        let pre_tokenizer = PreTokenization::named(Some(name)).unwrap().build();
        pre_tokenizer.pre_tokenize(&mut cut).unwrap();
        let splits = cut.get_splits(OffsetReferential::Normalized, OffsetType::None);
        splits.into_iter().map(|(word, ..)| word.replace('Ġ', " ")).collect()
    }

    #[test]
    fn every_known_name_builds_and_loses_nothing() {
        let text = "I'LL pay $12345.67, naïve  café—ok?\r\n\n  日本 x_y\t!";
        let bytes = words("gpt-2", text).concat();
        for name in KNOWN.iter().flat_map(|known| known.names) {
            assert_eq!(words(name, text).concat(), bytes, "{name}");
        }
    }

    #[test]
    fn names_differ_in_digits_and_contractions() {
        assert_eq!(words("gpt-2", "I'll be 1234"), ["I", "'ll", " be", " 1234"]);
        assert_eq!(words("llama-bpe", "I'LL be 1234"), ["I", "'LL", " be", " ", "123", "4"]);
        assert_eq!(words("smollm", "be 1234"), ["be", " ", "1", "2", "3", "4"]);
        assert_eq!(words("tekken", "helloWorld"), ["hello", "World"]);
        assert_eq!(words("default", "a=12345"), ["a", "=", "123", "45"]);
        assert_eq!(words("gpt-2", "a   b"), ["a", "  ", " b"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = PreTokenization::named(Some("gpt-5")).unwrap_err().to_string();
        assert!(error.contains("\"gpt-5\"") && error.contains("llama-bpe, "), "{error}");
    }
}
