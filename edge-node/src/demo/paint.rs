//! The demo on a terminal: tokens in the colour of who vouches for them.

use std::io::{IsTerminal as _, Write as _};

const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Writes to standard output, or nowhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    shown: bool,
    colours: bool,
}

impl Paint {
    /// `shown` false writes nothing.
    pub(super) fn new(shown: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { shown, colours }
    }

    /// A line of explanation.
    pub(super) fn line(&self, text: &str) {
        self.write(DIM, &format!("{text}\n"));
    }

    /// The head of a scene.
    pub(super) fn title(&self, text: &str) {
        self.write(BOLD, &format!("\n{text}\n"));
    }

    /// What the user says.
    pub(super) fn user(&self, text: &str) {
        self.write(PLAIN, &format!("  you> {text}\n  it>  "));
    }

    /// Something that happens in mid-sentence.
    pub(super) fn event(&self, text: &str) {
        self.write(DIM, &format!("\n       -- {text}\n       "));
    }

    /// A piece of the reply. Without colours, unverified text stands in brackets.
    pub(super) fn token(&self, text: &str, verified: bool) {
        match (verified, self.colours) {
            (true, _) => self.write(GREEN, text),
            (false, true) => self.write(YELLOW, text),
            (false, false) => self.write(YELLOW, &format!("[{text}]")),
        }
    }

    /// The end of a line.
    pub(super) fn end(&self) {
        self.write(PLAIN, "\n");
    }

    fn write(&self, colour: &str, text: &str) {
        if !self.shown {
            return;
        }
        let mut out = std::io::stdout().lock();
        // A reader that went away ends the program at the table, whose error is reported.
        let _ = match self.colours {
            true => write!(out, "{colour}{text}{PLAIN}"),
            false => write!(out, "{text}"),
        };
        let _ = out.flush();
    }
}
