//! What each token id stands for: the bytes it writes, and whether it is text at all.

use base::TokenId;

/// The largest vocabulary accepted: four times the largest published one (262,144 pieces).
pub(super) const PIECES_MAX: usize = 1 << 20;

/// The longest piece accepted, in bytes. Published pieces stay below 1,024.
pub(super) const PIECE_BYTES_MAX: usize = 1 << 12;

/// What a piece is for. The numbers are GGUF's `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ordinary text.
    Normal = 1,
    /// Stands for what the vocabulary lacks; hidden.
    Unknown = 2,
    /// Steers the model, such as an end of turn; hidden.
    Control = 3,
    /// A marker that is also text.
    UserDefined = 4,
    /// Never trained.
    Unused = 5,
    /// One byte of text.
    Byte = 6,
}

impl Kind {
    pub(super) const fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Normal),
            2 => Some(Self::Unknown),
            3 => Some(Self::Control),
            4 => Some(Self::UserDefined),
            5 => Some(Self::Unused),
            6 => Some(Self::Byte),
            _ => None,
        }
    }

    /// Whether text never shows it.
    pub(super) const fn is_hidden(self) -> bool {
        matches!(self, Self::Unknown | Self::Control)
    }

    /// Whether it is written as a whole and splits the text around it.
    pub(super) const fn is_marker(self) -> bool {
        matches!(self, Self::Control | Self::UserDefined)
    }
}

/// One token: what it is called, what it is for, what it writes.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// As the vocabulary spells it.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The bytes it adds to a text: none where it is hidden, part of a character where it must be.
    pub(super) bytes: Box<[u8]>,
}

impl Piece {
    /// The bytes; `None` where it is no text.
    pub(super) fn text(&self) -> Option<&[u8]> {
        (!self.kind.is_hidden()).then_some(&*self.bytes)
    }
}

/// All pieces, by token id.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) pieces: Vec<Piece>,
}

impl Vocabulary {
    pub(super) fn get(&self, token: TokenId) -> Option<&Piece> {
        self.pieces.get(token.0 as usize)
    }

    /// Ids and pieces in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TokenId, &Piece)> {
        (0..).map(TokenId).zip(&self.pieces)
    }

    /// The lowest id of a piece with this name, among those that `wanted` admits.
    pub(super) fn find(&self, name: &str, wanted: impl Fn(Kind) -> bool) -> Option<TokenId> {
        self.iter().find(|(_, piece)| piece.name == name && wanted(piece.kind)).map(|(id, _)| id)
    }
}

/// What a SentencePiece vocabulary's piece writes: `▁` is a space, `<0xNN>` a byte.
pub(super) fn sentence_piece_bytes(name: &str, kind: Kind) -> Box<[u8]> {
    match (kind, byte_of(name)) {
        (Kind::Unknown | Kind::Control, _) => [].into(),
        (Kind::Byte, Some(byte)) => [byte].into(),
        (Kind::UserDefined, _) => name.as_bytes().into(),
        (Kind::Normal | Kind::Unused | Kind::Byte, _) => name.replace('▁', " ").into_bytes().into(),
    }
}

/// The byte that a piece called `<0xNN>` stands for.
pub(super) fn byte_of(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("<0x")?.strip_suffix('>')?;
    let is_byte = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_byte.then(|| u8::from_str_radix(digits, 16).ok())?
}
