//! Why a reply cannot be held to a grammar.

use crate::limits;

/// A grammar that cannot be compiled. But for [`Self::Vocabulary`], [`Self::Busy`] and [`Self::Broken`] its
/// author is to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// The text of a schema is no JSON.
    #[error("the schema is no JSON: {0}")]
    NoJson(String),
    /// A schema is neither an object nor a boolean.
    #[error("a schema is a JSON object or a boolean, not {0}")]
    NoSchema(&'static str),
    /// It says what is not known or not possible, or is too large.
    #[error("{what} cannot be used: {why}")]
    Refused {
        /// Which kind of grammar.
        what: &'static str,
        /// In the words of whoever reads it.
        why: String,
    },
    /// It takes too long.
    #[error(
        "the grammar takes longer than {} s to compile; one with fewer alternatives would not",
        limits::COMPILE_MAX.as_secs()
    )]
    TooLong,
    /// Other grammars are being compiled, and will not be done soon.
    #[error(
        "{} grammars are being compiled that take long; later there may be room",
        limits::COMPILING_MAX
    )]
    Busy,
    /// No text can be guided in this vocabulary.
    #[error("the vocabulary cannot be made a trie: {0}")]
    Vocabulary(&'static str),
    /// A defect behind us.
    #[error("compiling the grammar failed: {0}")]
    Broken(String),
}

/// A text that cannot be followed any further: the grammar takes more than [`limits`] leave, or its text can
/// go on only with what no token writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply cannot be held to its grammar any further: {0}")]
pub struct GuideError(pub(crate) String);

/// What `llguidance` says, as one line; of a long one, beginning and end: it quotes the grammar in between.
pub(crate) fn sentence(said: &str) -> String {
    const ENDS_LEN: (usize, usize) = (90, 110);
    // Behind these it describes its own state.
    let said = said.split("<state>").next().unwrap_or_default();
    let said = said.split("<non-verbose/>").next().unwrap_or_default();
    let said = said.split("<backtrace>").next().unwrap_or_default();
    let line: Vec<char> = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let (head, tail) = ENDS_LEN;
    match line.len().checked_sub(head + tail) {
        None | Some(0) => line.into_iter().collect(),
        Some(cut) => {
            let ellipsis = " ... ".chars();
            line[..head]
                .iter()
                .copied()
                .chain(ellipsis)
                .chain(line[head + cut..].iter().copied())
                .collect()
        }
    }
}
