//! GPT-2's alphabet: every byte as one printable character, so that BPE works on any text.
//!
//! Printable Latin-1 bytes stand for themselves; the other 68 take the characters from U+0100 on,
//! in order. Source: `bytes_to_unicode` of OpenAI's gpt-2 `encoder.py`.

use super::vocabulary::Kind;

/// What a byte-level vocabulary's piece writes. Characters outside the alphabet, which only
/// damaged vocabularies have, stand for themselves.
pub(super) fn byte_level_bytes(name: &str, kind: Kind) -> Box<[u8]> {
    match kind {
        Kind::Unknown | Kind::Control => [].into(),
        Kind::UserDefined => name.as_bytes().into(),
        Kind::Normal | Kind::Unused | Kind::Byte => name
            .chars()
            .flat_map(|letter| byte_of(letter).map_or_else(|| utf8(letter), |byte| vec![byte]))
            .collect(),
    }
}

fn utf8(letter: char) -> Vec<u8> {
    letter.to_string().into_bytes()
}

/// The byte that `letter` stands for.
fn byte_of(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match u8::try_from(code) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => {
            let index = usize::try_from(code - 0x100).ok()?;
            (0..=u8::MAX).filter(|&byte| !is_printable(byte)).nth(index)
        }
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    #[test]
    fn every_letter_of_the_alphabet_is_another_byte() {
        let mut bytes: Vec<u8> = ByteLevel::alphabet().into_iter().filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=u8::MAX).collect::<Vec<_>>());
    }

    #[test]
    fn pieces_write_the_bytes_they_spell() {
        assert_eq!(&*byte_level_bytes("Ġthe", Kind::Normal), b" the");
        assert_eq!(&*byte_level_bytes("Ã", Kind::Normal), b"\xc3");
        assert_eq!(&*byte_level_bytes("Ċ", Kind::Normal), b"\n");
        assert_eq!(&*byte_level_bytes("<|x|>", Kind::Control), b"");
        assert_eq!(&*byte_level_bytes("▁", Kind::Normal), "▁".as_bytes());
    }
}
