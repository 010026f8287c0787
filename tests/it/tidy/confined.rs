//! What may not leave the device is handled where nothing can leave it: that file names neither messages nor links.

use super::files::Tree;
use super::{check, check_complains};

const CONFINED: &str = "edge-node/src/confined.rs";

/// Words that no line of code there may have; of `transport` it needs the time alone.
const FORBIDDEN: [&str; 5] = ["protocol", "uplink", "Uplink", "Frame", "Message"];
const CLOCK: &str = "use transport::clock;";

fn ways_out(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text(CONFINED) else { return vec![format!("there is no {CONFINED}")] };
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.filter(|line| {
        let names_links = line.contains("transport") && *line != CLOCK;
        names_links || FORBIDDEN.iter().any(|word| line.contains(word))
    })
    .map(|line| format!("{CONFINED} may not say `{}`", line.trim()))
    .collect()
}

#[test]
fn what_is_confined_has_no_way_out() {
    check(&ways_out(&Tree::read()));
}

#[test]
fn a_way_out_is_found() {
    for line in
        ["use protocol::Open;", "use transport::{Uplink, clock};", "    self.uplinks.each();"]
    {
        let tree = Tree::of(&[(CONFINED, &format!("//! Of protocol.\n{CLOCK}\n{line}\n"))]);
        check_complains(&ways_out(&tree), "may not say");
    }
    check(&ways_out(&Tree::of(&[(CONFINED, &format!("//! Of protocol.\n{CLOCK}\n"))])));
}
