//! One test's world: a folder, a CA, configurations, and real processes that end with it.
//!
//! Nodes listen on ports that the system picks, so that tests run side by side. Whatever was started
//! is killed when its handle is dropped, also by a panic.

mod binaries;
mod device;
mod models;
mod node;
mod oracle;
mod process;
mod relay;

pub(crate) use binaries::{binary, workspace};
pub(crate) use device::{Answer, Device, Kv, Mode, Sampling, Stage};
pub(crate) use models::{demo_draft, demo_target, endless_pair, random_weights, shorten};
pub(crate) use node::{Node, NodeConfig};
pub(crate) use oracle::Oracle;
pub(crate) use relay::{Relay, Weather};

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use tempfile::TempDir;

/// The nodes' own default for `silence_ms_min` and `silence_ms_max`.
const SILENCE_MS: [u64; 2] = [500, 2_000];

/// For a link so bad that the default would see outages: no silence of a test is one.
pub(crate) const PATIENCE_MS: [u64; 2] = [20_000, 20_000];

/// A folder with a CA that knows the three nodes `device`, `gateway` and `cloud`.
#[derive(Debug)]
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { folder: TempDir::new().unwrap() };
        world.ca(&["init", "--dir", &world.text("pki")]);
        for role in ["device", "gateway", "cloud"] {
            world.issue("pki", role, role, "pki");
        }
        world
    }

    /// A path in this world's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate of the CA in folder `ca`, written to folder `out`.
    pub(crate) fn issue(&self, ca: &str, role: &str, name: &str, out: &str) {
        let (dir, out) = (self.text(ca), self.text(out));
        self.ca(&["issue", "--role", role, "--name", name, "--dir", &dir, "--out", &out]);
    }

    /// Runs `cloud-node ca`.
    pub(crate) fn ca(&self, arguments: &[&str]) {
        let output = Command::new(binary("cloud-node")).arg("ca").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A path in this world's folder, for a command line.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file of this world, its folders included.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// The `[identity]` section of a node whose certificates lie in `folder`.
fn identity(folder: &Path, name: &str) -> String {
    let folder = folder.display();
    format!(
        "[identity]\ncertificate = '{folder}/{name}.pem'\nkey = '{folder}/{name}.key'\n\
         authority = '{folder}/ca.pem'\n"
    )
}

/// How many runs of a sweep go on at once: each waits for other processes half of its time.
const SIDE_BY_SIDE: usize = 3;

/// Runs `each` for all of `items`, a few at a time; what they gave, in the order of `items`.
pub(crate) fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    each: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let (queue, done) = (Mutex::new(items.iter().enumerate()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                loop {
                    let taken = queue.lock().unwrap().next();
                    let Some((number, item)) = taken else { return };
                    let result = each(number, item);
                    done.lock().unwrap().insert(number, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// The data folder's `name`, or `None` and a line that says so.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CAUSEWAY_DATA").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| workspace().join("../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    say(&format!("skipped: no {} (CAUSEWAY_DATA names its folder)", path.display()));
    None
}

/// A line past the capture of test output: what is skipped must be seen.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
