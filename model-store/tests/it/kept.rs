//! What is kept, and found again.

use crate::hub::{COMMIT, TestHub, sha256};
use crate::world::{NAME, Told, World, bytes};
use model_store::{ModelName, StoreError};
use std::os::unix::fs::MetadataExt as _;

fn found(world: &World, name: &str) -> Result<std::path::PathBuf, StoreError> {
    world.store.find(&name.parse::<ModelName>().unwrap())
}

#[test]
fn a_file_is_pulled_found_and_not_pulled_again() {
    let (world, all) = (World::new(), bytes(200_000, 1));
    let hub = TestHub::honest(&[("x.gguf", all.clone()), ("y.gguf", bytes(9, 2))]);
    assert!(matches!(found(&world, NAME), Err(StoreError::Missing { .. })));
    let mut told = Told::default();
    let pulled = world.pull_told(NAME, &hub, &mut told).unwrap();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), all);
    assert_eq!((pulled.commit.as_str(), pulled.bytes), (COMMIT, 200_000));
    assert_eq!((told.here, told.arrived, told.lost), (0, 200_000, 0));
    assert_eq!(found(&world, NAME).unwrap(), pulled.path);
    let by_commit = NAME.replace(":x", &format!("@{COMMIT}:x"));
    assert_eq!(found(&world, &by_commit).unwrap(), pulled.path);
    assert!(found(&world, &NAME.replace(":x", "@v2:x")).is_err());
    let blob = world.store.folder().join("blobs").join(format!("sha256-{}", sha256(&all)));
    assert_eq!(blob.metadata().unwrap().ino(), pulled.path.metadata().unwrap().ino());

    let mut told = Told::default();
    assert_eq!(world.pull_told(NAME, &hub, &mut told).unwrap(), pulled);
    assert_eq!((told.here, told.arrived), (200_000, 0));
    assert_eq!(hub.asked_for_files().len(), 1);
    let missing = found(&world, "hf:org/name:y.gguf").unwrap_err();
    assert!(matches!(missing, StoreError::Missing { .. }), "{missing}");
}

#[test]
fn a_folder_is_pulled_as_a_whole_and_without_what_nobody_opens() {
    let world = World::new();
    let hub = TestHub::honest(&[
        ("README.md", bytes(10, 1)),
        ("config.json", b"{}".to_vec()),
        ("empty/model.safetensors", bytes(10, 2)),
        ("model.safetensors", bytes(100_000, 3)),
        ("tokenizer.json", Vec::new()),
    ]);
    let mut told = Told::default();
    let pulled = world.pull_told("hf:org/name@main", &hub, &mut told).unwrap();
    assert_eq!(told.files, ["config.json", "model.safetensors", "tokenizer.json"]);
    let names: Vec<_> = std::fs::read_dir(&pulled.path).unwrap().collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(std::fs::read(pulled.path.join("config.json")).unwrap(), b"{}");
    assert_eq!(found(&world, "hf:org/name").unwrap(), pulled.path);
    // Small files have no SHA-256 at the hub, and are known again all the same.
    let mut told = Told::default();
    world.pull_told("hf:org/name", &hub, &mut told).unwrap();
    assert_eq!((told.here, told.arrived), (100_002, 0));
}

#[test]
fn a_model_in_several_files_is_pulled_found_and_listed_as_one() {
    let world = World::new();
    let [first, second] = [1, 2].map(|n| format!("deep/z-0000{n}-of-00002.gguf"));
    let hub = TestHub::honest(&[(&first, bytes(30_000, 1)), (&second, bytes(9_000, 2))]);
    let (name, mut told) = (format!("hf:org/name:{first}"), Told::default());
    let pulled = world.pull_told(&name, &hub, &mut told).unwrap();
    assert_eq!((told.files, pulled.bytes), (vec![first, second.clone()], 39_000));
    assert_eq!(found(&world, &name).unwrap(), pulled.path);
    let list = world.store.list().unwrap();
    let said: Vec<_> = list.iter().map(|model| (model.path.clone(), model.bytes)).collect();
    assert_eq!(said, [(pulled.path.clone(), 39_000)]);
    let second = pulled.path.parent().unwrap().parent().unwrap().join(second);
    std::fs::remove_file(&second).unwrap();
    std::fs::write(&second, b"short").unwrap();
    let error = found(&world, &name).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("00002-of-00002.gguf"), "{error}");
}

#[test]
fn the_list_has_every_model_that_is_whole_with_its_size() {
    let world = World::new();
    assert_eq!(world.store.list().unwrap(), []);
    let hub = TestHub::honest(&[
        ("config.json", b"{}".to_vec()),
        ("model.safetensors", bytes(10, 3)),
        ("x.gguf", bytes(20, 4)),
    ]);
    world.pull(NAME, &hub).unwrap();
    world.pull("hf:org/name@refs/pr/1", &hub).unwrap();
    let list = world.store.list().unwrap();
    let said: Vec<_> = list.iter().map(|model| (model.name.to_string(), model.bytes)).collect();
    let commit = format!("hf:org/name@{COMMIT}");
    assert_eq!(said, [(commit.clone(), 12), (format!("{commit}:x.gguf"), 20)]);
    assert_eq!(list[0].revisions, ["main", "refs/pr/1"]);
    assert!(list.iter().all(|model| model.path.exists()));
}

#[test]
fn a_file_that_was_changed_afterwards_is_no_longer_found_and_is_pulled_again() {
    let (world, all) = (World::new(), bytes(1_000, 1));
    let hub = TestHub::honest(&[("x.gguf", all.clone())]);
    let path = world.pull(NAME, &hub).unwrap().path;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"short").unwrap();
    let error = found(&world, NAME).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("pull the model again"), "{error}");
    world.pull(NAME, &hub).unwrap();
    assert_eq!(std::fs::read(found(&world, NAME).unwrap()).unwrap(), all);
}

#[test]
fn two_pulls_of_one_file_at_once_bring_it_once() {
    let (world, all) = (World::new(), bytes(300_000, 1));
    let hub = TestHub::twisted(&[("x.gguf", all.clone())], |asked, mut reply| {
        if asked.is_file() {
            reply.trickle = Some((60_000, std::time::Duration::from_millis(10)));
        }
        reply
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| world.pull(NAME, &hub).unwrap());
        }
    });
    assert_eq!(hub.sent(), 300_000);
    assert_eq!(std::fs::read(found(&world, NAME).unwrap()).unwrap(), all);
    let left: Vec<_> = std::fs::read_dir(world.store.folder().join("partial")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
