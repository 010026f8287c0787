//! The programs under test, built with the profile of this test binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The path of a program of the workspace; builds all of them at the first call.
pub(crate) fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// The root of the source tree.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `cargo test` builds no program of another crate for this one, so this does. This test is named
/// too, so that cargo picks the same features as for the whole workspace and builds nothing twice.
/// Where nothing changed it takes a fraction of a second.
fn build() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/it-HASH
    let folder = test.ancestors().nth(2).unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo said to this test about its own package is not true of others, and makes build
    // scripts that ask for it (ring's) run again.
    for (name, _) in std::env::vars_os() {
        let said = |start: &str| name.to_str().is_some_and(|name| name.starts_with(start));
        if said("CARGO_PKG_") || said("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    let built = cargo
        .current_dir(workspace())
        .args(["build", "--quiet", "-p", "edge-node", "-p", "cloud-node", "-p", "tests"])
        .args(["--bins", "--test", "it", "--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    folder.to_owned()
}
