//! What the environment says of stores and hubs, as the hub's own programs read it.
//!
//! Variables are handed in: a program reads them once, at its rim, and a test makes them up.

use crate::{HubSettings, ModelName, NamedError, Patience, Store, StoreError};
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

const ENDPOINT_DEFAULT: &str = "https://huggingface.co";

/// Tokens have some 40.
const TOKEN_BYTES_MAX: u64 = 4_096;

/// What the environment says.
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    store: Option<PathBuf>,
    endpoint: String,
    token: Option<String>,
    token_file: Option<PathBuf>,
}

impl Environment {
    /// Of what `variable` gives for a name: `XDG_DATA_HOME`, `HOME`, `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`. An
    /// empty one is none.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| said(name).and_then(|value| value.into_string().ok());
        let home = said("HOME").map(PathBuf::from);
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let data = said("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = said("HF_HOME").map(PathBuf::from);
        Self {
            store: data.or_else(|| below_home(".local/share")).map(|data| data.join("causeway")),
            endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned()),
            token: text("HF_TOKEN").map(|token| token.trim().to_owned()),
            token_file: cache
                .or_else(|| below_home(".cache/huggingface"))
                .map(|cache| cache.join("token")),
        }
    }

    /// The store in `folder`, or else where stores are; `None` where nobody said where a home is.
    pub fn store(&self, folder: Option<&Path>) -> Option<Store> {
        folder.map(Path::to_owned).or_else(|| self.store.clone()).map(Store::at)
    }

    /// What to open for a model that is named where a path might stand; `None` where it is a path. It is
    /// looked for in the store in `folder`, or else where stores are; `program` is what can pull.
    ///
    /// # Errors
    ///
    /// [`NamedError`] says how to fetch it, where it is missing.
    pub fn model(
        &self,
        path: &Path,
        folder: Option<&Path>,
        program: &str,
    ) -> Option<Result<PathBuf, NamedError>> {
        let text = path.to_str().filter(|text| ModelName::is_meant_by(text))?;
        let find = || {
            let name: ModelName = text.parse()?;
            let store = self.store(folder).ok_or(NamedError::NoStore)?;
            store.find(&name).map_err(|store| match store {
                missing @ StoreError::Missing { .. } => {
                    let at = folder.map(|folder| format!(" --store {}", folder.display()));
                    let command = format!("{program} pull {name}{}", at.unwrap_or_default());
                    NamedError::Missing { store: Box::new(missing), command }
                }
                other @ (StoreError::System { .. } | StoreError::Damaged { .. }) => {
                    NamedError::Store(other)
                }
            })
        };
        Some(find())
    }

    /// The hub, with the token that is said or lies where hubs' programs put it.
    ///
    /// # Errors
    ///
    /// [`StoreError::System`] where there is a file of a token that cannot be read.
    pub fn hub(&self, patience: Patience) -> Result<HubSettings, StoreError> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(path)) => read_token(path)?,
            (None, None) => None,
        };
        Ok(HubSettings { endpoint: self.endpoint.clone(), token, patience })
    }
}

fn read_token(path: &Path) -> Result<Option<String>, StoreError> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(StoreError::system("read the token in", path))?,
    };
    let mut text = String::new();
    let read = file.take(TOKEN_BYTES_MAX).read_to_string(&mut text);
    read.map_err(StoreError::system("read the token in", path))?;
    Ok(Some(text.trim().to_owned()).filter(|token| !token.is_empty()))
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { store, endpoint, token: _, token_file } = self;
        f.debug_struct("Environment")
            .field("store", store)
            .field("endpoint", endpoint)
            .field("token_file", token_file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn a_store_is_where_it_is_said_or_where_data_is_kept() {
        let folder = |variables: &[(&str, &str)], said: Option<&str>| {
            let store = environment(variables).store(said.map(Path::new));
            store.map(|store| store.folder().display().to_string())
        };
        let home = ("HOME", "/home/a");
        assert_eq!(folder(&[home], None).unwrap(), "/home/a/.local/share/causeway");
        assert_eq!(folder(&[home, ("XDG_DATA_HOME", "/d")], None).unwrap(), "/d/causeway");
        let relative = folder(&[home, ("XDG_DATA_HOME", "d")], None);
        assert_eq!(relative.unwrap(), "/home/a/.local/share/causeway");
        assert_eq!(folder(&[home], Some("/s")).unwrap(), "/s");
        assert_eq!(folder(&[("HOME", "")], None), None);
    }

    #[test]
    fn a_name_is_looked_up_and_a_path_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&[("XDG_DATA_HOME", folder.path().to_str().unwrap())]);
        let model = |path: &str, store: Option<&str>| {
            let found = environment.model(Path::new(path), store.map(Path::new), "edge-node");
            found.map(|found| found.unwrap_err().to_string())
        };
        assert_eq!(model("models/hf.gguf", None), None);
        let missing = model("hf:a/b:x.gguf", None).unwrap();
        assert!(missing.ends_with("`edge-node pull hf:a/b:x.gguf` fetches it"), "{missing}");
        let missing = model("hf:a/b", Some("/s")).unwrap();
        assert!(missing.ends_with("`edge-node pull hf:a/b --store /s` fetches it"), "{missing}");
        assert!(model("hf:a", None).unwrap().contains("not of the form"));
    }

    #[test]
    fn a_token_is_what_is_said_or_what_lies_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        let token = |variables: &[(&str, &str)]| {
            environment(variables).hub(Patience::default()).unwrap().token
        };
        assert_eq!(token(&[("HF_HOME", home)]), None);
        std::fs::write(folder.path().join("token"), "in-file\n").unwrap();
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("in-file"));
        let both = [("HF_HOME", home), ("HF_TOKEN", "said")];
        assert_eq!(token(&both).as_deref(), Some("said"));
        assert!(!format!("{:?}", environment(&both)).contains("said"));
        let elsewhere = environment(&[("HF_ENDPOINT", "https://mirror")]);
        assert_eq!(elsewhere.hub(Patience::default()).unwrap().endpoint, "https://mirror");
    }
}
