//! What a reply must be, as masks over a vocabulary: grammars compiled, followed and rolled back with a text.

#![forbid(unsafe_code)]
