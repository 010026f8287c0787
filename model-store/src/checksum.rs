//! By what a file is known to be the right one.

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use std::fmt;

/// The SHA-256 of a file's bytes: what blobs are called by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sha256(pub(crate) [u8; 32]);

/// What a hub says of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// Of a large file.
    Sha256(Sha256),
    /// Of a small one, which lies in git itself: the SHA-1 of a header and the bytes. It keeps out accidents,
    /// and whoever can make two files of one SHA-1 already writes the repository.
    GitBlob([u8; 20]),
}

/// Both sums of a file that is read or written once.
#[derive(Clone)]
pub(crate) struct Summing {
    sha256: Context,
    git: Context,
}

impl Summing {
    /// Of a file that will have `size` bytes.
    pub(crate) fn new(size: u64) -> Self {
        let mut git = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        git.update(format!("blob {size}\0").as_bytes());
        Self { sha256: Context::new(&SHA256), git }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.git.update(bytes);
    }

    /// The SHA-256, and whether the sum that the hub gave is right.
    pub(crate) fn finish(self, expected: &Checksum) -> (Sha256, bool) {
        let mut sha256 = Sha256([0; 32]);
        sha256.0.copy_from_slice(self.sha256.finish().as_ref());
        let right = match expected {
            Checksum::Sha256(expected) => sha256 == *expected,
            Checksum::GitBlob(expected) => self.git.finish().as_ref() == expected,
        };
        (sha256, right)
    }
}

impl Checksum {
    /// How a part of the file is called.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Sha256(sum) => format!("sha256-{sum}"),
            Self::GitBlob(sum) => format!("git-{}", hex(sum)),
        }
    }
}

impl Sha256 {
    /// Of 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        unhex(text).map(Self)
    }

    /// How a blob is called.
    pub(crate) fn key(&self) -> String {
        format!("sha256-{self}")
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl fmt::Debug for Summing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Summing")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `N` bytes of twice as many hexadecimal digits.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digit = |index: usize| {
            char::from(digits[index]).to_digit(16).and_then(|n| u8::try_from(n).ok())
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_that_git_and_sha256sum_give() {
        let mut summing = Summing::new(6);
        summing.update(b"hel");
        summing.update(b"lo\n");
        // `printf 'hello\n' | git hash-object --stdin`, and `| sha256sum`.
        let git = unhex("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let (found, right) = summing.clone().finish(&Checksum::GitBlob(git));
        assert_eq!((found.to_string().as_str(), right), (sha256, true));
        let sha256 = Checksum::Sha256(Sha256::parse(sha256).unwrap());
        assert!(summing.clone().finish(&sha256).1);
        assert!(!summing.finish(&Checksum::GitBlob([0; 20])).1);
    }

    #[test]
    fn what_is_no_hexadecimal_number_of_that_length_is_none() {
        assert_eq!(unhex::<2>("0aFf"), Some([0x0a, 0xff]));
        for text in ["", "0af", "0affe", "0agf", "+aff", "ä12"] {
            assert_eq!(unhex::<2>(text), None, "{text}");
        }
    }
}
