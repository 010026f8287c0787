//! What a model is called: `hf:ORG/NAME[@REV][:FILE.gguf]`.
//!
//! A name becomes part of addresses and of paths on disk, so that its parts are of few characters and
//! never lead out of their folder.

use std::fmt;
use std::str::FromStr;

/// The branch that is meant where a name says none.
const REVISION_DEFAULT: &str = "main";

/// The hub's own bound for the parts of a repository's name.
const PART_BYTES_MAX: usize = 96;

/// The longest name of a branch, and of a file with its folders.
const PATH_BYTES_MAX: usize = 512;

/// Folders in each other.
const DEPTH_MAX: usize = 8;

/// The longest name of a file, on any file system.
const COMPONENT_BYTES_MAX: usize = 200;

/// A model on a hub: a repository, a state of it, and the file that is meant, where it is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelName {
    org: String,
    name: String,
    revision: Option<String>,
    file: Option<String>,
}

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It does not begin as names do.
    #[error("{0:?} is no name of a model; one begins with hf:, as in hf:ORG/NAME:FILE.gguf")]
    Scheme(String),
    /// It does not say whose repository.
    #[error("{0:?} is not of the form hf:ORG/NAME[@REV][:FILE.gguf], with one / in the repository")]
    Repository(String),
    /// The owner or the repository has a name that no hub gives.
    #[error(
        "{part:?} in {name:?} cannot be; the owner and the repository are of letters, digits, `-`, `_` and `.`, \
         begin and end with a letter, a digit or `_`, and have at most {PART_BYTES_MAX} of them"
    )]
    Part {
        /// The name as a whole.
        name: String,
        /// The part.
        part: String,
    },
    /// The revision is none that git would take.
    #[error(
        "{revision:?} in {name:?} is no branch, tag or commit: letters, digits, `-`, `_`, `.` and `/`"
    )]
    Revision {
        /// The name as a whole.
        name: String,
        /// What stands after `@`.
        revision: String,
    },
    /// The file is not one that can be asked for.
    #[error(
        "{file:?} in {name:?} is no file that can be named here: a path in the repository that ends in .gguf"
    )]
    File {
        /// The name as a whole.
        name: String,
        /// What stands after `:`.
        file: String,
    },
}

impl ModelName {
    /// What every name begins with.
    pub const SCHEME: &str = "hf:";

    /// Whether `text` is meant as a name, and not as a path.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(Self::SCHEME)
    }

    /// Whose repository.
    pub fn org(&self) -> &str {
        &self.org
    }

    /// Which of theirs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, tag or commit; `main` where the name says none.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(REVISION_DEFAULT)
    }

    /// The GGUF file; `None` means a Hugging Face folder.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The folder of a repository, by the names of its owner and its own.
    pub(crate) fn of_repository(org: &str, name: &str) -> Option<Self> {
        let is_name = is_part(org) && is_part(name);
        let (org, name) = (org.to_owned(), name.to_owned());
        is_name.then_some(Self { org, name, revision: None, file: None })
    }

    /// The same of the commit.
    pub(crate) fn at(&self, commit: &str) -> Self {
        Self { revision: Some(commit.to_owned()), ..self.clone() }
    }

    /// The same of the file; `None` is the folder.
    pub(crate) fn with_file(&self, file: Option<&str>) -> Self {
        Self { file: file.map(str::to_owned), ..self.clone() }
    }
}

impl FromStr for ModelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let whole = || text.chars().take(PATH_BYTES_MAX).collect::<String>();
        let rest = text.strip_prefix(Self::SCHEME).ok_or_else(|| NameError::Scheme(whole()))?;
        let (rest, file) = match rest.split_once(':') {
            Some((rest, file)) => (rest, Some(file)),
            None => (rest, None),
        };
        let (repository, revision) = match rest.split_once('@') {
            Some((repository, revision)) => (repository, Some(revision)),
            None => (rest, None),
        };
        let (org, name) =
            repository.split_once('/').ok_or_else(|| NameError::Repository(whole()))?;
        if name.contains('/') {
            return Err(NameError::Repository(whole()));
        }
        if let Some(part) = [org, name].into_iter().find(|part| !is_part(part)) {
            return Err(NameError::Part { name: whole(), part: part.chars().take(120).collect() });
        }
        if let Some(revision) = revision.filter(|revision| !is_revision(revision)) {
            let revision = revision.chars().take(120).collect();
            return Err(NameError::Revision { name: whole(), revision });
        }
        if let Some(file) = file.filter(|file| !(is_path(file) && file.ends_with(".gguf"))) {
            let file = file.chars().take(120).collect();
            return Err(NameError::File { name: whole(), file });
        }
        Ok(Self {
            org: org.to_owned(),
            name: name.to_owned(),
            revision: revision.map(str::to_owned),
            file: file.map(str::to_owned),
        })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", Self::SCHEME, self.org, self.name)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        if let Some(file) = &self.file {
            write!(f, ":{file}")?;
        }
        Ok(())
    }
}

