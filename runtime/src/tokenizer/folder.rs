//! The tokenizer in a Hugging Face folder: `tokenizer.json` and the files that say what its special
//! tokens are for.
//!
//! Normalizers and pre-tokenizers run as the `tokenizers` crate defines them. Merging, markers and
//! decoding are ours, so that both formats behave alike: markers are always parsed on the text as
//! it was written, and what a piece writes does not depend on its neighbours. Only BPE is known;
//! every published model of the Llama family has it.

use super::byte_level::byte_level_bytes;
use super::encoder::{Encoder, SpacePrefix};
use super::error::TokenizerError;
use super::fingerprint::fingerprint;
use super::gguf::check_size;
use super::markers::{MarkerSet, Trim};
use super::model::{BpeOptions, Model};
use super::vocabulary::{
    Kind, PIECE_BYTES_MAX, PIECES_MAX, Piece, Vocabulary, byte_of, sentence_piece_bytes,
};
use super::{Parts, end_tokens};
use crate::chat_template::ChatTemplate;
use base::TokenId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Published files stay below 40 MiB.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// Reads and checks the tokenizer of `folder`.
pub(super) fn read(folder: &Path) -> Result<Parts, TokenizerError> {
    let path = folder.join("tokenizer.json");
    let text = read_text(&path)?.ok_or_else(|| TokenizerError::Read {
        path: path.clone(),
        source: ErrorKind::NotFound.into(),
    })?;
    let file: TokenizerJson = parse(&path, &text)?;
    let settings: Settings = read_json(folder, "tokenizer_config.json")?;
    let flavour = Flavour::of(&file.decoder)?;
    let vocabulary = file.vocabulary(flavour)?;
    let trims = file.trims()?;
    let encoder = file.encoder(flavour, &vocabulary)?;

    let named =
        |name: Option<&Named>| name.and_then(|name| vocabulary.find(name.text(), Kind::is_marker));
    let template_bos = file.template_bos(&vocabulary);
    let bos = named(settings.bos_token.as_ref()).or(template_bos);
    let adds_bos =
        bos.is_some() && settings.add_bos_token.unwrap_or_else(|| template_bos.is_some());
    let eos = named(settings.eos_token.as_ref());
    let end_tokens = end_tokens(&vocabulary, eos.into_iter().chain(ends(folder, &vocabulary)?));
    let fingerprint = fingerprint(&vocabulary);
    let text = |name: Option<&Named>| name.map_or_else(String::new, |name| name.text().to_owned());
    let template = chat_template(folder, settings.chat_template)?.map(|source| {
        let (bos, eos) = (settings.bos_token.as_ref(), settings.eos_token.as_ref());
        ChatTemplate::new(source, text(bos), text(eos))
    });
    let markers =
        MarkerSet::new(&vocabulary, |token| trims.get(&token).copied().unwrap_or_default());
    Ok(Parts { vocabulary, markers, encoder, bos, adds_bos, end_tokens, template, fingerprint })
}

/// How many token ids the tokenizer of `folder` knows, where there is one.
pub(super) fn count(folder: &Path) -> Result<Option<usize>, TokenizerError> {
    let path = folder.join("tokenizer.json");
    let Some(text) = read_text(&path)? else { return Ok(None) };
    let file: TokenizerJson = parse(&path, &text)?;
    let known = file.model.vocab.as_object().into_iter().flat_map(|names| names.values());
    let added = file.added_tokens.iter().map(|added| u64::from(added.id));
    let last = known.filter_map(Value::as_u64).chain(added).max();
    Ok(last.map(|last| usize::try_from(last).map_or(usize::MAX, |last| last.saturating_add(1))))
}

/// `eos_token_id` of `generation_config.json`, else of `config.json`.
fn ends(folder: &Path, vocabulary: &Vocabulary) -> Result<Vec<TokenId>, TokenizerError> {
    let generation: EndIds = read_json(folder, "generation_config.json")?;
    let model: EndIds = read_json(folder, "config.json")?;
    let ids = match generation.eos_token_id.or(model.eos_token_id) {
        None => vec![],
        Some(OneOrMany::One(id)) => vec![id],
        Some(OneOrMany::Many(ids)) => ids,
    };
    let pieces = vocabulary.pieces.len();
    match ids.iter().find(|&&id| id as usize >= pieces) {
        Some(&id) => Err(TokenizerError::IdOutOfRange { what: "EOS", id, pieces }),
        None => Ok(ids.into_iter().map(TokenId).collect()),
    }
}

/// The template file, else the one in `tokenizer_config.json`, of several the one called `default`.
fn chat_template(
    folder: &Path,
    setting: Option<Template>,
) -> Result<Option<String>, TokenizerError> {
    if let Some(source) = read_text(&folder.join("chat_template.jinja"))? {
        return Ok(Some(source));
    }
    Ok(match setting {
        None => None,
        Some(Template::One(source)) => Some(source),
        Some(Template::Many(named)) => {
            named.into_iter().find(|one| one.name == "default").map(|one| one.template)
        }
    })
}

