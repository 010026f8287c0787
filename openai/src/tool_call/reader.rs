//! Tells calls from content in a text that grows.
//!
//! ```text
//!              `<tool_call>` of Hermes,            the object          `</tool_call>`,
//!              `{` that begins a reply of Llama    has ended           or the text's end
//!   Outside ─────────────────────────────▶ Inside ───────────▶ Behind ────────────────▶ a call, Outside
//!      ▲                                     │ no call any more   │
//!      └────── what was withheld is content ─┴────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - **Nothing is lost.** What is given out as content and calls is the text, but for tags and the white space around
//!   calls.
//! - **No more is withheld than what may still be a call**, the beginning of a tag, or white space before one.
//! - **How the text is cut into pieces changes nothing** of the calls, nor of the content that is put together.
//! - **Each byte of what may be a call is looked at a bounded number of times**, however long that is.

use super::scan::{Scan, Scanned};
use super::{CLOSE, OPEN, ToolStyle};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::mem;

/// What a text turned out to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Words; never empty.
    Content(String),
    /// A call.
    Call(Called),
}

/// A call that has no id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The function; whether there is such a one is for the caller to say.
    pub name: String,
    /// Its arguments: the JSON text of an object, as the model wrote it.
    pub arguments: String,
}

/// Reads one choice's text.
#[derive(Debug, Clone)]
pub struct ToolCallReader {
    style: ToolStyle,
    place: Place,
    /// Text that was not given out yet.
    held: String,
    /// Whether nothing but white space came behind the last call.
    beside_call: bool,
}

/// Where in the text the end of what was read is.
#[derive(Debug, Clone)]
enum Place {
    /// In content, or in what may be the beginning of a tag.
    Outside,
    /// In an object, so many bytes into what is held.
    Inside { scan: Scan, at: usize },
    /// Behind an object that is a call, and ends with so many bytes of what is held.
    Behind { end: usize, call: Called },
    /// Where no call can come any more.
    Content,
}

impl ToolCallReader {
    /// At the beginning of a text.
    pub const fn new(style: ToolStyle) -> Self {
        let held = String::new();
        Self { style, place: Place::Outside, held, beside_call: false }
    }

    /// More text.
    pub fn push(&mut self, piece: &str) -> Vec<Said> {
        self.held.push_str(piece);
        let mut said = Vec::new();
        while self.advance(&mut said) {}
        said
    }

    /// The text has ended. An object without its closing tag is a call all the same: the tag is what some models
    /// leave out, and what limits cut off.
    pub fn finish(mut self) -> Vec<Said> {
        let mut said = Vec::new();
        match self.place {
            Place::Behind { end, call } if may_end_with(self.style, &self.held[end..]) => {
                said.push(Said::Call(call));
            }
            Place::Outside if self.beside_call && self.held.trim().is_empty() => {}
            Place::Outside | Place::Inside { .. } | Place::Behind { .. } | Place::Content => {
                self.release(self.held.len(), &mut said);
            }
        }
        said
    }

    /// The text was cut back to `text`: reads that from its beginning, and says all that it says.
    pub fn rewind(&mut self, text: &str) -> Vec<Said> {
        *self = Self::new(self.style);
        self.push(text)
    }

    /// Takes one step, and says whether there may be another one.
    fn advance(&mut self, said: &mut Vec<Said>) -> bool {
        match mem::replace(&mut self.place, Place::Outside) {
            Place::Outside => match self.style {
                ToolStyle::Hermes => self.look_for_tag(said),
                ToolStyle::Llama3 => self.look_for_object(),
            },
            Place::Inside { mut scan, at } => match scan.run(&self.held.as_bytes()[at..]) {
                Scanned::More => self.wait(Place::Inside { scan, at: self.held.len() }),
                Scanned::End(len) => self.object_ended(at + len, said),
                Scanned::Wrong(len) => self.no_call(at + len, said),
            },
            Place::Behind { end, call } => self.look_for_end(end, call, said),
            Place::Content => {
                self.release(self.held.len(), said);
                self.wait(Place::Content)
            }
        }
    }

