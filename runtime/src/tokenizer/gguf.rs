//! The tokenizer in a GGUF's metadata: reads it, checks it, builds it.
//!
//! Keys and defaults are those of the GGUF specification and llama.cpp's `llama-vocab.cpp`. Pieces
//! may be empty or share a name, as where a reader had to replace invalid UTF-8: an empty piece is
//! never matched, and of equal ones the lowest id is.

use super::byte_level::byte_level_bytes;
use super::encoder::{Encoder, SpacePrefix};
use super::error::TokenizerError;
use super::fingerprint::fingerprint;
use super::markers::{MarkerSet, Trim};
use super::model::{BpeOptions, Model};
use super::pre_tokenizer::PreTokenization;
use super::vocabulary::{
    Kind, PIECE_BYTES_MAX, PIECES_MAX, Piece, Vocabulary, byte_of, sentence_piece_bytes,
};
use super::{Parts, end_tokens};
use crate::LoadError;
use crate::chat_template::ChatTemplate;
use crate::gguf::metadata::Metadata;
use base::TokenId;

/// Four merges a piece: published vocabularies have one.
const MERGES_MAX: usize = 4 * PIECES_MAX;

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";

/// The `tokenizer.*` part of a GGUF's metadata, as it is written there.
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary {
    /// `tokenizer.ggml.model`: `llama` (SentencePiece) or `gpt2` (byte-level BPE).
    pub model: String,
    /// `tokenizer.ggml.pre`: how `gpt2` cuts text into words.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`: the pieces by id.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.scores`, one a piece; `llama` needs them. Empty where absent.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`, one a piece. Empty where absent: told from the names.
    pub kinds: Vec<i32>,
    /// `tokenizer.ggml.merges`, `left right` by rank; `gpt2` needs them.
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`.
    pub eot: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unk: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`.
    pub add_bos: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`; `llama` only, true where absent.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`.
    pub chat_template: Option<String>,
}

impl GgufVocabulary {
    /// Takes the tokenizer's keys out of a file's metadata.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where a key is missing or of another kind.
    pub(crate) fn from_metadata(metadata: &Metadata) -> Result<Self, LoadError> {
        const MODEL: &str = "tokenizer.ggml.model";
        let id = |key: &str| {
            let out_of_range = |_| LoadError::bad_key(metadata.path(), key, "no token id");
            metadata.unsigned(key)?.map(u32::try_from).transpose().map_err(out_of_range)
        };
        let text = |key: &str| metadata.string(key).map(|text| text.map(str::to_owned));
        let tokens = metadata.strings(TOKENS)?;
        // A kind out of range is no kind, and refused as such.
        let kind = |&kind: &i64| i32::try_from(kind).unwrap_or(i32::MIN);
        let kinds = metadata.integers(KINDS)?.unwrap_or_default();
        Ok(Self {
            model: metadata.require(MODEL, text(MODEL)?)?,
            pre: text("tokenizer.ggml.pre")?,
            tokens: metadata.require(TOKENS, tokens)?.to_vec(),
            scores: metadata.floats("tokenizer.ggml.scores")?.unwrap_or_default().to_vec(),
            kinds: kinds.iter().map(kind).collect(),
            merges: metadata.strings("tokenizer.ggml.merges")?.unwrap_or_default().to_vec(),
            bos: id("tokenizer.ggml.bos_token_id")?,
            eos: id("tokenizer.ggml.eos_token_id")?,
            eot: id("tokenizer.ggml.eot_token_id")?,
            unk: id("tokenizer.ggml.unknown_token_id")?,
            add_bos: metadata.boolean("tokenizer.ggml.add_bos_token")?,
            add_space_prefix: metadata.boolean("tokenizer.ggml.add_space_prefix")?,
            chat_template: text("tokenizer.chat_template")?,
        })
    }

