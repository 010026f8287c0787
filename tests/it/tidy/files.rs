//! Every file: its header, its length, its words, its weight.

use super::{check, check_complains, workspace};
use std::path::Path;

const LINES_MAX: usize = 500;
const BLOB_BYTES_MAX: usize = 256 << 10;
const GOLDEN_BYTES_MAX: usize = 2 << 20;

/// What `.gitignore` names, and git's own folder.
const NOT_OURS: [&str; 5] = [".git", "target", "pki", "__pycache__", "node_modules"];

/// Words that this code has better ones for, as whole identifiers.
const BANNED_WORDS: [&str; 3] = ["index_pos", "shard", "proposer"];
/// Ends of type names that say nothing.
const BANNED_ENDS: [&str; 2] = ["Manager", "Helper"];
/// Where these words are said because they are banned.
const THIS_FILE: &str = "tests/it/tidy/files.rs";

/// One file, by its path from the root.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) path: String,
    bytes: Vec<u8>,
}

/// All files of the tree that are ours.
#[derive(Debug)]
pub(super) struct Tree(Vec<SourceFile>);

impl SourceFile {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

impl Tree {
    pub(super) fn read() -> Self {
        let mut files = Vec::new();
        walk(workspace(), "", &mut files);
        assert!(files.len() > 100, "only {} files found", files.len());
        Self(files)
    }

    /// A tree for a test of a check.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Self(files.iter().map(file).collect())
    }

    pub(super) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.0.iter().filter(|file| file.is("rs"))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.0.iter().find(|file| file.path == path).map(SourceFile::text)
    }
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let (kind, path) = (entry.file_type().unwrap(), format!("{prefix}{name}"));
        if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file() {
            files.push(SourceFile { path, bytes: std::fs::read(entry.path()).unwrap() });
        }
    }
}

fn headers(tree: &Tree) -> Vec<String> {
    let missing = tree.rust().filter(|file| !file.bytes.starts_with(b"//! "));
    missing.map(|file| format!("{} does not open with `//! ` and what it is", file.path)).collect()
}

fn lengths(tree: &Tree) -> Vec<String> {
    let lines = tree.rust().map(|file| (file, file.text().lines().count()));
    lines
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(file, lines)| format!("{} has {lines} lines, more than {LINES_MAX}", file.path))
        .collect()
}

fn weights(tree: &Tree) -> Vec<String> {
    let light = |file: &&SourceFile| {
        let golden = file.path.starts_with("tests/golden/");
        let max = if golden { GOLDEN_BYTES_MAX } else { BLOB_BYTES_MAX };
        file.path.starts_with("models/") || file.bytes.len() <= max
    };
    let heavy = tree.0.iter().filter(|file| !light(file));
    heavy.map(|file| format!("{} has {} bytes", file.path, file.bytes.len())).collect()
}

fn words(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.rust().filter(|file| file.path != THIS_FILE) {
        let text = file.text();
        let identifiers = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in identifiers {
            let ends = BANNED_ENDS.iter().any(|end| word.ends_with(end));
            if ends || word.contains("Util") || BANNED_WORDS.contains(&word) {
                complaints.push(format!("{} says `{word}`", file.path));
            }
        }
    }
    complaints
}

fn promises(tree: &Tree) -> Vec<String> {
    let written = tree.0.iter().filter(|file| {
        let text = ["rs", "md", "toml", "py", "sh"].iter().any(|end| file.is(end));
        (text || file.path.starts_with(".ci/")) && file.path != THIS_FILE
    });
    written
        .filter(|file| ["TODO", "FIXME"].iter().any(|mark| file.text().contains(mark)))
        .map(|file| format!("{} promises work instead of saying what falls short", file.path))
        .collect()
}

#[test]
fn every_source_file_says_what_it_is() {
    check(&headers(&Tree::read()));
}

#[test]
fn no_source_file_is_longer_than_500_lines() {
    check(&lengths(&Tree::read()));
}

#[test]
fn no_heavy_file_lies_outside_the_models() {
    check(&weights(&Tree::read()));
}

#[test]
fn no_banned_word_is_used() {
    check(&words(&Tree::read()));
}

#[test]
fn nothing_is_left_to_do() {
    check(&promises(&Tree::read()));
}

#[test]
fn an_untidy_file_is_found() {
    let long = format!("//! Long.\n{}", "\n".repeat(LINES_MAX));
    let heavy = "x".repeat(BLOB_BYTES_MAX + 1);
    let golden = "x".repeat(GOLDEN_BYTES_MAX + 1);
    let tree = Tree::of(&[
        ("a/bare.rs", "use std::io;"),
        ("a/long.rs", &long),
        ("a/heavy.bin", &heavy),
        ("models/heavy.gguf", &heavy),
        ("tests/golden/fits.f32", &heavy),
        ("tests/golden/heavy.f32", &golden),
        ("a/words.rs", "//! Words.\nlet shard = CacheManager::new(StringUtils, index_pos);"),
        ("a/fine.rs", "//! Fine.\nlet sharded = managers;"),
        ("a/later.rs", "//! Later. // TODO: the rest"),
        ("a/page.md", "FIXME"),
    ]);
    assert_eq!(headers(&tree), ["a/bare.rs does not open with `//! ` and what it is"]);
    assert_eq!(lengths(&tree), ["a/long.rs has 501 lines, more than 500"]);
    let heavy = weights(&tree);
    assert_eq!(heavy.len(), 2, "{heavy:?}");
    check_complains(&heavy, "a/heavy.bin");
    check_complains(&heavy, "tests/golden/heavy.f32");
    let said = words(&tree);
    assert_eq!(said.len(), 4, "{said:?}");
    for word in ["`shard`", "`CacheManager`", "`StringUtils`", "`index_pos`"] {
        check_complains(&said, word);
    }
    let promised = promises(&tree);
    assert_eq!(promised.len(), 2, "{promised:?}");
}
