//! A reply as it grows: tokens into text, up to a stop string, with the time of each.

use base::TokenId;
use runtime::{StopStrings, TextStream};
use std::time::{Duration, Instant};

/// The shown part of a reply.
pub(crate) struct Transcript {
    stream: TextStream,
    stops: StopStrings,
    /// The two as they were before the first token.
    fresh: (TextStream, StopStrings),
    text: String,
    tokens: Vec<TokenId>,
    started: Instant,
    shown_at: Vec<Instant>,
    stopped: bool,
}

impl Transcript {
    /// Continues a prompt that `stream` knows, from `started` on.
    pub(crate) fn new(stream: TextStream, stops: &[String], started: Instant) -> Self {
        let stops = StopStrings::new(stops.iter().cloned());
        Self {
            fresh: (stream.clone(), stops.clone()),
            stream,
            stops,
            text: String::new(),
            tokens: Vec::new(),
            started,
            shown_at: Vec::new(),
            stopped: false,
        }
    }

    /// Takes a token; gives the text that can be shown now. After a stop string it takes no more.
    pub(crate) fn push(&mut self, token: TokenId, now: Instant) -> String {
        if self.stopped {
            return String::new();
        }
        self.shown_at.push(now);
        self.spell(token)
    }

    /// Takes back all tokens but the first `length`; gives how many bytes of the text stand.
    pub(crate) fn cut(&mut self, length: usize) -> usize {
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.truncate(length);
        self.shown_at.truncate(length);
        (self.stream, self.stops) = self.fresh.clone();
        self.text.clear();
        self.stopped = false;
        for token in tokens {
            self.spell(token);
        }
        self.text.len()
    }

    fn spell(&mut self, token: TokenId) -> String {
        self.tokens.push(token);
        let emitted = self.stops.push(&self.stream.push(token));
        self.stopped = emitted.stopped;
        self.text.push_str(&emitted.text);
        emitted.text
    }

    /// What was held back for a stop string or a half character that never came.
    pub(crate) fn finish(&mut self) -> String {
        if self.stopped {
            return String::new();
        }
        let last = self.stops.push(&self.stream.finish());
        let mut rest = last.text;
        if !last.stopped {
            rest.push_str(&self.stops.finish());
        }
        self.text.push_str(&rest);
        rest
    }

    /// Whether a stop string ended it.
    pub(crate) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The tokens of the text; the one that completed a stop string is the last.
    pub(crate) fn tokens(&self) -> &[TokenId] {
        &self.tokens
    }

    /// Time to the first token.
    pub(crate) fn ttft(&self) -> Option<Duration> {
        self.shown_at.first().map(|at| at.duration_since(self.started))
    }

    /// Times between tokens. Tokens of one verdict come together: the first of them has waited.
    pub(crate) fn latencies(&self) -> Vec<Duration> {
        self.shown_at.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect()
    }
}

#[cfg(test)]
mod tests;
