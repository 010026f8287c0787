//! Tokens to text, one at a time: a character is shown when its last byte is there.

use super::Tokenizer;
use base::TokenId;

/// The text of a growing list of tokens.
///
/// All pushes and the finish together give what decoding the whole list gives. At most three
/// bytes wait for the rest of their character; bytes that cannot become one are shown as U+FFFD.
#[derive(Debug, Clone)]
pub struct TextStream {
    tokenizer: Tokenizer,
    /// The beginning of a character.
    pending: Vec<u8>,
    /// Whether a space that the encoder put before a text comes next.
    at_start: bool,
}

impl TextStream {
    pub(super) const fn new(tokenizer: Tokenizer, at_start: bool) -> Self {
        Self { tokenizer, pending: Vec::new(), at_start }
    }

    /// Adds a token; gives the text that is complete by now. Control tokens and ids outside the
    /// vocabulary add nothing.
    pub fn push(&mut self, token: TokenId) -> String {
        let Some(bytes) = self.tokenizer.text_of(token, &mut self.at_start) else {
            return String::new();
        };
        self.pending.extend_from_slice(bytes);
        let mut text = String::new();
        let mut incomplete = 0;
        let mut chunks = self.pending.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            match chunk.invalid() {
                [] => {}
                last if chunks.peek().is_none() && is_beginning(last) => incomplete = last.len(),
                _ => text.push(char::REPLACEMENT_CHARACTER),
            }
        }
        self.pending.drain(..self.pending.len() - incomplete);
        text
    }

    /// Ends the text: gives what was still waiting for its last byte, as U+FFFD.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// Whether more bytes could make a character of these.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
