//! The keys that a program accepts, as it says itself: a key that is like none of its own is refused with all of these.

use settings::ConfigError;
use std::collections::BTreeSet;
use std::path::Path;

/// Like no key that there is.
const UNLIKE: &str = "qq";

/// Where a file has the key that is like no other.
const HERE: &str = "@";

/// A section, a key of one, a key of a table that a key holds; what is deeper repeats what is not so deep.
const DEPTH_MAX: usize = 3;

/// Every key of a device, as `plan.switches.after`.
pub(super) fn by_device() -> BTreeSet<String> {
    accepted(|path| edge_node::Config::load(path).map(drop))
}

/// Every key of a gateway or a cloud.
pub(super) fn by_node() -> BTreeSet<String> {
    accepted(|path| cloud_node::Config::load(path).map(drop))
}

fn accepted(load: impl Fn(&Path) -> Result<(), ConfigError>) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probe.toml");
    let known = |shell: &str| {
        std::fs::write(&file, shell.replace(HERE, &format!("{UNLIKE} = 0"))).unwrap();
        match load(&file) {
            Err(ConfigError::UnknownKey { hint, .. }) => named(&hint),
            Err(_) | Ok(()) => Vec::new(),
        }
    };
    let mut found = BTreeSet::new();
    let mut tables = vec![(Vec::new(), HERE.to_owned(), known(HERE))];
    while let Some((path, shell, keys)) = tables.pop() {
        for key in keys {
            let path: Vec<_> = path.iter().cloned().chain([key.clone()]).collect();
            found.insert(path.join("."));
            // A list is tried only where it is no table: tables may be written as lists of their values.
            let shells = [format!("{key} = {{ {HERE} }}"), format!("{key} = [{{ {HERE} }}]")];
            let shells = shells.map(|inner| shell.replace(HERE, &inner));
            let inner = shells.into_iter().map(|shell| (known(&shell), shell));
            if path.len() < DEPTH_MAX
                && let Some((keys, shell)) = inner.into_iter().find(|(keys, _)| !keys.is_empty())
            {
                tables.push((path, shell, keys));
            }
        }
    }
    found
}

fn named(hint: &str) -> Vec<String> {
    let names = hint.strip_prefix("; known here: ").expect("the key is like no other");
    names.split(", ").map(str::to_owned).collect()
}

#[test]
fn keys_are_found_in_sections_in_tables_and_in_lists_of_tables() {
    let device = by_device();
    for key in ["plan", "plan.mode", "plan.switches.after", "peers.role", "kv.stream.sinks"] {
        assert!(device.contains(key), "no {key} in {device:?}");
    }
    assert!(!device.iter().any(|key| key.contains(UNLIKE)), "{device:?}");
    assert!(by_node().contains("engine.pace.per_row_ms") && !by_node().contains("plan"));
}
