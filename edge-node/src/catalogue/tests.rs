//! The demo pair, by name: from a hub on this machine to a device that is configured with it.

mod hub;

use super::{check, list, show};
use crate::Config;
use crate::models::Models;
use base::LayerRange;
use clap::Parser as _;
use hub::TestHub;
use model_store::{Hub, HubSettings, ModelName, Patience, Progress, Store};
use runtime::{Pool, StageSpec};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const TARGET: &str = "causeway-demo-target-q8_0.gguf";
const DRAFT: &str = "causeway-demo-draft-q8_0.gguf";

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// Nobody is told.
struct Silent;

impl Progress for Silent {
    fn begins(&mut self, _files: usize, _bytes: u64, _here: u64) {}
    fn file(&mut self, _path: &str, _bytes: u64) {}
    fn arrived(&mut self, _bytes: u64) {}
    fn lost(&mut self, _bytes: u64) {}
    fn waits(&mut self, _path: &str) {}
}

/// Pulls the demo pair into the store in `folder`.
fn pull_pair(folder: &Path) -> Store {
    let file = |name: &str| (name.to_owned(), std::fs::read(models().join(name)).unwrap());
    let hub = TestHub::new([TARGET, DRAFT].map(file));
    let patience = Patience::default();
    let settings = HubSettings { endpoint: hub.address, token: None, patience };
    let (hub, store) = (Hub::new(settings, |_| {}).unwrap(), Store::at(folder));
    for file in [TARGET, DRAFT] {
        let name: ModelName = format!("hf:causeway/demo:{file}").parse().unwrap();
        model_store::pull(&store, &hub, &name, &mut Silent).unwrap();
    }
    store
}

/// A device's file in `folder` whose models, beside `plan`, are those.
fn configured(folder: &Path, target: &str, draft: &str, plan: &str) -> PathBuf {
    let path = folder.join("device.toml");
    let text = format!(
        "[node]\nname = 'car'\n[models]\nstore = 'store'\ntarget = '{target}'\ndraft = '{draft}'\n\
         [plan]\n{plan}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn named(file: &str) -> String {
    format!("hf:causeway/demo:{file}")
}

#[test]
fn a_pair_that_was_pulled_by_name_is_listed_loaded_and_is_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    let store = pull_pair(&folder.path().join("store"));
    let listed = list::of(&store).unwrap();
    assert!(listed.contains(DRAFT) && listed.contains(TARGET) && listed.contains("(main)"));

    let path = configured(folder.path(), &named(TARGET), &named(DRAFT), "mode = 'local'");
    let config = Config::load(&path).unwrap();
    let opened = Models::open(&config.models).unwrap();
    let (target, threads) = (opened.target.unwrap(), Arc::new(Pool::new(1).unwrap()));
    let stage = target.load_stage(StageSpec::whole(target.config().layers), &threads).unwrap();
    assert_eq!(stage.config(), target.config());

    let found = check::of(&path).unwrap();
    assert_eq!(found.problems, 0, "{}", found.text);
    assert!(found.text.contains("mean the same by each token"), "{}", found.text);
    assert!(
        found.text.contains("car          the draft model: 2402 KiB of weights"),
        "{}",
        found.text
    );
}

#[test]
fn what_was_never_pulled_is_named_with_the_command_that_fetches_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = configured(folder.path(), "hf:a/b", "none.gguf", "mode = 'local'");
    let found = check::of(&path).unwrap();
    assert_eq!(found.problems, 2, "{}", found.text);
    let store = folder.path().join("store");
    let command = format!("`edge-node pull hf:a/b --store {}` fetches it", store.display());
    assert!(found.text.contains(&command), "{}", found.text);
    assert!(found.text.contains("models.draft: no "), "{}", found.text);
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("`models.target`") && error.contains(&command), "{error}");
}

#[test]
fn models_that_are_no_pair_are_told_so_by_the_tokens_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(models().join(DRAFT)).unwrap();
    let (ours, theirs) = (b"<|end|>", b"<|enb|>");
    let places: Vec<_> =
        (0..bytes.len() - ours.len()).filter(|at| bytes[*at..].starts_with(ours)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + theirs.len()].copy_from_slice(theirs);
    }
    let other = folder.path().join("other.gguf");
    std::fs::write(&other, bytes).unwrap();
    let target = models().join(TARGET);
    let plan = "mode = 'local'\nlocal = 'target'";
    let path = configured(folder.path(), target.to_str().unwrap(), other.to_str().unwrap(), plan);
    let found = check::of(&path).unwrap();
    assert_eq!(found.problems, 1, "{}", found.text);
    assert!(found.text.contains("are no pair"), "{}", found.text);
    let line = "\"<|end|>\" to the target, \"<|enb|>\" to the draft";
    assert!(found.text.contains(line), "{}", found.text);
}

#[test]
fn what_each_tier_takes_by_a_split_adds_up_to_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [TARGET, DRAFT].map(|name| models().join(name).display().to_string());
    let plan = "mode = 'split'\nstages = [{ node = 'car', layers = [0, 2] }, { node = 'cloud', layers = [2, 6] }]";
    let found = check::of(&configured(folder.path(), &paths[0], &paths[1], plan)).unwrap();
    assert_eq!(found.problems, 0, "{}", found.text);
    for part in [
        "plan split:\n  car          embedding, layers 0..2 of the target: ",
        "  cloud        layers 2..6, head of the target: ",
    ] {
        assert!(found.text.contains(part), "{}", found.text);
    }
    let wrong = plan.replace("[2, 6]", "[2, 7]");
    let found = check::of(&configured(folder.path(), &paths[0], &paths[1], &wrong)).unwrap();
    assert_eq!(found.problems, 1, "{}", found.text);
    assert!(found.text.contains("wrong: plan:"), "{}", found.text);
}

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    show: show::ShowArguments,
}

#[test]
fn a_model_is_shown_with_what_its_parts_take() {
    let path = models().join(TARGET);
    let line = ["show", path.to_str().unwrap(), "--context", "2048", "--layers", "1..3"];
    let arguments = Line::parse_from(line).show;
    assert_eq!(arguments.layers, [LayerRange::new(1, 3).unwrap()]);
    let text = show::of(&arguments).unwrap();
    for part in [
        "llama: 6 layers",
        "SentencePiece, 4096 pieces, a chat template that knows no tools",
        "blk.*.attn_q.weight ",
        "memory at 2048 positions",
        "KV q4",
        " over 4 nodes",
        "embedding, layers 0..3",
        "layers 1..3",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}
