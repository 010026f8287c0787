//! How much a phrase or a definition may be. What is over is refused, never cut.

/// Longest phrase in bytes: what people say to a device in one breath has about 60.
pub(crate) const PHRASE_BYTES_MAX: usize = 1024;

/// Most words of a phrase. A text of more is a question for a model.
pub(crate) const PHRASE_WORDS_MAX: usize = 64;

/// Longest template in bytes.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 1024;

/// How deep groups of a template may stand in each other: its parser calls itself for each.
pub(crate) const TEMPLATE_DEPTH_MAX: usize = 16;

/// Most states of one template's program; a word takes one.
pub(crate) const TEMPLATE_STATES_MAX: usize = 512;

/// Most states of all templates: with [`PHRASE_WORDS_MAX`] the bound on a phrase's time.
pub(crate) const STATES_MAX: usize = 32_768;

/// Largest definition file in bytes: 15,000 examples take less than one MiB.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;

/// Most intents of a recognizer.
pub(crate) const INTENTS_MAX: usize = 512;

/// Most examples of all intents together.
pub(crate) const EXAMPLES_MAX: usize = 50_000;

/// Most slots that a file defines.
pub(crate) const SLOTS_MAX: usize = 128;

/// Most spellings of a slot: values with their synonyms, or words for units.
pub(crate) const SPELLINGS_MAX: usize = 4_096;

/// Most weights of a classifier (features times intents): 128 MiB while it learns.
pub(crate) const WEIGHTS_MAX: usize = 32 << 20;
