//! An object of JSON (RFC 8259), byte by byte: whether it has ended, may go on, or is none.
//!
//! Whether the text so far can still become a call has to be known at once and at no more than a step a byte: text
//! is withheld meanwhile. So the scan also knows the two keys of a call, and what kinds of values they have.

/// Objects and lists within each other; serde_json reads as many.
const DEPTH_MAX: usize = 127;

/// What bytes made of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    /// It is not at its end.
    More,
    /// It ended with so many of them.
    End(usize),
    /// It is no call; so many of them might have been of one. What comes behind them begins a letter: bytes in the
    /// middle of letters are only in strings, where all are right.
    Wrong(usize),
}

/// What one byte makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is not at its end.
    More,
    /// This byte ended it.
    End,
    /// With this byte it is no call.
    Wrong,
}

/// Where the scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a value.
    Value,
    /// Behind `[`: a value or the end.
    FirstItem,
    /// Behind `{`: a key or the end.
    FirstKey,
    /// Behind `,` in an object.
    Key,
    /// Behind a key.
    Colon,
    /// Behind a value.
    Behind,
    /// In a string, which may be a key.
    Text { key: bool },
    /// Behind `\` in a string.
    Escape { key: bool },
    /// In the digits of `\u`, of which so many are missing.
    Unicode { key: bool, missing: u8 },
    /// In `true`, `false` or `null`: what is missing.
    Word(&'static [u8]),
    /// In a number.
    Number(Digits),
}

/// Where a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// Scans an object that has a name and arguments.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    at: At,
    /// The closing bracket of each object and list that is open.
    open: Vec<u8>,
    /// Key of the outermost object, as it is written.
    key: Vec<u8>,
    /// What arguments are called.
    arguments: &'static str,
}

impl Scan {
    pub(super) const fn new(arguments: &'static str) -> Self {
        Self { at: At::Value, open: Vec::new(), key: Vec::new(), arguments }
    }

    /// Goes on with more bytes.
    pub(super) fn run(&mut self, bytes: &[u8]) -> Scanned {
        for (at, byte) in bytes.iter().enumerate() {
            match self.push(*byte) {
                Step::More => {}
                Step::End => return Scanned::End(at + 1),
                Step::Wrong => return Scanned::Wrong(at),
            }
        }
        Scanned::More
    }

    fn push(&mut self, byte: u8) -> Step {
        let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match self.at {
            At::Text { key } => self.text(key, byte),
            At::Escape { key } => self.escape(key, byte),
            At::Unicode { key, missing } => match (byte.is_ascii_hexdigit(), missing) {
                (false, _) => Step::Wrong,
                (true, 1) => self.go(At::Text { key }),
                (true, _) => self.go(At::Unicode { key, missing: missing - 1 }),
            },
            At::Word(missing) => match missing.split_first() {
                Some((next, [])) if *next == byte => self.go(At::Behind),
                Some((next, rest)) if *next == byte => self.go(At::Word(rest)),
                Some(_) | None => Step::Wrong,
            },
            At::Number(digits) => self.number(digits, byte),
            _ if space => Step::More,
            At::Value => self.value(byte),
            At::FirstItem if byte == b']' => self.close(byte),
            At::FirstItem => self.value(byte),
            At::FirstKey if byte == b'}' => self.close(byte),
            At::FirstKey | At::Key => {
                self.key.clear();
                if byte == b'"' { self.go(At::Text { key: true }) } else { Step::Wrong }
            }
            At::Colon if byte == b':' => self.go(At::Value),
            At::Colon => Step::Wrong,
            At::Behind => self.behind(byte),
        }
    }

    fn go(&mut self, at: At) -> Step {
        self.at = at;
        Step::More
    }

    fn value(&mut self, byte: u8) -> Step {
        if !self.may_begin(byte) {
            return Step::Wrong;
        }
        match byte {
            b'{' => self.open(b'}', At::FirstKey),
            b'[' => self.open(b']', At::FirstItem),
            b'"' => self.go(At::Text { key: false }),
            b't' => self.go(At::Word(b"rue")),
            b'f' => self.go(At::Word(b"alse")),
            b'n' => self.go(At::Word(b"ull")),
            b'-' => self.go(At::Number(Digits::Minus)),
            b'0' => self.go(At::Number(Digits::Zero)),
            b'1'..=b'9' => self.go(At::Number(Digits::Whole)),
            _ => Step::Wrong,
        }
    }

    /// A call is an object, its name a string, its arguments an object.
    fn may_begin(&self, byte: u8) -> bool {
        match self.open.len() {
            0 => byte == b'{',
            1 if self.key == b"name" => byte == b'"',
            1 => byte == b'{',
            _ => true,
        }
    }

    fn open(&mut self, closing: u8, at: At) -> Step {
        if self.open.len() == DEPTH_MAX {
            return Step::Wrong;
        }
        self.open.push(closing);
        self.go(at)
    }

    fn close(&mut self, byte: u8) -> Step {
        if self.open.pop() != Some(byte) {
            return Step::Wrong;
        }
        self.at = At::Behind;
        if self.open.is_empty() { Step::End } else { Step::More }
    }

    fn behind(&mut self, byte: u8) -> Step {
        match (byte, self.open.last()) {
            (b',', Some(b'}')) => self.go(At::Key),
            (b',', Some(_)) => self.go(At::Value),
            _ => self.close(byte),
        }
    }

    fn text(&mut self, key: bool, byte: u8) -> Step {
        let outermost = key && self.open.len() == 1;
        match byte {
            b'"' if outermost && self.key != b"name" && self.key != self.arguments.as_bytes() => {
                Step::Wrong
            }
            b'"' => self.go(if key { At::Colon } else { At::Behind }),
            // The keys of a call have no letter that needs one.
            b'\\' if outermost => Step::Wrong,
            b'\\' => self.go(At::Escape { key }),
            0..0x20 => Step::Wrong,
            _ if outermost => self.key_letter(byte),
            _ => Step::More,
        }
    }

    fn key_letter(&mut self, byte: u8) -> Step {
        self.key.push(byte);
        let begins = |key: &str| key.as_bytes().starts_with(&self.key);
        if begins("name") || begins(self.arguments) { Step::More } else { Step::Wrong }
    }

    fn escape(&mut self, key: bool, byte: u8) -> Step {
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.go(At::Text { key }),
            b'u' => self.go(At::Unicode { key, missing: 4 }),
            _ => Step::Wrong,
        }
    }

    fn number(&mut self, digits: Digits, byte: u8) -> Step {
        let next = match (digits, byte) {
            (Digits::Minus, b'0') => Digits::Zero,
            (Digits::Minus, b'1'..=b'9') | (Digits::Whole, b'0'..=b'9') => Digits::Whole,
            (Digits::Zero | Digits::Whole, b'.') => Digits::Point,
            (Digits::Point | Digits::Fraction, b'0'..=b'9') => Digits::Fraction,
            (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') => Digits::Exponent,
            (Digits::Exponent, b'+' | b'-') => Digits::Sign,
            (Digits::Exponent | Digits::Sign | Digits::Power, b'0'..=b'9') => Digits::Power,
            (Digits::Minus | Digits::Point | Digits::Exponent | Digits::Sign, _) => {
                return Step::Wrong;
            }
            (Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Power, _) => {
                // The byte is not the number's own: it stands behind it.
                self.at = At::Behind;
                return self.push(byte);
            }
        };
        self.go(At::Number(next))
    }
}
