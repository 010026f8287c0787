//! Reads one configuration file.

use crate::ConfigError;
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Toml};
use serde::de::DeserializeOwned;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Far above any real configuration, far below what would hurt.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How alike an unknown and a known key must be to suggest it (Jaro-Winkler, 0 to 1).
const SUGGESTION_LIKENESS_MIN: f64 = 0.75;

/// Where a configuration came from: makes its paths absolute and signs its errors.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
}

/// Reads `path` as TOML into `T`.
///
/// # Errors
///
/// [`ConfigError`]: unreadable, too large, not TOML, an unknown or a missing key.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<(T, ConfigFile), ConfigError> {
    let text = read(path)?;
    let value =
        Figment::from(Toml::string(&text)).extract::<T>().map_err(|error| explain(path, &error))?;
    Ok((value, ConfigFile { path: path.to_owned() }))
}

impl ConfigFile {
    /// `path` as the file means it: relative to the file's own folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new("")).join(path)
    }

    /// An error about the value of `key` in this file.
    pub fn invalid(&self, key: &'static str, detail: impl ToString) -> ConfigError {
        ConfigError::Invalid { path: self.path.clone(), key, detail: detail.to_string() }
    }

    /// An error about this file as a whole.
    pub(crate) fn malformed(&self, detail: String) -> ConfigError {
        ConfigError::Malformed { path: self.path.clone(), detail }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        let bytes_max = FILE_BYTES_MAX;
        return Err(ConfigError::TooLarge { path: path.to_owned(), bytes, bytes_max });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn explain(path: &Path, error: &figment::Error) -> ConfigError {
    let path = path.to_owned();
    if let Kind::UnknownField(field, known) = &error.kind {
        let section = error.path.iter().filter(|key| *key != field).map(String::as_str);
        let key = section.chain([field.as_str()]).collect::<Vec<_>>().join(".");
        return ConfigError::UnknownKey { path, key, hint: hint(field, known) };
    }
    let place = error.path.join(".");
    let detail = match place.as_str() {
        "" => error.kind.to_string(),
        place => format!("`{place}`: {}", error.kind),
    };
    ConfigError::Malformed { path, detail }
}

fn hint(field: &str, known: &[&str]) -> String {
    let likeness = |key: &&str| strsim::jaro_winkler(field, key);
    let closest = known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match closest {
        Some(key) if likeness(&key) >= SUGGESTION_LIKENESS_MIN => {
            format!("; did you mean `{key}`?")
        }
        _ => format!("; known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[expect(dead_code, reason = "only its parsing is tested")]
        node: Node,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parsing is tested")]
    struct Node {
        name: String,
        sessions_max: u32,
    }

    fn check(text: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        let error = load::<Config>(&path).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_closest_known_one() {
        check(
            "[node]\nname='a'\nsession_max=1\n",
            "`node.session_max`; did you mean `sessions_max`",
        );
    }

    #[test]
    fn an_unknown_key_like_no_other_is_refused_with_all_known_ones() {
        check("[node]\nname='a'\nsessions_max=1\nqq=1\n", "known here: name, sessions_max");
    }

    #[test]
    fn a_missing_key_and_a_wrong_kind_are_named() {
        check("[node]\nname='a'\n", "sessions_max");
        check("[node]\nname='a'\nsessions_max='many'\n", "`node.sessions_max`");
    }

    #[test]
    fn text_that_is_not_toml_is_refused() {
        check("[node\n", "TOML");
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let file = ConfigFile { path: PathBuf::from("/etc/causeway/node.toml") };
        assert_eq!(file.resolve(Path::new("ca.pem")), Path::new("/etc/causeway/ca.pem"));
        assert_eq!(file.resolve(Path::new("/ca.pem")), Path::new("/ca.pem"));
    }
}
