//! The folder in which models are kept, for all programs of a machine.
//!
//! ```text
//!   blobs/sha256-…                        bytes, by their sum, read-only
//!   partial/KEY.part, .part.etag, .lock   what is arriving, and of which answer
//!   models/ORG/NAME/refs/REV              the commit that a branch was at when it was pulled
//!   models/ORG/NAME/COMMIT.json           the manifest: what is there as a whole
//!   models/ORG/NAME/COMMIT/…              the files, as hard links to blobs
//! ```
//!
//! Links and not copies, so that a commit that changes a README costs nothing; hard ones, so that a file
//! is a file to whoever opens it.

use crate::checksum::{Sha256, unhex};
use crate::listing::HubFile;
use crate::lock::Lock;
use crate::manifest::{Entry, Manifest};
use crate::name::{ModelName, percent_encoded};
use crate::selection::begins_model;
use crate::{StoreError, durable};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// More than any store has in one folder.
const ENTRIES_MAX: usize = 10_000;

/// A folder of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// A model that is there as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredModel {
    /// Its name, with the commit.
    pub name: ModelName,
    /// What was last known to be at that commit, such as `main`.
    pub revisions: Vec<String>,
    /// What to open.
    pub path: PathBuf,
    /// Its bytes; such as it shares with another model count for both.
    pub bytes: u64,
}

impl Store {
    /// The store in `folder`, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What to open for the model `name`; nobody is asked but the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] where it was not pulled as a whole, [`StoreError::Damaged`] where a file
    /// of it is no longer as it was.
    pub fn find(&self, name: &ModelName) -> Result<PathBuf, StoreError> {
        let missing = || StoreError::Missing { name: name.clone(), store: self.folder.clone() };
        let repository = self.repository(name);
        let known = read_ref(&ref_path(&repository, name.revision()))?;
        // A commit needs no ref.
        let commit = known.unwrap_or_else(|| name.revision().to_ascii_lowercase());
        if unhex::<20>(&commit).is_none() {
            return Err(missing());
        }
        let manifest = Manifest::read(&repository.join(format!("{commit}.json")))?;
        let folder = repository.join(&commit);
        let (path, files): (_, Vec<_>) = match name.file() {
            Some(file) => (folder.join(file), manifest.model(file)),
            None if manifest.folder => (folder.clone(), manifest.files.iter().collect()),
            None => return Err(missing()),
        };
        if files.is_empty() {
            return Err(missing());
        }
        for (file, Entry { bytes, .. }) in files {
            check_length(&folder.join(file), *bytes)?;
        }
        Ok(path)
    }

    /// All models that are there as a whole, by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where the store cannot be read.
    pub fn list(&self) -> Result<Vec<StoredModel>, StoreError> {
        let mut models = Vec::new();
        let root = self.folder.join("models");
        for org in names_in(&root)? {
            for name in names_in(&root.join(&org))? {
                if let Some(name) = ModelName::of_repository(&org, &name) {
                    self.list_repository(&name, &mut models)?;
                }
            }
        }
        models.sort_by_cached_key(|model| model.name.to_string());
        Ok(models)
    }

    fn list_repository(
        &self,
        name: &ModelName,
        models: &mut Vec<StoredModel>,
    ) -> Result<(), StoreError> {
        let repository = self.repository(name);
        let refs = read_refs(&repository.join("refs"))?;
        for file in names_in(&repository)? {
            let Some(commit) = file.strip_suffix(".json") else { continue };
            let manifest = Manifest::read(&repository.join(&file))?;
            let (name, folder) = (name.at(commit), repository.join(commit));
            let revisions: Vec<_> =
                refs.iter().filter(|(_, at)| *at == commit).map(|(name, _)| name.clone()).collect();
            let stored = |file: Option<&str>, bytes| StoredModel {
                name: name.with_file(file),
                revisions: revisions.clone(),
                path: file.map_or_else(|| folder.clone(), |file| folder.join(file)),
                bytes,
            };
            if manifest.folder {
                let files = manifest.files.iter().filter(|(path, _)| !path.ends_with(".gguf"));
                models.push(stored(None, files.map(|(_, entry)| entry.bytes).sum()));
            }
            for path in manifest.files.keys().filter(|path| begins_model(path)) {
                let bytes = manifest.model(path).into_iter().map(|(_, entry)| entry.bytes).sum();
                models.push(stored(Some(path), bytes));
            }
        }
        Ok(())
    }