/// How pieces spell bytes.
#[derive(Debug, Clone, Copy)]
enum Flavour {
    /// `▁` and `<0xNN>`; `strips` where the decoder takes the space before the text away.
    SentencePiece {
        strips: bool,
    },
    ByteLevel,
}

impl Flavour {
    fn of(decoder: &Value) -> Result<Self, TokenizerError> {
        let steps = steps(decoder);
        let has = |name: &str| steps.iter().any(|step| step["type"] == name);
        if has("ByteLevel") {
            return Ok(Self::ByteLevel);
        }
        let metaspace = steps.iter().find(|step| step["type"] == "Metaspace");
        if let Some(step) = metaspace {
            let never = step["prepend_scheme"] == "never" || step["add_prefix_space"] == false;
            return Ok(Self::SentencePiece { strips: !never });
        }
        if has("ByteFallback") || has("Replace") {
            return Ok(Self::SentencePiece { strips: has("Strip") });
        }
        let (name, known) = (decoder["type"].to_string(), "ByteLevel, Metaspace, ByteFallback");
        Err(TokenizerError::Unknown { what: "decoder", name, known: known.to_owned() })
    }
}

/// The steps of a normalizer, pre-tokenizer or decoder, sequences flattened one level.
fn steps(step: &Value) -> Vec<&Value> {
    if step["type"] != "Sequence" {
        return vec![step];
    }
    let lists = ["decoders", "normalizers", "pretokenizers"];
    lists.iter().filter_map(|list| step[list].as_array()).flatten().collect()
}

/// The parts of `tokenizer.json` that are used here.
#[derive(Debug, Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
    model: ModelJson,
}

#[derive(Debug, Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
}

#[derive(Debug, Deserialize)]
struct ModelJson {
    /// Absent in old files, which are BPE where they have merges.
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Value,
    #[serde(default)]
    merges: Vec<Merge>,
    dropout: Option<f32>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    fuse_unk: bool,
    #[serde(default)]
    byte_fallback: bool,
    #[serde(default)]
    ignore_merges: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Merge {
    Joined(String),
    Pair(String, String),
}

impl TokenizerJson {
    fn vocabulary(&self, flavour: Flavour) -> Result<Vocabulary, TokenizerError> {
        self.check_model()?;
        let names = BTreeMap::<String, u32>::deserialize(&self.model.vocab)
            .map_err(|_| unsupported("model.vocab is not a map from pieces to ids"))?;
        let unknown = self.model.unk_token.as_deref();
        let mut by_id = BTreeMap::new();
        for (name, id) in names {
            let kind = match byte_of(&name) {
                _ if Some(name.as_str()) == unknown => Kind::Unknown,
                Some(_) if self.model.byte_fallback => Kind::Byte,
                Some(_) | None => Kind::Normal,
            };
            by_id.insert(id, (name, kind));
        }
        for added in &self.added_tokens {
            let kind = match added.special {
                _ if Some(added.content.as_str()) == unknown => Kind::Unknown,
                true => Kind::Control,
                false => Kind::UserDefined,
            };
            by_id.insert(added.id, (added.content.clone(), kind));
        }
        let count = by_id.last_key_value().map_or(0, |(&last, _)| last as usize + 1);
        check_size("number of pieces", count, PIECES_MAX)?;
        // Ids that no piece has write nothing.
        let hole = Piece { name: String::new(), kind: Kind::Unused, bytes: [].into() };
        let mut pieces = vec![hole; count];
        for (id, (name, kind)) in by_id {
            check_size("length of a piece in bytes", name.len(), PIECE_BYTES_MAX)?;
            let bytes = match flavour {
                Flavour::SentencePiece { .. } => sentence_piece_bytes(&name, kind),
                Flavour::ByteLevel => byte_level_bytes(&name, kind),
            };
            pieces[id as usize] = Piece { name, kind, bytes };
        }
        Ok(Vocabulary { pieces })
    }

    fn check_model(&self) -> Result<(), TokenizerError> {
        let model = &self.model;
        if let Some(kind) = model.kind.as_ref().filter(|kind| *kind != "BPE") {
            let (what, name, known) = ("model type", kind.clone(), "BPE".to_owned());
            return Err(TokenizerError::Unknown { what, name, known });
        }
        let used = |affix: &Option<String>| affix.as_ref().is_some_and(|affix| !affix.is_empty());
        if model.dropout.is_some_and(|dropout| dropout != 0.0) {
            return Err(unsupported("model.dropout makes tokens depend on chance"));
        }
        if used(&model.continuing_subword_prefix) || used(&model.end_of_word_suffix) {
            return Err(unsupported("subword prefixes and word suffixes are not known"));
        }
        Ok(())
    }

    fn trims(&self) -> Result<HashMap<TokenId, Trim>, TokenizerError> {
        if let Some(added) = self.added_tokens.iter().find(|added| added.single_word) {
            let what = format!("added token {:?} is single_word", added.content);
            return Err(TokenizerError::Unsupported { what });
        }
        let trim = |added: &AddedToken| Trim { before: added.lstrip, after: added.rstrip };
        Ok(self.added_tokens.iter().map(|added| (TokenId(added.id), trim(added))).collect())
    }

