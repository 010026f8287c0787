//! Text to tokens and back, as the model's own file defines it.
//!
//! A tokenizer comes from a GGUF's metadata ([`GgufVocabulary`]: SentencePiece `llama`, byte-level
//! BPE `gpt2`) or from a folder's `tokenizer.json`. Either way it is one pipeline:
//!
//! ```text
//! text ── markers ──▶ fragments ── normalize, cut ──▶ words ── merge ──▶ tokens
//! tokens ── the bytes of each piece ──▶ UTF-8 text
//! ```
//!
//! # Invariants
//!
//! - **Text never becomes a control token** unless the caller asks for [`Markers::Parse`]; the
//!   words of a chat turn never do.
//! - **Loading checks everything that encoding and decoding rely on.** Neither can fail afterwards.

mod byte_level;
mod difference;
mod encoder;
mod error;
mod fingerprint;
mod folder;
mod gguf;
mod markers;
mod merge;
mod model;
mod pre_tokenizer;
mod stream;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use difference::{Difference, TokenizerKind};
pub use error::TokenizerError;
pub use gguf::GgufVocabulary;
pub use stream::TextStream;

use crate::LoadError;
use crate::chat_template::{Chat, ChatError, ChatTemplate, Turn, map_strings};
use crate::gguf::metadata::Metadata;
use base::{TokenId, TokenizerFingerprint};
use encoder::{Encoder, SpacePrefix};
use markers::{Fragment, MarkerSet};
use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use vocabulary::{Kind, Piece, Vocabulary};

/// A model's tokenizer. Clones share one.
#[derive(Clone)]
pub struct Tokenizer {
    parts: Arc<Parts>,
}

/// Whether text such as `<|user|>` means the control token of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markers {
    /// It does: for text that a template made.
    Parse,
    /// It is text like any other: for text that a person wrote.
    AsText,
}

/// What the readers of both formats come up with.
#[derive(Debug)]
struct Parts {
    vocabulary: Vocabulary,
    markers: MarkerSet,
    encoder: Encoder,
    bos: Option<TokenId>,
    adds_bos: bool,
    end_tokens: Vec<TokenId>,
    template: Option<ChatTemplate>,
    fingerprint: TokenizerFingerprint,
}

/// Pieces that end a turn or a text in the models that have them.
const END_MARKERS: [&str; 7] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<end_of_turn>",
];

/// Splits markers in the words of a turn; a noncharacter that Unicode keeps for internal use.
const GUARD: char = '\u{fdd0}';

impl Tokenizer {
    /// The tokenizer in a GGUF file's metadata.
    ///
    /// # Errors
    ///
    /// [`LoadError`] names the file and the metadata key that is missing or wrong.
    pub(crate) fn from_gguf(metadata: &Metadata) -> Result<Self, LoadError> {
        let vocabulary = GgufVocabulary::from_metadata(metadata)?;
        Self::from_vocabulary(vocabulary)
            .map_err(|source| LoadError::Tokenizer { path: metadata.path().to_owned(), source })
    }

    /// The tokenizer that a GGUF vocabulary describes.
    ///
    /// # Errors
    ///
    /// [`TokenizerError`] names what does not fit together.
    pub fn from_vocabulary(vocabulary: GgufVocabulary) -> Result<Self, TokenizerError> {
        Ok(Self { parts: Arc::new(vocabulary.build()?) })
    }

    /// The tokenizer in a Hugging Face folder: `tokenizer.json`, and where they exist
    /// `tokenizer_config.json`, `chat_template.jinja`, `generation_config.json` and `config.json`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Tokenizer`]; its source names the file, or what in `tokenizer.json` is not
    /// supported.
    pub fn from_folder(folder: &Path) -> Result<Self, LoadError> {
        let parts = folder::read(folder)
            .map_err(|source| LoadError::Tokenizer { path: folder.to_owned(), source })?;
        Ok(Self { parts: Arc::new(parts) })
    }