    /// Where the bytes with that sum are.
    pub(crate) fn blob(&self, sum: &Sha256) -> PathBuf {
        self.folder.join("blobs").join(sum.key())
    }

    /// Where a file arrives that the hub calls so; with the lock beside it.
    pub(crate) fn part(&self, key: &str) -> (PathBuf, PathBuf) {
        let path = |end: &str| self.folder.join("partial").join(format!("{key}.{end}"));
        (path("part"), path("lock"))
    }

    /// Makes the folders that a pull needs.
    pub(crate) fn prepare(&self, name: &ModelName) -> Result<(), StoreError> {
        let refs = self.repository(name).join("refs");
        [self.folder.join("blobs"), self.folder.join("partial"), refs]
            .iter()
            .try_for_each(|folder| durable::folder(folder))
    }

    /// The blobs of this repository, at any commit, by what the hub calls them.
    pub(crate) fn known(&self, name: &ModelName) -> Result<BTreeMap<String, Sha256>, StoreError> {
        let repository = self.repository(name);
        let mut known = BTreeMap::new();
        for file in names_in(&repository)?.iter().filter(|file| file.ends_with(".json")) {
            for entry in Manifest::read(&repository.join(file))?.files.into_values() {
                known.extend(Sha256::parse(&entry.sha256).map(|sum| (entry.hub, sum)));
            }
        }
        Ok(known)
    }

    /// Gives the blobs their names at `commit`, and says that they are there.
    pub(crate) fn record(
        &self,
        name: &ModelName,
        commit: &str,
        files: &[(&HubFile, Sha256)],
    ) -> Result<PathBuf, StoreError> {
        let repository = self.repository(name);
        let _lock = Lock::take(repository.join("lock"), || {})?;
        let folder = repository.join(commit);
        let manifest_path = repository.join(format!("{commit}.json"));
        let mut manifest = Manifest::read(&manifest_path)?;
        for (file, sum) in files {
            let path = folder.join(&file.path);
            durable::folder(path.parent().unwrap_or(&folder))?;
            durable::link(&self.blob(sum), &path)?;
            manifest.files.insert(file.path.clone(), Entry::new(file, *sum));
        }
        manifest.folder |= name.file().is_none();
        manifest.write(&manifest_path)?;
        durable::write(&ref_path(&repository, name.revision()), commit.as_bytes())?;
        Ok(name.file().map_or_else(|| folder.clone(), |file| folder.join(file)))
    }

    fn repository(&self, name: &ModelName) -> PathBuf {
        self.folder.join("models").join(name.org()).join(name.name())
    }
}

fn ref_path(repository: &Path, revision: &str) -> PathBuf {
    repository.join("refs").join(percent_encoded(revision, false))
}

/// The commit that a ref names.
fn read_ref(path: &Path) -> Result<Option<String>, StoreError> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        read => read.map_err(StoreError::system("read", path))?,
    };
    match unhex::<20>(&text) {
        Some(_) => Ok(Some(text)),
        None => Err(StoreError::damaged(path, "it names no commit")),
    }
}

/// All refs with their commits, by name.
fn read_refs(folder: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    let mut refs = BTreeMap::new();
    for name in names_in(folder)? {
        if let Some(commit) = read_ref(&folder.join(&name))? {
            refs.insert(name.replace("%2F", "/"), commit);
        }
    }
    Ok(refs)
}

/// The names in a folder, in order; none where there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        read => read.map_err(StoreError::system("list", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries.take(ENTRIES_MAX) {
        let entry = entry.map_err(StoreError::system("list", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

fn check_length(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let found = fs::metadata(path).map_err(StoreError::system("look at", path))?.len();
    if found == bytes {
        return Ok(());
    }
    Err(StoreError::damaged(path, format!("it has {found} bytes and was pulled with {bytes}")))
}
