//! Pages that make promises: the wire's version, and the README's two commands.

use super::files::Tree;
use super::{check, check_complains};

const TEST_COMMAND: &str = "cargo test --workspace";
const DEMO_COMMAND: &str = "cargo run --release --bin edge-node -- demo";

fn wire_version(tree: &Tree, version: u16) -> Vec<String> {
    let said = format!("This is **wire version {version}**.");
    match tree.text("docs/WIRE.md") {
        Some(page) if page.contains(&said) => Vec::new(),
        Some(_) => vec![format!("docs/WIRE.md does not say {said:?}, protocol::VERSION does")],
        None => vec!["no docs/WIRE.md".to_owned()],
    }
}

fn commands(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (page, command) in
        [("README.md", DEMO_COMMAND), ("README.md", TEST_COMMAND), (".ci/run", TEST_COMMAND)]
    {
        let lines = tree.text(page).unwrap_or_default();
        if !lines.lines().any(|line| line.trim().starts_with(command)) {
            complaints.push(format!("{page} has no line `{command}`"));
        }
    }
    complaints
}

#[test]
fn the_wire_page_is_of_the_version_that_is_spoken() {
    check(&wire_version(&Tree::read(), protocol::VERSION));
}

#[test]
fn the_readme_s_two_commands_are_there_and_the_gate_runs_the_tests() {
    check(&commands(&Tree::read()));
}

#[test]
fn a_page_that_lags_behind_is_found() {
    let tree = Tree::of(&[
        ("docs/WIRE.md", "This is **wire version 1**."),
        ("README.md", "    cargo test --workspace\n"),
        (".ci/run", "cargo test -p base\n"),
    ]);
    check(&wire_version(&tree, 1));
    check_complains(&wire_version(&tree, 2), "wire version 2");
    let missing = commands(&tree);
    assert_eq!(missing.len(), 2, "{missing:?}");
    check_complains(&missing, DEMO_COMMAND);
    check_complains(&missing, ".ci/run");
}
