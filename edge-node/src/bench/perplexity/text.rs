//! The text to predict, from its file.

use anyhow::{Context as _, bail};
use base::ByteCount;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Many times as much as the usual test sets. The tokenizer takes all of it at once, and some 90 bytes
/// of memory for each of these.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// The text in the file `path`, without the line end that most editors put last.
///
/// # Errors
///
/// Where it cannot be read, is longer than [`TEXT_BYTES_MAX`], or is not UTF-8.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot read the text {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    decode(file, TEXT_BYTES_MAX).with_context(cannot)
}

fn decode(file: impl std::io::Read, bytes_max: u64) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        bail!("it is longer than {}", ByteCount(bytes_max));
    }
    let mut text =
        String::from_utf8(bytes).map_err(|error| error.utf8_error()).context("it is not UTF-8")?;
    if text.ends_with('\n') {
        text.pop();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8], bytes_max: u64) -> String {
        format!("{:#}", decode(bytes, bytes_max).unwrap_err())
    }

    #[test]
    fn a_text_loses_one_line_end() {
        assert_eq!(decode(&b"a\nb\n\n"[..], 5).unwrap(), "a\nb\n");
        assert_eq!(decode(&b""[..], 5).unwrap(), "");
    }

    #[test]
    fn what_is_too_long_or_no_text_is_refused() {
        assert!(refusal(b"a\nb\n\n", 4).starts_with("it is longer than "));
        let not_text = refusal(b"abc\xff", 4);
        assert!(not_text.starts_with("it is not UTF-8: "), "{not_text}");
        assert!(not_text.contains("index 3"), "{not_text}");
    }
}
