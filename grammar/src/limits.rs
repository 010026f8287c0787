//! What a grammar may take of a node.

use llguidance::api::ParserLimits;
use std::time::Duration;

/// Compiled grammars that are kept for whoever asks for the same again. Those of one application are few.
pub const KEPT_MAX: usize = 32;

/// How long somebody waits for a grammar to be compiled. Large published schemas take tenths of a second; what
/// takes longer than this has alternatives multiplied by alternatives.
pub const COMPILE_MAX: Duration = Duration::from_secs(5);

/// Compilations at one time, those counted for which nobody waits any more: they cannot be stopped.
pub const COMPILING_MAX: usize = 2;

/// Stack of a thread that compiles: schemas may be nested 128 deep. Only what is used of it takes memory.
pub(crate) const STACK_BYTES: usize = 64 << 20;

/// The longest piece that can be part of a guided text: what the trie of a vocabulary holds. Longer ones are
/// runs of white space or rules, which shorter pieces spell as well.
pub(crate) const PIECE_BYTES_MAX: usize = 512;

/// A mask costs at most 20 ms or so, a session's guide at most 40 MB.
pub(crate) fn parser() -> ParserLimits {
    ParserLimits {
        max_lexer_states: 20_000,
        max_grammar_size: 200_000,
        // So that an error is a sentence.
        verbose_errors: false,
        ..ParserLimits::default()
    }
}