/// Whether `text` may be the name of an owner or of a repository.
fn is_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    text.len() <= PART_BYTES_MAX
        && text.bytes().all(plain)
        && end(text.bytes().next())
        && end(text.bytes().last())
        && !text.contains("..")
}

fn is_revision(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    is_path(text) && text.bytes().all(plain) && !text.starts_with('-')
}

/// Whether `text` is a path in a repository that stays in its folder on any system: relative, without
/// `..`, and of characters that a terminal shows.
pub(crate) fn is_path(text: &str) -> bool {
    let component = |component: &str| {
        !component.is_empty()
            && component.len() <= COMPONENT_BYTES_MAX
            && !matches!(component, "." | "..")
    };
    text.len() <= PATH_BYTES_MAX
        && text.split('/').count() <= DEPTH_MAX
        && text.split('/').all(component)
        && !text.contains(['\\', ':'])
        && !text.chars().any(char::is_control)
}

/// `text` as a component of an address or of a path, `/` and all but plain characters spelt out.
pub(crate) fn percent_encoded(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'/' if keep_slashes => encoded.push('/'),
            b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(text: &str, because: &str) {
        let error = text.parse::<ModelName>().unwrap_err().to_string();
        assert!(error.contains(because), "{text:?}: {error}");
    }

    #[test]
    fn a_name_is_read_and_written_alike() {
        for text in [
            "hf:Qwen/Qwen2.5-7B-Instruct",
            "hf:Qwen/Qwen2.5-7B-Instruct@main",
            "hf:a/b@refs/pr/1:deep/er/model-q8_0.gguf",
            "hf:_a/b_:x.gguf",
        ] {
            let name: ModelName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
        }
        let name: ModelName = "hf:a/b@v1:x.gguf".parse().unwrap();
        assert_eq!((name.org(), name.name(), name.revision()), ("a", "b", "v1"));
        assert_eq!(name.file(), Some("x.gguf"));
        assert_eq!("hf:a/b".parse::<ModelName>().unwrap().revision(), "main");
    }

    #[test]
    fn what_is_no_name_is_refused_with_what_is_wrong() {
        check_refused("a/b", "begins with hf:");
        check_refused("hf:gpt2", "with one / in the repository");
        check_refused("hf:a/b/c", "with one / in the repository");
        for part in ["", ".a", "a.", "-a", "a..b", "a b", "ä", &"a".repeat(97)] {
            check_refused(&format!("hf:{part}/b"), "cannot be");
            check_refused(&format!("hf:a/{part}"), "cannot be");
        }
        for revision in ["", "..", "a/../b", "/a", "a/", "a b", "-x", "a\\b", "a@b"] {
            check_refused(&format!("hf:a/b@{revision}"), "is no branch");
        }
        for file in
            ["", "x.bin", "../x.gguf", "/x.gguf", "a//x.gguf", "a\\x.gguf", "x\n.gguf", "a:b.gguf"]
        {
            check_refused(&format!("hf:a/b:{file}"), "ends in .gguf");
        }
        let deep = "a/".repeat(8) + "x.gguf";
        check_refused(&format!("hf:a/b:{deep}"), "ends in .gguf");
    }

    #[test]
    fn an_address_has_plain_characters_alone() {
        assert_eq!(percent_encoded("refs/pr/1", false), "refs%2Fpr%2F1");
        assert_eq!(percent_encoded("a b/ü?#.gguf", true), "a%20b/%C3%BC%3F%23.gguf");
    }
}