    /// Checks all of it against each other and builds the tokenizer.
    pub(super) fn build(self) -> Result<Parts, TokenizerError> {
        let flavour = Flavour::named(&self.model)?;
        self.check()?;
        let vocabulary = self.vocabulary(flavour)?;
        let hidden = |name: &str, kind| vocabulary.find(name, |other| other == kind);
        let bos = self.bos.map(TokenId).or_else(|| match flavour {
            Flavour::SentencePiece => hidden("<s>", Kind::Control),
            Flavour::ByteLevel => None,
        });
        let eos = self.eos.map(TokenId).or_else(|| match flavour {
            Flavour::SentencePiece => hidden("</s>", Kind::Control),
            Flavour::ByteLevel => None,
        });
        let (encoder, adds_bos_by_default) = self.encoder(flavour, &vocabulary)?;
        let adds_bos = bos.is_some() && self.add_bos.unwrap_or(adds_bos_by_default);
        let end_tokens = end_tokens(&vocabulary, eos.into_iter().chain(self.eot.map(TokenId)));
        let fingerprint = fingerprint(&vocabulary);
        let name = |token: Option<TokenId>| {
            token
                .and_then(|token| vocabulary.get(token))
                .map_or_else(String::new, |piece| piece.name.clone())
        };
        let template =
            self.chat_template.map(|source| ChatTemplate::new(source, name(bos), name(eos)));
        let markers = MarkerSet::new(&vocabulary, |_| Trim::default());
        Ok(Parts { vocabulary, markers, encoder, bos, adds_bos, end_tokens, template, fingerprint })
    }

    fn check(&self) -> Result<(), TokenizerError> {
        let pieces = self.tokens.len();
        for (list, actual) in [("scores", self.scores.len()), ("token_type", self.kinds.len())] {
            if actual != 0 && actual != pieces {
                return Err(TokenizerError::ListLength { list, actual, expected: pieces });
            }
        }
        check_size("number of pieces", pieces, PIECES_MAX)?;
        check_size("number of merges", self.merges.len(), MERGES_MAX)?;
        for name in &self.tokens {
            check_size("length of a piece in bytes", name.len(), PIECE_BYTES_MAX)?;
        }
        if let Some(id) = self.scores.iter().position(|score| score.is_nan()) {
            return Err(TokenizerError::BadPiece { id, what: "a score that is not a number" });
        }
        let specials = [("BOS", self.bos), ("EOS", self.eos), ("EOT", self.eot), ("UNK", self.unk)];
        for (what, id) in specials {
            if let Some(id) = id.filter(|&id| id as usize >= pieces) {
                return Err(TokenizerError::IdOutOfRange { what, id, pieces });
            }
        }
        Ok(())
    }

    fn vocabulary(&self, flavour: Flavour) -> Result<Vocabulary, TokenizerError> {
        let piece = |(id, name): (usize, &String)| {
            let kind = match self.kinds.get(id) {
                // Undefined, as files older than the list of kinds have it.
                None | Some(0) => self.kind_by_name(id, name),
                Some(&number) => Kind::from_number(number)
                    .ok_or(TokenizerError::BadPiece { id, what: "an unknown token type" })?,
            };
            let bytes = match flavour {
                Flavour::SentencePiece => sentence_piece_bytes(name, kind),
                Flavour::ByteLevel => byte_level_bytes(name, kind),
            };
            Ok(Piece { name: name.clone(), kind, bytes })
        };
        let pieces: Vec<Piece> =
            self.tokens.iter().enumerate().map(piece).collect::<Result<_, _>>()?;
        Ok(Vocabulary { pieces: pieces[..named(self.tokens.len(), &self.kinds)].into() })
    }

    fn kind_by_name(&self, id: usize, name: &str) -> Kind {
        let is = |special: Option<u32>| special.is_some_and(|special| special as usize == id);
        if is(self.unk) || name == "<unk>" {
            Kind::Unknown
        } else if is(self.bos) || is(self.eos) || is(self.eot) || matches!(name, "<s>" | "</s>") {
            Kind::Control
        } else if byte_of(name).is_some() {
            Kind::Byte
        } else {
            Kind::Normal
        }
    }