    /// How many token ids a GGUF's tokenizer knows, without building it; `None` where it has none.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where a key is of another kind.
    pub(crate) fn count_in_gguf(metadata: &Metadata) -> Result<Option<usize>, LoadError> {
        gguf::count(metadata)
    }

    /// The same of a folder's.
    ///
    /// # Errors
    ///
    /// [`LoadError::Tokenizer`] where `tokenizer.json` cannot be read.
    pub(crate) fn count_in_folder(folder: &Path) -> Result<Option<usize>, LoadError> {
        folder::count(folder)
            .map_err(|source| LoadError::Tokenizer { path: folder.to_owned(), source })
    }

    /// The tokens of `text`, without BOS.
    ///
    /// A character that the vocabulary can neither spell nor mark as unknown is left out.
    pub fn encode(&self, text: &str, markers: Markers) -> Vec<TokenId> {
        let mut tokens = Vec::new();
        match markers {
            Markers::Parse => self.encode_marked(text, |text| text.into(), &mut tokens),
            Markers::AsText => self.parts.encoder.encode(text, true, &mut tokens),
        }
        tokens
    }

    /// The tokens of `text` as the start of a conversation: BOS where the model wants one, then
    /// the text, markers as text.
    pub fn prompt(&self, text: &str) -> Vec<TokenId> {
        let mut tokens = Vec::from_iter(self.bos().filter(|_| self.adds_bos()));
        self.parts.encoder.encode(text, true, &mut tokens);
        tokens
    }

    /// The tokens of a conversation of `turns` by the model's chat template, up to where the assistant's
    /// next turn begins: [`Self::write`] of them alone.
    ///
    /// # Errors
    ///
    /// As [`Self::write`].
    pub fn chat(&self, turns: &[Turn]) -> Result<Vec<TokenId>, ChatError> {
        self.write(&Chat::of(turns))
    }

    /// The tokens of `chat` by the model's chat template, up to where the assistant's next turn begins.
    /// BOS comes first where the template or the model wants one.
    ///
    /// Markers in the turns and the tools are text: no user can end a turn that is not theirs. Of what the
    /// assistant said, those that are part of its text, as where it thinks, are what they were.
    ///
    /// # Errors
    ///
    /// [`ChatError`] where there is no template, or it refuses the turns, or it is broken.
    pub fn write(&self, chat: &Chat<'_>) -> Result<Vec<TokenId>, ChatError> {
        let template = self.parts.template.as_ref().ok_or(ChatError::NoTemplate)?;
        let defuse = |text: &str| self.parts.markers.defuse(text, GUARD);
        let own = |text: &str| self.parts.markers.defuse_hidden(text, GUARD);
        let turns: Vec<Turn> = chat
            .turns
            .iter()
            .map(|turn| match turn.role == "assistant" {
                true => turn.map_texts(&own),
                false => turn.map_texts(&defuse),
            })
            .collect();
        let tools: Vec<_> = chat.tools.iter().map(|tool| map_strings(tool, &defuse)).collect();
        let text = template.render(&Chat { turns: &turns, tools: &tools, ..*chat })?;
        let mut tokens = Vec::new();
        self.encode_marked(&text, |text| text.replace(GUARD, "").into(), &mut tokens);
        if let Some(bos) = self.bos().filter(|bos| self.adds_bos() && tokens.first() != Some(bos)) {
            tokens.insert(0, bos);
        }
        Ok(tokens)
    }

    /// Whether the model's file has a chat template.
    pub fn has_chat_template(&self) -> bool {
        self.parts.template.is_some()
    }

    /// The chat template, as it is in the model's file.
    pub fn chat_template(&self) -> Option<&str> {
        self.parts.template.as_ref().map(ChatTemplate::source)
    }

    /// Whether the template writes down which tools there are. Costs a rendering.
    pub fn knows_tools(&self) -> bool {
        self.parts.template.as_ref().is_some_and(ChatTemplate::knows_tools)
    }

