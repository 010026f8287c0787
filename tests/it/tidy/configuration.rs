//! docs/CONFIGURATION.md is made of the commented files in `configs/`, and these document every key that a program
//! accepts, and no other.

use super::accepted::{by_device, by_node};
use super::commented::{Section, sections};
use super::files::Tree;
use super::{check, check_complains, workspace};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const PAGE: &str = "docs/CONFIGURATION.md";

const INTRODUCTION: &str = "\
# Configuration

One TOML file a node, read once at its start. Paths in a file are relative to that file. A key that nothing reads is refused, with
what it may have meant. Which keys are required, the files say at their top.

This page is made of the comments in `configs/`, whose files are those of the demo pair on loopback: where a key has a default, that or
why the file differs, else an example. A test compares it with them, and finds keys that they do not document;
`BLESS=1 cargo test -p tests --test it configuration` writes it anew.
";

/// The files in the order of the page, and what they are of.
const FILES: [(&str, &str); 3] = [
    ("A device", "configs/device.toml"),
    ("A gateway", "configs/gateway.toml"),
    ("A cloud", "configs/cloud.toml"),
];

/// What a device parses to refuse it in words of its own.
const REFUSED: [&str; 1] = ["telemetry.listen"];

/// A file: what it is of, its path, and what it documents.
type Documented = (&'static str, &'static str, Vec<Section>);

/// The page of files.
fn page(files: &[Documented]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut before: Vec<(&str, &Section)> = Vec::new();
    for (title, path, sections) in files {
        write!(page, "\n## {title}: `{path}`\n").expect(WRITTEN);
        for section in sections {
            match before.iter().find(|(_, known)| *known == section) {
                Some((known, _)) => {
                    let known = known.to_lowercase();
                    write!(page, "\n### `[{}]`\n\nAs of {known}.\n", section.name).expect(WRITTEN);
                }
                None => page += &table(section),
            }
            before.push((title, section));
        }
    }
    page
}

const WRITTEN: &str = "a string takes all that is written";

fn table(section: &Section) -> String {
    let mut table = format!("\n### `[{}]`\n\n", section.name);
    if !section.says.is_empty() {
        write!(table, "{}\n\n", sentence(&section.says)).expect(WRITTEN);
    }
    table += "| key | default or example | |\n|---|---|---|\n";
    for key in &section.keys {
        let (value, says) = (key.value.replace('|', "\\|"), key.says.replace('|', "\\|"));
        writeln!(table, "| `{}` | `{value}` | {says} |", key.name).expect(WRITTEN);
    }
    table
}

/// What is said of a section, as it stands above a table.
fn sentence(says: &str) -> String {
    let mut letters = says.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let end = if says.ends_with('.') { "" } else { "." };
    first.chain(letters).chain(end.chars()).collect()
}

/// Keys that are accepted, and that no section documents. One of a table is, where its section names it.
fn undocumented(accepted: &BTreeSet<String>, sections: &[Section]) -> Vec<String> {
    let is_documented = |path: &&String| {
        let mut parts = path.split('.');
        let section = parts.next().and_then(|name| sections.iter().find(|each| each.name == name));
        match (section, parts.next(), parts.next()) {
            (None, ..) => false,
            (Some(_), None, _) => true,
            (Some(section), Some(name), None) => section.keys.iter().any(|key| key.name == name),
            (Some(section), Some(_), Some(inner)) => names(section, inner),
        }
    };
    let missing = accepted.iter().filter(|path| !is_documented(path));
    missing.map(|path| format!("`{path}` is accepted, and documented nowhere")).collect()
}

/// Whether a value or a comment of the section has the word.
fn names(section: &Section, word: &str) -> bool {
    let says =
        |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w == word);
    section.keys.iter().any(|key| says(&key.value) || says(&key.says))
}

/// Keys that are documented, and that are not accepted; of tables too.
fn unread(accepted: &BTreeSet<String>, sections: &[Section]) -> Vec<String> {
    let mut complaints = Vec::new();
    for section in sections {
        for key in &section.keys {
            let own = format!("{}.{}", section.name, key.name);
            let inner = inner_keys(&key.value).map(|inner| format!("{own}.{inner}"));
            let unknown = std::iter::once(own.clone()).chain(inner);
            let unknown = unknown.filter(|path| !accepted.contains(path));
            complaints.extend(
                unknown.map(|path| format!("`{path}` is documented, and nothing reads it")),
            );
        }
    }
    complaints
}

/// What stands before an equals sign.
fn inner_keys(value: &str) -> impl Iterator<Item = &str> {
    let before = value.split(" = ").map(|part| part.rsplit([' ', '{']).next().unwrap_or_default());
    let keys = value.matches(" = ").count();
    before.take(keys)
}

fn documented(tree: &Tree) -> [Documented; 3] {
    FILES.map(|(title, path)| {
        let text = tree.text(path).unwrap_or_else(|| panic!("no {path}"));
        (title, path, sections(&text))
    })
}

#[test]
fn the_page_of_the_configuration_is_made_of_the_commented_files() {
    let tree = Tree::read();
    let page = page(&documented(&tree));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(workspace().join(PAGE), &page).unwrap();
        return;
    }
    let found = tree.text(PAGE).unwrap_or_default();
    assert!(
        found == page,
        "{PAGE} lags behind configs/: write it with BLESS=1. It should be:\n{page}"
    );
}

#[test]
fn every_key_that_a_program_accepts_is_documented_and_no_other() {
    let [(.., device), (.., gateway), (.., cloud)] = documented(&Tree::read());
    let (mut by_device, by_node) = (by_device(), by_node());
    REFUSED.iter().for_each(|path| assert!(by_device.remove(*path), "{path}"));
    let complaints = [
        undocumented(&by_device, &device),
        unread(&by_device, &device),
        // A gateway has all that a cloud has, and an upstream.
        undocumented(&by_node, &gateway),
        unread(&by_node, &gateway),
        unread(&by_node, &cloud),
    ];
    check(&complaints.concat());
}

#[test]
fn a_key_that_is_not_documented_or_not_accepted_is_found() {
    let shown =
        sections("[kv]\ntarget = 1\nstream = { sinks = 4, heads = 1 } # or length\nold = 2\n");
    let accepted = ["kv", "kv.target", "kv.draft", "kv.stream", "kv.stream.sinks", "serve"];
    let accepted: BTreeSet<_> = accepted
        .into_iter()
        .chain(["kv.stream.length", "kv.stream.window"])
        .map(str::to_owned)
        .collect();
    let missing = undocumented(&accepted, &shown);
    assert_eq!(missing.len(), 3, "{missing:?}");
    for path in ["`kv.draft`", "`kv.stream.window`", "`serve`"] {
        check_complains(&missing, path);
    }
    let nobody_s = unread(&accepted, &shown);
    assert_eq!(nobody_s.len(), 2, "{nobody_s:?}");
    check_complains(&nobody_s, "`kv.old`");
    check_complains(&nobody_s, "`kv.stream.heads`");
}

#[test]
fn a_page_says_what_files_say_and_only_once() {
    let shown = |text: &str| sections(text);
    let same = "[kv] # what is kept\ndraft = \"a|b\" # of one | the other\n";
    let page = page(&[("A device", "d.toml", shown(same)), ("A cloud", "c.toml", shown(same))]);
    let table = "### `[kv]`\n\nWhat is kept.\n\n| key | default or example | |\n|---|---|---|\n\
                 | `draft` | `\"a\\|b\"` | of one \\| the other |\n\n## A cloud: `c.toml`\n\n### `[kv]`\n\nAs of a device.\n";
    assert!(page.ends_with(table), "{page}");
}
