//! Plans that are found, as the README says it: nodes measure themselves, a target is certified, and the
//! device asks, plans and runs.

use crate::world::{Node, World, binary, workspace};
use serde_json::Value;
use std::process::Command;

const CLOUD: &str = "127.0.0.1:7443";
const GATEWAY: &str = "127.0.0.1:7442";
const FREE: &str = "127.0.0.1:0";

/// A world whose `configs/`, `models/` and `pki/` lie as in the source tree.
fn tree() -> World {
    let world = World::new();
    std::os::unix::fs::symlink(workspace().join("models"), world.path("models")).unwrap();
    world
}

/// One of the committed configurations with some of its words replaced.
fn config(world: &World, name: &str, words: &[(&str, &str)]) -> String {
    let file = format!("configs/{name}.toml");
    let mut text = std::fs::read_to_string(workspace().join(&file)).unwrap();
    let profile = format!("path = \"{name}.profile.json\"");
    for (own, other) in words.iter().chain(&[(format!("# {profile}").as_str(), profile.as_str())]) {
        assert!(text.contains(own), "{file} does not say {own}");
        text = text.replace(own, other);
    }
    world.write(&file, &text).display().to_string()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(binary(program)).args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {log}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&output("edge-node", arguments)).unwrap()
}

/// Goal: from nothing measured to a plan that is found and run, and hops that are certified. Method: the
/// commands of the README, on the committed configurations.
#[test]
fn what_is_measured_and_certified_is_planned_with_and_run() {
    let world = tree();
    let path = config(&world, "cloud", &[(CLOUD, FREE)]);
    let summary = output("cloud-node", &["measure", "--rounds", "1", "--config", &path]);
    assert!(summary.starts_with("cloud cloud, "), "{summary}");
    let cloud = Node::serve(&world, "cloud", &path);
    let at_cloud = cloud.address().to_string();
    let path = config(&world, "gateway", &[(CLOUD, &at_cloud), (GATEWAY, FREE)]);
    output("cloud-node", &["measure", "--rounds", "1", "--config", &path]);
    let gateway = Node::serve(&world, "gateway", &path);
    let at_gateway = gateway.address().to_string();

    let certificate = world.path("configs/target.certificate.json").display().to_string();
    let target = world.path("models/causeway-demo-target-q8_0.gguf").display().to_string();
    let mut certify = vec!["certify", "--model", &target, "--out", &certificate, "--chunks", "1"];
    certify.extend(["--context", "128", "--codecs", "int8,scaled-6", "--boundaries", "2,4"]);
    output("edge-node", &certify);

    let rounded = [
        (CLOUD, at_cloud.as_str()),
        (GATEWAY, at_gateway.as_str()),
        ("# certificate = \"target", "certificate = \"target"),
        ("layers = [2, 4] }", "layers = [2, 4], codec = \"scaled-6\" }"),
        ("layers = [4, 6] }", "layers = [4, 6], codec = \"int8\" }"),
    ];
    let device = config(&world, "device", &rounded);
    output("edge-node", &["measure", "--rounds", "1", "--config", &device]);

    let plan = json(&["plan", "--config", &device, "--json"]);
    assert_eq!(plan["unreached"].as_array().unwrap().len(), 0, "{}", plan["unreached"]);
    assert_eq!(plan["situation"]["nodes"].as_array().unwrap().len(), 3);
    assert!(plan["decision"]["chosen"]["prediction"]["itl_ms"].as_f64().unwrap() > 0.0);
    assert!(plan["decision"]["alternatives"].as_array().unwrap().len() > 5);

    let run = ["run", "--config", &device, "--prompt", "Hello", "--max-tokens", "12", "--json"];
    let split = json(&[&run[..], &["--mode", "split"]].concat());
    let verified = split["verified"].as_array().unwrap();
    assert!(!verified.is_empty() && verified.iter().all(|verified| verified == true), "{split}");
    let hops = split["usage"]["rounded"].as_array().unwrap();
    let codecs: Vec<_> = hops.iter().map(|hop| hop["codec"].as_str().unwrap()).collect();
    assert_eq!(codecs, ["scaled-6", "int8"]);
    assert!(hops.iter().all(|hop| hop["kl_mean"].as_f64().unwrap() > 0.0), "{split}");
    let again = json(&[&run[..], &["--mode", "split", "--switch", "4:remote"]].concat());
    assert_eq!(again["tokens"].as_array().unwrap()[..4], split["tokens"].as_array().unwrap()[..4]);

    let words = [&rounded[..], &[("mode = \"speculative\"", "mode = \"auto\"")]].concat();
    let auto = config(&world, "device", &words);
    let found =
        json(&["run", "--config", &auto, "--prompt", "Hello", "--max-tokens", "12", "--json"]);
    assert!(found["verified"].as_array().unwrap().iter().all(|verified| verified == true));
}

/// Goal: who plans without having measured, or uses a codec that nobody has certified, is told what to do.
#[test]
fn what_is_missing_for_a_plan_is_said() {
    let world = tree();
    let refused = |words: &[(&str, &str)], command: &[&str]| {
        let device = config(&world, "device", words);
        let mut edge_node = Command::new(binary("edge-node"));
        let output = edge_node.args(command).args(["--config", &device]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let run = ["run", "--prompt", "Hello", "--mode", "split"];
    let scaled = ("layers = [2, 4] }", "layers = [2, 4], codec = \"scaled-6\" }");
    assert!(refused(&[], &["plan"]).contains("run `edge-node measure` first"));
    let auto = ("mode = \"speculative\"", "mode = \"auto\"");
    assert!(refused(&[auto], &run[..3]).contains("run `edge-node measure` first"));
    let unscaled = refused(&[scaled], &run);
    assert!(unscaled.contains("edge-node certify") && unscaled.contains("scaled-6"), "{unscaled}");
    let weights = ("weights = { ttft_ms = 1.0", "weights = { ttft_ms = -1.0");
    assert!(refused(&[weights], &run).contains("planner.weights"));
}
