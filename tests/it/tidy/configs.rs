//! Configurations: every file under `configs/` parses, and those of the three tiers say what the
//! programs read.

use super::accepted::{by_device, by_node};
use super::{check, check_complains, workspace};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn configs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&workspace().join("configs"), &mut found);
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

fn complaints(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().flat_map(|path| complaints_of(path)).collect()
}

fn complaints_of(path: &Path) -> Vec<String> {
    let value = match settings::load::<Value>(path) {
        Ok((value, _)) => value,
        Err(error) => return vec![error.to_string()],
    };
    let known = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("cloud" | "gateway") => by_node(),
        Some("device") => by_device(),
        _ => return Vec::new(),
    };
    let sections = value.as_object().map(serde_json::Map::keys).into_iter().flatten();
    let unknown = sections.filter(|section| !known.contains(*section));
    unknown.map(|section| format!("{}: nothing reads `[{section}]`", path.display())).collect()
}

#[test]
fn every_configuration_parses_and_has_known_sections() {
    let found = configs();
    for tier in ["device", "gateway", "cloud"] {
        let file = workspace().join(format!("configs/{tier}.toml"));
        assert!(found.contains(&file), "no {}", file.display());
    }
    check(&complaints(&found));
}

/// A pair that lacks a tier.
fn incomplete(pairs: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(pairs).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| {
        ["device", "gateway", "cloud"].map(|tier| folder.join(format!("{tier}.toml")))
    });
    let missing = files.filter(|file| !file.is_file());
    missing.map(|file| format!("no {}", file.display())).collect()
}

#[test]
fn every_pair_of_models_has_a_file_for_each_tier() {
    check(&incomplete(&workspace().join("configs/pairs")));
}

#[test]
fn a_configuration_that_does_not_parse_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let with = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        complaints(&[path])
    };
    check_complains(&with("broken.toml", "[node\n"), "broken.toml");
    check_complains(&with("device.toml", "[model]\npath = 'x'\n"), "nothing reads `[model]`");
    check_complains(&with("cloud.toml", "[plan]\nmode = 'x'\n"), "nothing reads `[plan]`");
    check(&with("link.toml", "[anything]\nat = 'all'\n"));
}

#[test]
fn a_pair_that_lacks_a_tier_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pair")).unwrap();
    for tier in ["device", "cloud"] {
        std::fs::write(folder.path().join(format!("pair/{tier}.toml")), "").unwrap();
    }
    let complaints = incomplete(folder.path());
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    check_complains(&complaints, "pair/gateway.toml");
}
