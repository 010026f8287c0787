//! Crate arrows: who may import whom, inside and outside.

use super::files::Tree;
use super::{check, check_complains};
use cargo_metadata::MetadataCommand;
use std::collections::{BTreeMap, BTreeSet};

/// Our crates, and which of ours each may import. `tests` may import all, and nobody imports it.
const ARROWS: [(&str, &[&str]); 21] = [
    ("base", &[]),
    ("kernels", &[]),
    ("runtime", &["base", "kernels"]),
    ("profile", &["base"]),
    ("protocol", &["base", "profile"]),
    ("partitioner", &["base", "profile"]),
    ("routing", &["base"]),
    ("measure", &["base", "profile", "runtime", "settings"]),
    ("link-emulator", &[]),
    ("intents", &[]),
    ("sentence-encoder", &["intents"]),
    ("journal", &["base"]),
    ("transport", &["base", "profile", "protocol", "link-emulator"]),
    ("grammar", &["base"]),
    ("model-store", &["base"]),
    ("openai", &["base"]),
    ("telemetry", &["base"]),
    ("settings", &["base", "link-emulator", "profile", "telemetry"]),
    (
        "cloud-node",
        &[
            "base",
            "kernels",
            "runtime",
            "profile",
            "measure",
            "protocol",
            "transport",
            "settings",
            "grammar",
            "model-store",
            "telemetry",
        ],
    ),
    (
        "edge-node",
        &[
            "base",
            "kernels",
            "runtime",
            "profile",
            "measure",
            "protocol",
            "transport",
            "settings",
            "partitioner",
            "link-emulator",
            "intents",
            "sentence-encoder",
            "journal",
            "routing",
            "grammar",
            "model-store",
            "openai",
            "telemetry",
            "cloud-node",
        ],
    ),
    (
        "tests",
        &[
            "base",
            "kernels",
            "runtime",
            "profile",
            "measure",
            "protocol",
            "transport",
            "settings",
            "partitioner",
            "cloud-node",
            "edge-node",
        ],
    ),
];

/// Crates of others, and which of ours alone may import them.
const RESERVED: [(&str, &[&str]); 7] = [
    ("quinn", &["transport"]),
    ("quinn-proto", &["transport"]),
    ("rustls", &["transport"]),
    ("rcgen", &["transport"]),
    ("tokio", &["transport", "cloud-node", "edge-node"]),
    ("redb", &["journal"]),
    // The API's grammars are held against it, in tests alone.
    ("llguidance", &["grammar", "openai"]),
];

/// Each crate with what it imports, for tests and build scripts too.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph() -> Graph {
    let mut command = MetadataCommand::new();
    command.cargo_path(env!("CARGO")).current_dir(super::workspace());
    command.no_deps().other_options(["--offline".to_owned()]);
    let packages = command.exec().unwrap().packages.into_iter();
    let imports = |dependencies: Vec<cargo_metadata::Dependency>| {
        dependencies.into_iter().map(|dependency| dependency.name).collect()
    };
    packages.map(|package| (package.name.to_string(), imports(package.dependencies))).collect()
}

fn forbidden_arrows(graph: &Graph) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();
    let mut complaints = Vec::new();
    for (name, imports) in graph {
        let Some(may) = allowed.get(name.as_str()) else {
            complaints.push(format!("{name} is a new crate: say in ARROWS what it may import"));
            continue;
        };
        for import in imports {
            let ours = allowed.contains_key(import.as_str());
            if ours && !may.contains(&import.as_str()) {
                complaints.push(format!("{name} must not import {import}"));
            }
            for (reserved, who) in RESERVED {
                let same = import == reserved || import.starts_with(&format!("{reserved}-"));
                if same && !who.contains(&name.as_str()) {
                    complaints.push(format!("{name} must not import {import}, only {who:?} may"));
                }
            }
        }
    }
    complaints
}

/// Where the device's crate starts the other tiers in its own process.
const STARTS_OTHER_TIERS: [&str; 2] = ["edge-node/src/demo/", "edge-node/src/experiment/"];

/// The demo and experiments start the other tiers; nothing else of the device knows them.
fn cloud_node_elsewhere(tree: &Tree) -> Vec<String> {
    let device = tree.rust().filter(|file| file.path.starts_with("edge-node/"));
    let starts = |path: &str| STARTS_OTHER_TIERS.iter().any(|folder| path.starts_with(folder));
    let others = device.filter(|file| !starts(&file.path));
    let code = |line: &str| !line.trim_start().starts_with("//");
    others
        .filter(|file| file.text().lines().any(|line| code(line) && line.contains("cloud_node")))
        .map(|file| format!("{} names cloud_node; only {STARTS_OTHER_TIERS:?} may", file.path))
        .collect()
}

#[test]
fn no_crate_imports_one_that_it_must_not_know() {
    let graph = graph();
    assert!(graph.len() == ARROWS.len(), "{:?}", graph.keys());
    check(&forbidden_arrows(&graph));
}

#[test]
fn the_device_knows_the_cloud_s_program_in_its_demo_and_its_experiments_alone() {
    check(&cloud_node_elsewhere(&Tree::read()));
}

#[test]
fn a_forbidden_arrow_is_found() {
    let with = |name: &str, import: &str| {
        let mut graph = Graph::new();
        graph.entry(name.to_owned()).or_default().insert(import.to_owned());
        forbidden_arrows(&graph)
    };
    for (name, import) in [
        ("base", "kernels"),
        ("runtime", "protocol"),
        ("protocol", "runtime"),
        ("protocol", "tokio-util"),
        ("partitioner", "transport"),
        ("intents", "runtime"),
        ("transport", "runtime"),
        ("journal", "protocol"),
        ("journal", "tokio"),
        ("edge-node", "redb"),
        ("cloud-node", "llguidance"),
        ("cloud-node", "partitioner"),
        ("cloud-node", "edge-node"),
        ("cloud-node", "rustls-pki-types"),
        ("edge-node", "quinn"),
        ("edge-node", "tests"),
    ] {
        check_complains(&with(name, import), &format!("{name} must not import {import}"));
    }
    check_complains(&with("newcomer", "serde"), "newcomer is a new crate");
    check(&with("edge-node", "cloud-node"));
    check(&with("transport", "quinn"));
    let tree = Tree::of(&[
        ("edge-node/src/plan.rs", "//! Plans.\nuse cloud_node::Server;"),
        ("edge-node/src/lib.rs", "//! - **Only the demo knows `cloud_node`.**"),
        ("edge-node/src/demo/tiers.rs", "use cloud_node::Server;"),
        ("edge-node/src/experiment/world.rs", "use cloud_node::Server;"),
    ]);
    let complaints = cloud_node_elsewhere(&tree);
    assert_eq!(complaints.len(), 1);
    check_complains(&complaints, "plan.rs");
}
