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

/// The README's first command is a long one to run here; that it exists is not.
#[test]
fn the_demo_command_is_known() {
    let output = Command::new(binary("edge-node")).args(["demo", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(help.contains("--json") && help.contains("--models"), "{help}");
}