    /// The token that starts a text, where the model has one.
    pub fn bos(&self) -> Option<TokenId> {
        self.parts.bos
    }

    /// Whether prompts start with [`Self::bos`].
    pub fn adds_bos(&self) -> bool {
        self.parts.adds_bos
    }

    /// Tokens after which the model has nothing more to say, ascending.
    pub fn end_tokens(&self) -> &[TokenId] {
        &self.parts.end_tokens
    }

    /// How many token ids the tokenizer knows; a model's logits may be wider.
    pub fn vocab_size(&self) -> usize {
        self.parts.vocabulary.pieces.len()
    }

    /// What each token adds to a text, in the order of ids: part of a character where it must be, `None` where it
    /// steers the model and is no text.
    pub fn pieces(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.parts.vocabulary.pieces.iter().map(Piece::text)
    }

    /// What one of them adds, as [`Self::pieces`]; nothing, where there is no such token.
    pub fn piece(&self, token: TokenId) -> Option<&[u8]> {
        self.parts.vocabulary.get(token)?.text()
    }

    /// Equal for tokenizers read from the same vocabulary in the same format.
    pub fn fingerprint(&self) -> TokenizerFingerprint {
        self.parts.fingerprint
    }

    /// The text of `tokens`; control tokens and ids outside the vocabulary are left out.
    pub fn decode(&self, tokens: &[TokenId]) -> String {
        let mut at_start = true;
        let bytes: Vec<&[u8]> =
            tokens.iter().filter_map(|&token| self.text_of(token, &mut at_start)).collect();
        String::from_utf8_lossy(&bytes.concat()).into_owned()
    }

    /// Decodes a text of its own, token by token.
    pub fn stream(&self) -> TextStream {
        TextStream::new(self.clone(), true)
    }

    /// Decodes what comes after `prompt`: within a text, a leading space is part of it.
    pub fn stream_after(&self, prompt: &[TokenId]) -> TextStream {
        let mut at_start = true;
        for &token in prompt {
            self.text_of(token, &mut at_start);
        }
        TextStream::new(self.clone(), at_start)
    }

    /// What `token` adds to a text, less the space that the encoder put there; `at_start` says
    /// whether it may have, and is kept up to date.
    fn text_of(&self, token: TokenId, at_start: &mut bool) -> Option<&[u8]> {
        let piece = self.parts.vocabulary.get(token)?;
        let prefix = self.parts.encoder.prefix;
        let text = match piece.bytes.strip_prefix(b" ") {
            Some(rest) if *at_start && prefix != SpacePrefix::Never => rest,
            Some(_) | None => &piece.bytes,
        };
        let after_markers = match prefix {
            SpacePrefix::Never | SpacePrefix::First => false,
            SpacePrefix::Every { .. } | SpacePrefix::ByNormalizer => piece.kind.is_marker(),
        };
        *at_start = after_markers || *at_start && piece.kind.is_hidden();
        Some(text)
    }

    /// `plain` gives what the text between markers stands for.
    fn encode_marked(
        &self,
        text: &str,
        plain: impl Fn(&str) -> Cow<'_, str>,
        tokens: &mut Vec<TokenId>,
    ) {
        for (index, fragment) in self.parts.markers.split(text).into_iter().enumerate() {
            match fragment {
                Fragment::Marker(token) => tokens.push(token),
                Fragment::Text(text) => {
                    self.parts.encoder.encode(&plain(text), index == 0, tokens);
                }
            }
        }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = self.vocab_size();
        f.debug_struct("Tokenizer").field("pieces", &pieces).finish_non_exhaustive()
    }
}

/// `named` and the pieces that by their name end a turn; ascending, none twice.
fn end_tokens(vocabulary: &Vocabulary, named: impl IntoIterator<Item = TokenId>) -> Vec<TokenId> {
    let common = END_MARKERS.iter().filter_map(|name| vocabulary.find(name, Kind::is_marker));
    let mut tokens: Vec<TokenId> = named.into_iter().chain(common).collect();
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