    /// Until more comes.
    fn wait(&mut self, place: Place) -> bool {
        self.place = place;
        false
    }

    /// Gives out content up to a tag, or to what may become one, and the white space before it.
    fn look_for_tag(&mut self, said: &mut Vec<Said>) -> bool {
        if let Some(tag) = self.held.find(OPEN) {
            let content = self.held[..tag].trim_end().len();
            self.release(content, said);
            let scan = Scan::new(self.style.arguments());
            self.place = Place::Inside { scan, at: tag - content + OPEN.len() };
            return true;
        }
        let begun = (1..OPEN.len()).find(|len| self.held.ends_with(&OPEN[..*len]));
        let before = self.held.len() - begun.unwrap_or(0);
        let content = self.held[..before].trim_end().len();
        self.release(content, said);
        false
    }

    fn look_for_object(&mut self) -> bool {
        let space = self.held.len() - self.held.trim_start().len();
        match self.held.as_bytes().get(space) {
            None => return false,
            Some(b'{') => {
                let scan = Scan::new(self.style.arguments());
                self.place = Place::Inside { scan, at: space };
            }
            Some(_) => self.place = Place::Content,
        }
        true
    }

    fn object_ended(&mut self, end: usize, said: &mut Vec<Said>) -> bool {
        match called(&self.held[..end]) {
            Some(call) => {
                self.place = Place::Behind { end, call };
                true
            }
            None => self.no_call(end, said),
        }
    }

    fn look_for_end(&mut self, end: usize, call: Called, said: &mut Vec<Said>) -> bool {
        let behind = &self.held[end..];
        let space = behind.len() - behind.trim_start().len();
        let closed = matches!(self.style, ToolStyle::Hermes) && behind[space..].starts_with(CLOSE);
        if closed {
            said.push(Said::Call(call));
            self.held.drain(..end + space + CLOSE.len());
            self.beside_call = true;
            true
        } else if may_end_with(self.style, behind) {
            self.wait(Place::Behind { end, call })
        } else {
            self.no_call(end, said)
        }
    }

    /// The first `end` bytes of what is held are content, but for white space at their end, before which a call may
    /// still come; what comes behind them may be anything.
    fn no_call(&mut self, end: usize, said: &mut Vec<Said>) -> bool {
        self.place = match self.style {
            ToolStyle::Hermes => Place::Outside,
            ToolStyle::Llama3 => Place::Content,
        };
        self.release(self.held[..end].trim_end().len(), said);
        true
    }

    fn release(&mut self, len: usize, said: &mut Vec<Said>) {
        if len == 0 {
            return;
        }
        let content: String = self.held.drain(..len).collect();
        self.beside_call = false;
        match said.last_mut() {
            Some(Said::Content(before)) => before.push_str(&content),
            Some(Said::Call(_)) | None => said.push(Said::Content(content)),
        }
    }
}

/// Whether an object that has this behind it is a call, as far as it goes.
fn may_end_with(style: ToolStyle, behind: &str) -> bool {
    match style {
        ToolStyle::Hermes => CLOSE.starts_with(behind.trim_start()),
        ToolStyle::Llama3 => behind.trim_start().is_empty(),
    }
}

/// What an object calls; white space and a tag may stand before it. It has the keys of its style and no others: the
/// scan has seen to that.
fn called(object: &str) -> Option<Called> {
    #[derive(Deserialize)]
    struct Written<'a> {
        name: String,
        #[serde(borrow, alias = "parameters")]
        arguments: &'a RawValue,
    }
    let object = object.trim_start();
    let object = object.strip_prefix(OPEN).unwrap_or(object);
    let Written { name, arguments } = serde_json::from_str(object).ok()?;
    Some(Called { name, arguments: arguments.get().to_owned() })
}
