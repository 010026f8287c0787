//! The dashboard: it can be loaded, and shows what nodes tell.
//!
//! Which metrics there are, docs/METRICS.md says; that it says what the code does, the nodes' own tests hold.

use super::files::Tree;
use super::{check, check_complains};
use serde_json::Value;
use std::collections::BTreeSet;

const DASHBOARD: &str = "configs/grafana/causeway.json";
const METRICS: &str = "docs/METRICS.md";

/// Of Grafana 10.
const SCHEMA_VERSIONS: std::ops::RangeInclusive<u64> = 38..=39;
/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// The names that a page of metrics documents.
fn documented(page: &str) -> BTreeSet<&str> {
    let names = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    names.map(|(name, _)| name).collect()
}

/// Every metric of ours that a query names, as the page does.
fn named(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|c: char| !c.is_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("causeway_"));
    ours.map(|name| {
        ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    })
}

/// What is wrong with a dashboard of these metrics.
fn complaints(dashboard: &str, metrics: &BTreeSet<&str>) -> Vec<String> {
    let dashboard: Value = match serde_json::from_str(dashboard) {
        Ok(dashboard) => dashboard,
        Err(error) => return vec![format!("{DASHBOARD} is no JSON: {error}")],
    };
    let version = dashboard["schemaVersion"].as_u64();
    let mut complaints = Vec::new();
    if !version.is_some_and(|version| SCHEMA_VERSIONS.contains(&version)) {
        complaints.push(format!("schema version {version:?} is not one of {SCHEMA_VERSIONS:?}"));
    }
    let panels = dashboard["panels"].as_array().cloned().unwrap_or_default();
    if panels.iter().all(|panel| panel["type"] == "row") {
        complaints.push("there are no panels".to_owned());
    }
    let mut ids = BTreeSet::new();
    for panel in &panels {
        let title = panel["title"].as_str().unwrap_or_default();
        if title.is_empty() {
            complaints.push(format!("panel {} has no title", panel["id"]));
        }
        if !panel["id"].as_u64().is_some_and(|id| ids.insert(id)) {
            complaints.push(format!("{title:?} has no id of its own"));
        }
        complaints.extend(placed(panel, title));
        if panel["type"] != "row" {
            complaints.extend(shown(panel, title, metrics));
        }
    }
    complaints
}

fn placed(panel: &Value, title: &str) -> Option<String> {
    let at = |key: &str| panel["gridPos"][key].as_u64();
    let fits = at("x")? + at("w")? <= COLUMNS && at("y").is_some() && at("h").is_some();
    (!fits).then(|| format!("{title:?} does not fit the grid"))
}

/// What is wrong with what a panel shows.
fn shown(panel: &Value, title: &str, metrics: &BTreeSet<&str>) -> Vec<String> {
    let mut complaints = Vec::new();
    if panel["fieldConfig"]["defaults"]["unit"].as_str().is_none_or(str::is_empty) {
        complaints.push(format!("{title:?} has no unit"));
    }
    let targets = panel["targets"].as_array().cloned().unwrap_or_default();
    let queries: Vec<_> = targets.iter().map(|target| &target["expr"]).collect();
    if queries.is_empty() {
        complaints.push(format!("{title:?} asks nothing"));
    }
    for query in queries {
        let query = query.as_str().unwrap_or_default();
        if named(query).next().is_none() {
            complaints.push(format!("{title:?} asks for no metric: {query:?}"));
        }
        let unknown = named(query).filter(|name| !metrics.contains(name));
        complaints.extend(unknown.map(|name| format!("{title:?}: no node tells {name}")));
    }
    complaints
}

#[test]
fn the_dashboard_loads_and_every_metric_that_it_asks_for_is_told() {
    let tree = Tree::read();
    let page = tree.text(METRICS).unwrap();
    let metrics = documented(&page);
    assert!(metrics.len() > 40, "{metrics:?}");
    check(&complaints(&tree.text(DASHBOARD).unwrap(), &metrics));
}

#[test]
fn a_dashboard_that_shows_nothing_is_found() {
    let metrics =
        documented("| `causeway_links` | gauge |\n| `causeway_pass_seconds` | histogram |\n");
    let with = |panel: &str| {
        let dashboard = format!("{{\"schemaVersion\": 39, \"panels\": [{panel}]}}");
        complaints(&dashboard, &metrics)
    };
    let place = "\"gridPos\": {\"x\": 0, \"y\": 0, \"w\": 24, \"h\": 8}";
    let unit = "\"fieldConfig\": {\"defaults\": {\"unit\": \"s\"}}";
    let panel = |rest: &str| format!("{{\"id\": 1, \"title\": \"Links\", {place}, {rest}}}");
    let asks = |query: &str| format!("{unit}, \"targets\": [{{\"expr\": \"{query}\"}}]");
    check(&with(&panel(&asks("sum(causeway_links{a=~'x'}) / causeway_pass_seconds_count"))));
    check_complains(&with(&panel(&asks("rate(causeway_link[1m])"))), "no node tells causeway_link");
    check_complains(&with(&panel(&asks("up"))), "asks for no metric");
    check_complains(&with(&panel(unit)), "asks nothing");
    check_complains(&with(&panel(&asks("causeway_links").replace("unit", "u"))), "has no unit");
    check_complains(&with(&panel(&asks("causeway_links")).replace("Links", "")), "has no title");
    check_complains(&with(&panel(&asks("causeway_links")).replace("24", "25")), "fit the grid");
    check_complains(&with(""), "there are no panels");
    check_complains(&complaints("{", &metrics), "is no JSON");
    check_complains(&complaints("{\"schemaVersion\": 12}", &metrics), "schema version");
    let twice = format!("{0}, {0}", panel(&asks("causeway_links")));
    check_complains(&with(&twice), "no id of its own");
}