    /// The encoder, and whether a prompt starts with BOS where the file does not say.
    fn encoder(
        &self,
        flavour: Flavour,
        vocabulary: &Vocabulary,
    ) -> Result<(Encoder, bool), TokenizerError> {
        let unknown = self.unk.or_else(|| {
            let unknown = vocabulary.iter().find(|(_, piece)| piece.kind == Kind::Unknown);
            unknown.map(|(TokenId(id), _)| id)
        });
        match flavour {
            Flavour::SentencePiece => {
                if self.scores.is_empty() {
                    return Err(TokenizerError::MissingKey { key: "tokenizer.ggml.scores" });
                }
                let prefix = match self.add_space_prefix {
                    Some(false) => SpacePrefix::Never,
                    Some(true) | None => SpacePrefix::Every { unless_spaced: false },
                };
                let model = Model::sentence_piece(vocabulary, &self.scores, unknown);
                let (normalizer, pre_tokenizer, escapes_spaces) = (None, None, true);
                Ok((Encoder { prefix, escapes_spaces, normalizer, pre_tokenizer, model }, true))
            }
            Flavour::ByteLevel => {
                let pre = PreTokenization::named(self.pre.as_deref())?;
                if self.merges.is_empty() {
                    return Err(TokenizerError::MissingKey { key: "tokenizer.ggml.merges" });
                }
                let options =
                    BpeOptions { whole_words: pre.whole_words, unknown, ..BpeOptions::default() };
                let encoder = Encoder {
                    prefix: SpacePrefix::Never,
                    escapes_spaces: false,
                    normalizer: pre.normalizer(),
                    pre_tokenizer: Some(pre.build()),
                    model: Model::bpe(vocabulary, &self.pairs()?, options)?,
                };
                Ok((encoder, pre.adds_bos))
            }
        }
    }

    fn pairs(&self) -> Result<Vec<(String, String)>, TokenizerError> {
        let pair = |(index, merge): (usize, &String)| {
            let (left, right) = merge
                .split_once(' ')
                .ok_or_else(|| TokenizerError::BadMerge { index, merge: merge.clone() })?;
            Ok((left.to_owned(), right.to_owned()))
        };
        self.merges.iter().enumerate().map(pair).collect()
    }
}

/// How many of `pieces` the vocabulary has, where each is of one of `kinds`: converters fill the list with
/// pieces that were never trained, up to the rows of the model's embedding, which models of one
/// tokenizer pad to different widths.
fn named<T: Into<i64> + Copy>(pieces: usize, kinds: &[T]) -> usize {
    let unused = Kind::Unused as i64;
    kinds.iter().rposition(|kind| (*kind).into() != unused).map_or(pieces, |last| last + 1)
}

/// How many token ids the tokenizer in `metadata` knows, where there is one.
pub(super) fn count(metadata: &Metadata) -> Result<Option<usize>, LoadError> {
    let kinds = metadata.integers(KINDS)?.unwrap_or_default();
    Ok(metadata.strings(TOKENS)?.map(|tokens| named(tokens.len(), kinds)))
}

/// The families of vocabularies that a GGUF may hold.
#[derive(Debug, Clone, Copy)]
enum Flavour {
    SentencePiece,
    ByteLevel,
}

impl Flavour {
    fn named(name: &str) -> Result<Self, TokenizerError> {
        match name {
            "llama" => Ok(Self::SentencePiece),
            "gpt2" => Ok(Self::ByteLevel),
            _ => {
                let (name, known) = (name.to_owned(), "llama, gpt2".to_owned());
                Err(TokenizerError::Unknown { what: "tokenizer model", name, known })
            }
        }
    }
}

pub(super) fn check_size(
    what: &'static str,
    actual: usize,
    limit: usize,
) -> Result<(), TokenizerError> {
    if actual <= limit {
        return Ok(());
    }
    Err(TokenizerError::TooLarge { what, actual: actual as u64, limit: limit as u64 })
}
