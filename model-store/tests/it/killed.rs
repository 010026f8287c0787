//! A process that ends in mid-pull, as the power does.

use crate::hub::TestHub;
use crate::world::{NAME, Told, bytes, client};
use model_store::{Hub, HubSettings, Patience, Store, pull};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SIZE: usize = 400_000;

/// What the process that is killed is told; without it its test has nothing to do.
const ADDRESS: &str = "CAUSEWAY_TEST_PULL_FROM";
const STORE: &str = "CAUSEWAY_TEST_PULL_TO";

#[test]
fn pulls_until_it_is_killed() {
    let (Some(endpoint), Some(store)) = (std::env::var(ADDRESS).ok(), std::env::var_os(STORE))
    else {
        return;
    };
    let settings = HubSettings { endpoint, token: None, patience: Patience::default() };
    let hub = Hub::new(settings, |_| {}).unwrap();
    let result = pull(&Store::at(store), &hub, &NAME.parse().unwrap(), &mut Told::default());
    panic!("it was to be killed, and ended with {result:?}");
}

#[test]
fn what_a_killed_process_had_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let all = bytes(SIZE, 3);
    let slow = TestHub::twisted(&[("x.gguf", all.clone())], |asked, mut reply| {
        if asked.is_file() {
            reply.trickle = Some((20_000, Duration::from_millis(100)));
        }
        reply
    });
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::pulls_until_it_is_killed"])
        .env(ADDRESS, &slow.address)
        .env(STORE, folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let part =
        folder.path().join("partial").join(format!("sha256-{}.part", crate::hub::sha256(&all)));
    let until = Instant::now() + Duration::from_secs(60);
    let came = || part.metadata().map_or(0, |part| part.len());
    while came() < 40_000 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL: nothing of the process runs after it.
    child.kill().unwrap();
    child.wait().unwrap();
    let there = came();
    assert!((40_000..SIZE as u64).contains(&there), "{there} bytes");

    let hub = TestHub::honest(&[("x.gguf", all.clone())]);
    let mut told = Told::default();
    let client = client(&hub, Duration::from_secs(60), |_| {});
    let store = Store::at(folder.path());
    let pulled = pull(&store, &client, &NAME.parse().unwrap(), &mut told).unwrap();
    assert_eq!(std::fs::read(pulled.path).unwrap(), all);
    assert_eq!((told.here, told.lost), (there, 0));
    assert_eq!(hub.asked_for_files()[0].from, Some(usize::try_from(there).unwrap()));
    assert_eq!(hub.sent() as u64, SIZE as u64 - there);
}
