//! The committed configurations as the README uses them: a CA, three processes, an answer.

use crate::world::{Node, World, binary, workspace};
use serde_json::Value;
use std::process::Command;

/// A world whose `configs/`, `models/` and `pki/` lie as in the source tree.
fn tree() -> World {
    let world = World::new();
    std::os::unix::fs::symlink(workspace().join("models"), world.path("models")).unwrap();
    world
}

/// One of the committed configurations, with free ports instead of its own.
fn config(world: &World, name: &str, ports: &[(&str, &str)]) -> String {
    let file = format!("configs/{name}.toml");
    let mut text = std::fs::read_to_string(workspace().join(&file)).unwrap();
    for (own, free) in ports {
        assert!(text.contains(own), "{file} does not say {own}");
        text = text.replace(own, free);
    }
    world.write(&file, &text).display().to_string()
}

/// Goal: the files under `configs/` are not examples but what runs. Method: the three processes of
/// the README on other ports; the device in every mode.
#[test]
fn the_committed_configurations_run_as_three_processes() {
    const CLOUD: &str = "127.0.0.1:7443";
    const GATEWAY: &str = "127.0.0.1:7442";
    const FREE: &str = "127.0.0.1:0";
    let world = tree();
    let cloud = Node::serve(&world, "cloud", &config(&world, "cloud", &[(CLOUD, FREE)]));
    let at_cloud = cloud.address().to_string();
    let ports = [(CLOUD, at_cloud.as_str()), (GATEWAY, FREE)];
    let gateway = Node::serve(&world, "gateway", &config(&world, "gateway", &ports));
    let at_gateway = gateway.address().to_string();
    let ports = [(CLOUD, at_cloud.as_str()), (GATEWAY, at_gateway.as_str())];
    let device = config(&world, "device", &ports);
    for mode in ["local", "remote", "speculative", "split"] {
        let output = Command::new(binary("edge-node"))
            .args(["run", "--config", &device, "--prompt", "Hello", "--json"])
            .args(["--mode", mode, "--max-tokens", "8"])
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mode}: {log}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let verified = answer["verified"].as_array().unwrap();
        assert!(!verified.is_empty(), "{mode}: {answer}");
        let vouched = verified.iter().all(|verified| verified == true);
        assert!(mode == "local" || vouched, "{mode}: {answer}\n{log}");
    }
}

#[test]
fn a_reply_may_be_as_long_as_the_command_line_can_say() {
    let world = tree();
    let draft = "draft = '../models/causeway-demo-draft-q8_0.gguf'";
    let text = format!("[node]\nname = 'device'\n[models]\n{draft}\n[plan]\nmode = 'local'\n");
    let device = world.write("configs/alone.toml", &text).display().to_string();
    let output = Command::new(binary("edge-node"))
        .args(["run", "--config", &device, "--prompt", "Hello"])
        .args(["--max-tokens", &u32::MAX.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Goal: the README's first command shows what it promises. Method: the demo as data; the draft
/// alone, drafts confirmed, layers split, a sentence that outlives the cloud and is judged, and a tunnel.
#[test]
fn the_demo_plays_all_scenes_to_their_end() {
    let models = workspace().join("models");
    let output = Command::new(binary("edge-node"))
        .args(["demo", "--json", "--models"])
        .arg(models)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let scene = |name: &str| {
        let scenes = report["scenes"].as_array().unwrap();
        let found = scenes.iter().find(|scene| scene["name"] == name);
        found.unwrap_or_else(|| panic!("no scene {name}: {report}")).clone()
    };
    let marks = |scene: &Value| {
        let marks = scene["reply"]["verified"].as_array().unwrap().clone();
        marks.into_iter().map(|mark| mark.as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert!(marks(&scene("alone")).iter().all(|verified| !verified));
    for name in ["confirmed", "split"] {
        let scene = scene(name);
        assert!(marks(&scene).iter().all(|verified| *verified), "{scene}");
        assert!(scene["reply"]["usage"]["accepted"].as_u64().unwrap() > 0, "{scene}");
    }
    let outage = scene("outage");
    assert!(marks(&outage)[0], "{outage}");
    // Of what was said alone the target may agree with every word, which then counts as verified.
    assert_eq!(outage["reply"]["usage"]["failovers"].as_u64(), Some(1), "{outage}");
    assert!(outage["reply"]["usage"]["judged"].as_u64().unwrap() > 0, "{outage}");
    let all_judged = outage["events"]
        .as_array()
        .unwrap()
        .iter()
        .any(|event| event.as_str().is_some_and(|event| event.contains("tokens said alone")));
    assert!(all_judged, "{outage}");
    let tunnel = report["tunnel"].as_array().unwrap();
    let routes: Vec<_> = tunnel.iter().map(|said| said["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["action", "action", "local", "deferred"], "{tunnel:?}");
    assert_eq!(tunnel[1]["done"][0], "car/climate/change = {\"degrees\":2}", "{tunnel:?}");
    let arrived = &tunnel[3];
    assert!(arrived["later"] == true && arrived["text"] != "", "{arrived}");
}
