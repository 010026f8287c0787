//! A store in a folder that vanishes, and pulls into it.

use crate::hub::TestHub;
use model_store::{Hub, HubSettings, Patience, Progress, PullError, Pulled, Store, pull};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const NAME: &str = "hf:org/name:x.gguf";

/// A store, and what is seen of pulls into it.
pub(crate) struct World {
    pub(crate) store: Store,
    /// How long it waits for the next bytes.
    stall: Duration,
    folder: tempfile::TempDir,
    pauses: Arc<Mutex<Vec<Duration>>>,
}

/// What a pull told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) here: u64,
    pub(crate) arrived: u64,
    pub(crate) lost: u64,
    pub(crate) files: Vec<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("store"));
        Self { store, stall: Duration::from_secs(60), folder, pauses: Arc::default() }
    }

    /// One that waits for a second at most.
    pub(crate) fn impatient() -> Self {
        Self { stall: Duration::from_secs(1), ..Self::new() }
    }

    /// Pulls `name`, with a token, from a hub; nothing sleeps.
    pub(crate) fn pull(&self, name: &str, hub: &TestHub) -> Result<Pulled, PullError> {
        self.pull_told(name, hub, &mut Told::default())
    }

    pub(crate) fn pull_told(
        &self,
        name: &str,
        hub: &TestHub,
        told: &mut Told,
    ) -> Result<Pulled, PullError> {
        let pauses = Arc::clone(&self.pauses);
        let pause = move |time| pauses.lock().unwrap().push(time);
        pull(&self.store, &client(hub, self.stall, pause), &name.parse().unwrap(), told)
    }

    /// How long was waited between attempts, in order.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        std::mem::take(&mut self.pauses.lock().unwrap())
    }

    /// Every file of the store under a name of its own, that is: not arriving.
    pub(crate) fn named_files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files.retain(|path| !path.contains("/partial/"));
        files
    }
}

/// A client of the hub that waits for `stall` at most.
pub(crate) fn client(
    hub: &TestHub,
    stall: Duration,
    pause: impl Fn(Duration) + Send + Sync + 'static,
) -> Hub {
    let patience = Patience { connect: Duration::from_secs(60), stall, ..Patience::default() };
    let (endpoint, token) = (hub.address.clone(), Some("secret".to_owned()));
    Hub::new(HubSettings { endpoint, token, patience }, pause).unwrap()
}

/// `count` bytes that differ.
pub(crate) fn bytes(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..count).map(|_| next()).collect()
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path.display().to_string());
        }
    }
}

impl Progress for Told {
    fn begins(&mut self, _files: usize, _bytes: u64, here: u64) {
        self.here = here;
    }

    fn file(&mut self, path: &str, _bytes: u64) {
        self.files.push(path.to_owned());
    }

    fn arrived(&mut self, bytes: u64) {
        self.arrived += bytes;
    }

    fn lost(&mut self, bytes: u64) {
        self.lost += bytes;
    }

    fn waits(&mut self, _path: &str) {}
}
