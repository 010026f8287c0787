//! Refusals that say what would be right, and farewells.

use crate::world::{
    Device, Mode, Node, NodeConfig, Oracle, Sampling, World, binary, demo_draft, endless_pair,
};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// Where nobody listens: discard, which is not for ordinary programs.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

/// Runs `edge-node` where it has to fail; what it says.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(binary("edge-node")).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} was not refused");
    assert!(output.stdout.is_empty(), "a refusal belongs on standard error");
    String::from_utf8(output.stderr).unwrap()
}

fn check_says(text: &str, expected: &[&str]) {
    for word in expected {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let world = World::new();
    let text = Device::demo().toml(&world).replace("draft_length", "draft_lenght");
    let path = world.write("typo.toml", &text).display().to_string();
    let said = refused(&["run", "--config", &path, "--prompt", "Hello"]);
    check_says(&said, &["typo.toml", "plan.draft_lenght", "did you mean `draft_length`"]);
}

#[test]
fn a_missing_configuration_or_model_is_named() {
    let world = World::new();
    let path = world.text("nothing.toml");
    check_says(&refused(&["run", "--config", &path, "--prompt", "Hello"]), &["nothing.toml"]);
    let device = Device { draft: Some(world.path("nothing.gguf")), ..Device::demo() };
    check_says(&device.complaint(&world, "no-model"), &["nothing.gguf"]);
    let device = Device { draft: None, target: None, ..Device::demo() };
    check_says(&device.complaint(&world, "no-models"), &["models", "draft", "target"]);
}

#[test]
fn an_unknown_mode_is_refused_with_the_known_ones() {
    let world = World::new();
    let path = world.write("device.toml", &Device::demo().toml(&world)).display().to_string();
    let arguments = ["run", "--config", &path, "--prompt", "Hello", "--mode", "telepathic"];
    check_says(&refused(&arguments), &["telepathic", "local", "remote", "speculative", "split"]);
    let text = Device::demo().toml(&world).replace("mode = 'local'", "mode = 'telepathic'");
    let path = world.write("telepathic.toml", &text).display().to_string();
    let said = refused(&["run", "--config", &path, "--prompt", "Hello"]);
    check_says(&said, &["telepathic", "local", "remote", "speculative", "split"]);
}

#[test]
fn switches_that_make_no_sense_are_refused_with_what_would_be_right() {
    let world = World::new();
    let path = world.write("device.toml", &Device::demo().toml(&world)).display().to_string();
    for (switches, expected) in [
        (&["remote"][..], "20:remote"),
        (&["some:remote"], "no number of tokens"),
        (&["4:telepathic"], "speculative"),
        (&["9:remote", "4:split"], "in the order of their tokens"),
        (&["4:remote"], "plan names cloud, which is no peer"),
    ] {
        let mut arguments = vec!["run", "--config", &path, "--prompt", "Hello"];
        arguments.extend(switches.iter().flat_map(|switch| ["--switch", switch]));
        check_says(&refused(&arguments), &[expected]);
    }
}

#[test]
fn drafting_without_a_draft_model_is_refused() {
    let world = World::new();
    let device =
        Device { draft: None, mode: Mode::Speculative, cloud: Some(NOBODY), ..Device::demo() };
    check_says(&device.complaint(&world, "no-draft"), &["speculative", "draft"]);
}

#[test]
fn a_plan_that_needs_a_peer_that_is_not_configured_is_refused() {
    let world = World::new();
    let device = Device { mode: Mode::Speculative, ..Device::demo() };
    check_says(&device.complaint(&world, "no-peer"), &["cloud"]);
}

/// Goal: a device out of reach of its cloud is not out of words. Method: nobody at the cloud's
/// address; the text is the draft's own, and nothing of it is vouched for.
#[test]
fn a_device_whose_cloud_is_out_of_reach_speaks_alone() {
    let world = World::new();
    let draft = Oracle::open(&demo_draft()).answer("Hello", Sampling::GREEDY, 24);
    for mode in [Mode::Speculative, Mode::Remote] {
        let device = Device { mode, cloud: Some(NOBODY), ..Device::demo() };
        let answer = device.answer(&world, mode.as_str(), "Hello");
        assert_eq!(answer.tokens, draft, "{mode:?}");
        assert!(answer.verified.iter().all(|verified| !verified), "{mode:?}: {answer:?}");
        assert!(answer.took < Duration::from_secs(10), "{mode:?} took {:?}", answer.took);
    }
}

/// Goal: only who the CA vouches for, in the right role, is served, and either side learns why not.
/// Method: a device of another CA, one that is revoked, one with a gateway's certificate; then one
/// that is in order, at the same cloud.
#[test]
fn a_device_with_a_wrong_certificate_gets_nothing() {
    let world = World::new();
    world.ca(&["init", "--dir", &world.text("other")]);
    world.issue("other", "device", "device", "other");
    world.issue("pki", "device", "lost", "pki");
    world.ca(&["revoke", "--dir", &world.text("pki"), "--name", "lost"]);
    let cloud = Node::start(&world, &NodeConfig { revoked: true, ..NodeConfig::cloud() });
    let speculative = Device {
        mode: Mode::Speculative,
        cloud: Some(cloud.address()),
        tokens_max: 8,
        ..Device::demo()
    };
    let stranger = Device { pki: "other", ..speculative.clone() };
    let lost = Device { name: "lost", ..speculative.clone() };
    for (label, device, reason) in
        [("stranger", stranger, "UnknownIssuer"), ("lost", lost, "Revoked")]
    {
        let run = device.start(&world, label, "Hello", true);
        let (answer, log) = run.answer_and_log();
        assert!(answer.verified.iter().all(|verified| !verified), "{label}: {answer:?}");
        assert_eq!(answer.count("target_passes"), 0, "{label}: {answer:?}");
        check_says(&log, &[reason, "out of reach"]);
        check_says(&cloud.log(), &[reason]);
    }
    let gateway = Device { name: "gateway", ..speculative.clone() };
    check_says(&gateway.complaint(&world, "gateway"), &["identity.certificate", "device"]);
    let answer = speculative.answer(&world, "in-order", "Hello");
    assert!(answer.verified.iter().all(|verified| *verified), "{answer:?}");
}

/// Goal: a node says why it does not start. Method: a device's certificate for a cloud, a gateway's
/// without an upstream, a model that is not there, a key that nothing reads.
#[test]
fn a_node_that_cannot_serve_says_why() {
    let world = World::new();
    let fine = NodeConfig::cloud();
    let refused = |config: &NodeConfig, change: fn(String) -> String| {
        let path = world.write("refused.toml", &change(config.toml(&world)));
        let output = Command::new(binary("cloud-node"))
            .args(["serve", "--config"])
            .arg(path)
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let device = NodeConfig { name: "device", ..fine.clone() };
    check_says(&refused(&device, |text| text), &["device", "gateway", "cloud"]);
    let gateway = NodeConfig { name: "gateway", ..fine.clone() };
    check_says(&refused(&gateway, |text| text), &["upstream"]);
    let model = NodeConfig { model: world.path("nothing.gguf"), ..fine.clone() };
    check_says(&refused(&model, |text| text), &["nothing.gguf"]);
    let typo = refused(&fine, |text| text.replace("drain_s", "drain_seconds"));
    check_says(&typo, &["limits.drain_seconds", "did you mean `drain_s`"]);
}

/// Goal: a node that is told to stop finishes what it began and begins nothing. Method: SIGTERM in
/// the middle of a paced answer; another device asks afterwards.
#[test]
fn a_cloud_that_is_told_to_stop_ends_its_conversations_first() {
    let world = World::new();
    let cloud = NodeConfig { pace_ms: 60.0, ..NodeConfig::cloud() };
    let mut cloud = Node::start(&world, &cloud);
    let device = Device {
        mode: Mode::Remote,
        cloud: Some(cloud.address()),
        tokens_max: 40,
        ..Device::demo()
    };
    let mut streaming = device.start(&world, "streaming", "I would like to", false);
    let judged = device.start(&world, "judged", "I would like to", true);
    streaming.wait_for_pieces(3);
    cloud.signal("TERM");
    let late = Device { tokens_max: 8, ..device.clone() }.answer(&world, "late", "Hello");
    assert!(late.verified.iter().all(|verified| !verified), "{late:?}");
    let answer = judged.answer();
    assert!(answer.verified.iter().all(|verified| *verified), "{answer:?}");
    assert_eq!(answer.count("failovers"), 0, "{answer:?}");
    drop(streaming.text());
    assert!(cloud.end(Duration::from_secs(10)).success());
}

/// Goal: patience has an end, and the device goes on alone after it. Method: SIGTERM to a cloud that
/// drains for one second, in the middle of an answer that takes longer.
#[test]
fn a_conversation_that_outlasts_the_cloud_s_patience_goes_on_alone() {
    let world = World::new();
    let (target, draft) = endless_pair(&world);
    let cloud = NodeConfig { model: target, pace_ms: 60.0, drain_s: 1, ..NodeConfig::cloud() };
    let mut cloud = Node::start(&world, &cloud);
    let device = Device {
        mode: Mode::Remote,
        target: None,
        draft: Some(draft),
        cloud: Some(cloud.address()),
        tokens_max: 60,
        ..Device::demo()
    };
    let mut streaming = device.start(&world, "streaming", "Hello", false);
    let judged = device.start(&world, "judged", "Hello", true);
    streaming.wait_for_pieces(3);
    cloud.signal("TERM");
    assert!(cloud.end(Duration::from_secs(10)).success());
    let answer = judged.answer();
    assert_eq!(answer.tokens.len(), 60);
    assert!(answer.verified[0] && !answer.verified[59], "{answer:?}");
    drop(streaming.text());
}