    fn encoder(
        &self,
        flavour: Flavour,
        vocabulary: &Vocabulary,
    ) -> Result<Encoder, TokenizerError> {
        let unknown = self
            .model
            .unk_token
            .as_ref()
            .and_then(|name| vocabulary.find(name, |_| true).map(|TokenId(id)| id));
        let options = BpeOptions {
            whole_words: self.model.ignore_merges,
            byte_fallback: self.model.byte_fallback,
            unknown,
            fuse_unknown: self.model.fuse_unk,
        };
        let model = Model::bpe(vocabulary, &self.pairs()?, options)?;
        let (prefix, pre_tokenizer) = self.prefix(flavour);
        Ok(Encoder {
            prefix,
            escapes_spaces: false,
            normalizer: component("normalizer", &self.normalizer)?,
            pre_tokenizer: component("pre_tokenizer", &pre_tokenizer)?,
            model,
        })
    }

    /// Who puts the space before the text, and the pre-tokenizer without that duty.
    ///
    /// A `Metaspace` tells the start of the text by itself and cannot, once markers are cut out
    /// beforehand. A `Prepend` normalizer goes on as it is: it means every fragment.
    fn prefix(&self, flavour: Flavour) -> (SpacePrefix, Value) {
        let mut pre_tokenizer = self.pre_tokenizer.clone();
        let Flavour::SentencePiece { strips } = flavour else {
            return (SpacePrefix::Never, pre_tokenizer);
        };
        if pre_tokenizer["type"] == "Metaspace" {
            let prefix = match pre_tokenizer["prepend_scheme"].as_str() {
                Some("never") => SpacePrefix::Never,
                Some("first") => SpacePrefix::First,
                _ if pre_tokenizer["add_prefix_space"] == false => SpacePrefix::Never,
                _ => SpacePrefix::Every { unless_spaced: true },
            };
            pre_tokenizer["prepend_scheme"] = "never".into();
            pre_tokenizer["add_prefix_space"] = false.into();
            return (prefix, pre_tokenizer);
        }
        (if strips { SpacePrefix::ByNormalizer } else { SpacePrefix::Never }, pre_tokenizer)
    }

    fn pairs(&self) -> Result<Vec<(String, String)>, TokenizerError> {
        check_size("number of merges", self.model.merges.len(), 4 * PIECES_MAX)?;
        let pair = |(index, merge): (usize, &Merge)| match merge {
            Merge::Pair(left, right) => Ok((left.clone(), right.clone())),
            Merge::Joined(merge) => {
                let (left, right) = merge
                    .split_once(' ')
                    .ok_or_else(|| TokenizerError::BadMerge { index, merge: merge.clone() })?;
                Ok((left.to_owned(), right.to_owned()))
            }
        };
        self.model.merges.iter().enumerate().map(pair).collect()
    }

    /// The special token with which the post-processor starts every text.
    fn template_bos(&self, vocabulary: &Vocabulary) -> Option<TokenId> {
        let processors = match self.post_processor["processors"].as_array() {
            Some(processors) => processors.iter().collect(),
            None => vec![&self.post_processor],
        };
        let template = processors.into_iter().find(|one| one["type"] == "TemplateProcessing")?;
        let name = template["single"][0]["SpecialToken"]["id"].as_str()?;
        vocabulary.find(name, Kind::is_marker)
    }
}

/// A normalizer or pre-tokenizer as the `tokenizers` crate reads it.
fn component<T: DeserializeOwned>(what: &str, value: &Value) -> Result<Option<T>, TokenizerError> {
    Option::<T>::deserialize(value).map_err(|error| TokenizerError::Unsupported {
        what: format!("{what} is not known: {error}"),
    })
}

/// `tokenizer_config.json`.
#[derive(Debug, Default, Deserialize)]
struct Settings {
    add_bos_token: Option<bool>,
    bos_token: Option<Named>,
    eos_token: Option<Named>,
    chat_template: Option<Template>,
}

/// A special token, by its text or with its properties.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named {
    Text(String),
    Full { content: String },
}

impl Named {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Full { content: text } => text,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Template {
    One(String),
    Many(Vec<NamedTemplate>),
}

#[derive(Debug, Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

#[derive(Debug, Default, Deserialize)]
struct EndIds {
    eos_token_id: Option<OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

fn read_json<T: DeserializeOwned + Default>(
    folder: &Path,
    name: &str,
) -> Result<T, TokenizerError> {
    let path = folder.join(name);
    read_text(&path)?.map_or_else(|| Ok(T::default()), |text| parse(&path, &text))
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, TokenizerError> {
    serde_json::from_str(text)
        .map_err(|source| TokenizerError::Parse { path: path.to_owned(), source })
}

/// The file's text; `None` where there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, TokenizerError> {
    let failed = |source| TokenizerError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        let what = "length of a tokenizer file in bytes";
        return Err(TokenizerError::TooLarge { what, actual: bytes, limit: FILE_BYTES_MAX });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

fn unsupported(what: &str) -> TokenizerError {
    TokenizerError::Unsupported { what: what.to_owned() }
}
