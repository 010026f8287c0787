//! The page's files name each other, and nothing else.

use super::{ASSETS, Asset, SCRIPT, asset};
use std::collections::BTreeSet;

/// What a phone on a slow link may be made to load for it.
const BYTES_MAX: usize = 100 << 10;
/// Names the vocabulary of SVG; nothing is loaded from there.
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";

fn text(asset: &Asset) -> &'static str {
    std::str::from_utf8(asset.bytes).unwrap()
}

/// What stands between `open` and the next `close`, wherever `open` is found.
fn between<'t>(text: &'t str, open: &str, close: char) -> Vec<&'t str> {
    let ends = text.split(open).skip(1);
    ends.map(|rest| rest.split(close).next().unwrap()).collect()
}

/// The paths that a file has a browser load.
fn named(asset: &Asset) -> Vec<String> {
    let text = text(asset);
    if asset.content_type == SCRIPT {
        let names = between(text, "from './", '\'');
        return names.into_iter().map(|name| format!("/page/{name}")).collect();
    }
    let attributes = ["src=\"", "href=\"", "url("].iter().flat_map(|open| between(text, open, '"'));
    attributes.filter(|path| !path.starts_with('#')).map(str::to_owned).collect()
}

/// What a file has that the policy forbids, or that is asked of others.
fn offences(asset: &Asset) -> Vec<String> {
    let text = text(asset).replace(SVG_NAMESPACE, "");
    let always =
        ["http:", "https:", "src=\"//", "href=\"//", "@import", "url(", "innerHTML", "eval("];
    let in_markup =
        ["<script>", "<style", " style=", " onclick=", " onload=", "javascript:", "data:"];
    let of_markup: &[&str] = if asset.path == "/" { &in_markup } else { &[] };
    let found = always.iter().chain(of_markup).filter(|offence| text.contains(**offence));
    found.map(|offence| format!("{} has {offence:?}", asset.path)).collect()
}

#[test]
fn what_a_file_names_is_there_and_what_is_there_is_named() {
    let named: BTreeSet<String> = ASSETS.iter().flat_map(named).collect();
    let there: BTreeSet<String> =
        ASSETS.iter().map(|asset| asset.path.to_owned()).filter(|path| path != "/").collect();
    assert_eq!(named, there);
}

#[test]
fn nothing_is_asked_of_others_and_nothing_is_inside_markup() {
    let offences: Vec<String> = ASSETS.iter().flat_map(offences).collect();
    assert!(offences.is_empty(), "{offences:?}");
    let bad = Asset {
        path: "/",
        content_type: super::HTML,
        bytes: b"<p style='x'><script src=\"https://elsewhere/x.js\"></script>",
    };
    assert_eq!(self::offences(&bad).len(), 2);
}

#[test]
fn a_path_finds_its_file_and_no_other() {
    assert_eq!(asset("/").map(|found| found.content_type), Some("text/html; charset=utf-8"));
    assert!(asset("/page/main.js").is_some_and(|found| found.bytes.starts_with(b"/**")));
    for path in ["", "/page", "/page/", "/page/types.js", "/page/../Cargo.toml", "/main.js"] {
        assert_eq!(asset(path), None, "{path}");
    }
}

#[test]
fn no_path_is_served_twice_and_the_whole_is_light() {
    let paths: BTreeSet<&str> = ASSETS.iter().map(|asset| asset.path).collect();
    assert_eq!(paths.len(), ASSETS.len());
    let bytes: usize = ASSETS.iter().map(|asset| asset.bytes.len()).sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}
