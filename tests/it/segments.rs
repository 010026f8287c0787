//! KV that another node has computed: the text is that of a device that computes all of it, whatever becomes
//! of the node meanwhile.

use crate::world::{Answer, Device, Mode, Node, NodeConfig, Sampling, Stage, World};
use std::time::{Duration, Instant};

/// About 300 tokens, of which nine blocks are whole.
fn prompt() -> String {
    "I would like to book a table for two tonight, and then a taxi to the station. ".repeat(15)
}

/// A device that runs the whole target itself, so hot that every token depends on the noise at its place.
fn alone() -> Device {
    Device {
        draft: None,
        local: "target",
        tokens_max: 16,
        sampling: Sampling { temperature: 1.2, seed: 5 },
        ..Device::demo()
    }
}

/// The same, which has its prompts read by `cloud`.
fn helped(cloud: &Node, lines: &str) -> Device {
    let segments = format!("prefill = 'both'\nfrom = 'cloud'\n{lines}");
    // Slow enough that the cloud is worth asking.
    Device { cloud: Some(cloud.address()), pace_ms: 400.0, segments, ..alone() }
}

/// Goal: real processes agree on what a text's KV is called, and on its bytes. Method: the target on the device
/// with the cloud's help, and in a split with it, against a device that nobody helps.
#[test]
fn a_prompt_that_the_cloud_reads_gives_the_same_text() {
    let world = World::new();
    let cloud = Node::start(&world, &NodeConfig::cloud());
    let expected = alone().answer(&world, "alone", &prompt());
    let local = helped(&cloud, "").answer(&world, "helped", &prompt());
    assert_eq!(local.tokens, expected.tokens);
    assert!(local.verified.iter().all(|verified| *verified), "{local:?}");
    assert!(local.count("prompt_tokens_brought") >= 64, "{local:?}");
    let split = Device {
        mode: Mode::Split,
        draft_length: 0,
        stages: Stage::chain(&["device", "cloud"], &[2], 6),
        ..helped(&cloud, "")
    };
    let split = split.answer(&world, "split", &prompt());
    assert_eq!(split.tokens, expected.tokens);
    assert!(split.count("prompt_tokens_brought") >= 64, "{split:?}");
}

/// Goal: a device's own secret and one that a file says both name texts as the cloud does. Method: each, and the
/// second again, when the cloud has the KV already.
#[test]
fn whoever_the_tenant_is_its_segments_are_found() {
    let world = World::new();
    let cloud = Node::start(&world, &NodeConfig::cloud());
    let secret = world.write("tenant.key", "what only the fleet knows");
    let line = format!("tenant = '{}'\n", secret.display());
    let expected = alone().answer(&world, "alone", &prompt()).tokens;
    for (label, lines) in [("own", ""), ("fleet", line.as_str()), ("fleet-again", line.as_str())] {
        let answer = helped(&cloud, lines).answer(&world, label, &prompt());
        assert_eq!(answer.tokens, expected, "{label}");
        assert!(answer.count("prompt_tokens_brought") >= 64, "{label}");
    }
}

/// Goal: `kill -9` in the middle of a transfer costs time alone. Method: over a slow link, killed at moments while
/// the text is read, and while blocks come; and restarted, with a store.
#[test]
fn a_cloud_that_is_killed_while_segments_come_changes_no_token() {
    let world = World::new();
    let expected = alone().answer(&world, "alone", &prompt());
    for (number, after_ms) in [300, 900, 1_800, 3_000].into_iter().enumerate() {
        let store = Some(world.path("store"));
        let config = NodeConfig { store, ..NodeConfig::cloud() };
        let mut cloud = Node::start(&world, &config);
        let device = Device { emulate: Some("umts"), ..helped(&cloud, "") };
        let started = Instant::now();
        let run = device.start(&world, &format!("killed-{number}"), &prompt(), true);
        std::thread::sleep(Duration::from_millis(after_ms));
        cloud.kill();
        if number % 2 == 1 {
            cloud = Node::start(&world, &NodeConfig { listen: cloud.address(), ..config });
        }
        let answer: Answer = run.answer();
        println!("killed after {after_ms} ms: over after {:?}", started.elapsed());
        assert_eq!(answer.tokens, expected.tokens, "killed after {after_ms} ms");
        drop(cloud);
    }
}
