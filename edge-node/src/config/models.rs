//! `[models]` as it is typed: paths, or names that the store knows.

use super::ModelPaths;
use model_store::Environment;
use runtime::ModelFile;
use serde::Deserialize;
use settings::{ConfigError, ConfigFile};
use std::path::{Path, PathBuf};

/// What can fetch a model that is missing.
const PROGRAM: &str = "edge-node";

/// The section.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileModels {
    target: Option<PathBuf>,
    draft: Option<PathBuf>,
    packed: Option<PathBuf>,
    likeness: Option<PathBuf>,
    store: Option<PathBuf>,
}

/// Of a file the models alone: what is wrong with the rest is found by who reads it as a whole.
#[derive(Debug, Deserialize)]
struct ModelsAlone {
    models: FileModels,
}

impl FileModels {
    /// Looks names up, and makes paths those that the file means.
    pub(super) fn resolved(self, file: &ConfigFile) -> Result<ModelPaths, ConfigError> {
        let target = self.model(self.target.as_deref(), file);
        let target = target.map_err(|why| file.invalid("models.target", why))?;
        let draft = self.model(self.draft.as_deref(), file);
        let draft = draft.map_err(|why| file.invalid("models.draft", why))?;
        Ok(ModelPaths {
            target,
            draft,
            packed: self.packed.map(|path| file.resolve(&path)),
            likeness: self.likeness.map(|path| file.resolve(&path)),
        })
    }

    /// What to open, or why there is nothing.
    fn model(&self, path: Option<&Path>, file: &ConfigFile) -> Result<Option<PathBuf>, String> {
        let Some(path) = path else { return Ok(None) };
        let store = self.store.as_deref().map(|store| file.resolve(store));
        let environment = Environment::of(|name| std::env::var_os(name));
        match environment.model(path, store.as_deref(), PROGRAM) {
            None => Ok(Some(file.resolve(path))),
            Some(found) => found.map(Some).map_err(|error| settings::chain(&error)),
        }
    }
}

/// Everything that the models of the file `path` lack: names that were not pulled, files that are not there.
pub(crate) fn missing(path: &Path) -> Result<Vec<String>, ConfigError> {
    let (ModelsAlone { models }, file) = settings::load::<ModelsAlone>(path)?;
    let mut missing = Vec::new();
    for (key, named) in [("target", models.target.as_deref()), ("draft", models.draft.as_deref())] {
        let files = match models.model(named, &file) {
            Err(why) => {
                missing.push(format!("models.{key}: {why}"));
                continue;
            }
            Ok(None) => continue,
            Ok(Some(path)) => ModelFile::missing_files(&path),
        };
        match files {
            Ok(files) => missing
                .extend(files.iter().map(|file| format!("models.{key}: no {}", file.display()))),
            Err(error) => missing.push(format!("models.{key}: {}", settings::chain(&error))),
        }
    }
    Ok(missing)
}
