//! Situations that no plan can be made from, and what is said of them.

use crate::testing::{link, name, node, three_tiers};
use crate::{Costs, Situation};
use base::{ModelFingerprint, Privacy, Role};

type Spoil = fn(&mut Situation);

#[test]
fn what_is_wrong_is_named() {
    let cases: [(Spoil, &str); 12] = [
        (|s| s.links.push(link("car", "moon", 1.0, 1.0)), "moon has no profile"),
        (
            |s| s.device = name("bus"),
            "car has the role device; the node that asks is the one device",
        ),
        (|s| s.nodes.push(node("bus", Role::Device, None)), "bus has the role device"),
        (|s| s.device = name("site"), "car has the role device"),
        (|s| s.nodes.push(s.nodes[1].clone()), "site has two profiles"),
        (|s| s.links.push(s.links[0].clone()), "there are two links from car to site"),
        (
            |s| s.links.push(link("cloud", "site", 1.0, 1.0)),
            "the link from cloud (cloud) to site (gateway) leads away from the target",
        ),
        (|s| s.links.push(link("site", "site", 1.0, 1.0)), "in a circle: site > site"),
        (circle, "links lead in a circle: b > c > a > b"),
        (
            |s| s.nodes[2].profile.target.as_mut().unwrap().model = ModelFingerprint([8; 32]),
            "car runs the target 0707070707070707, and cloud runs 0808080808080808",
        ),
        (|s| s.demand.reply_tokens = 0, "expects at least one"),
        (|s| s.demand.acceptance = f64::NAN, "a number from 0 to 1"),
    ];
    for (spoil, expected) in cases {
        let mut situation = three_tiers();
        spoil(&mut situation);
        let said = Costs::new(&situation).unwrap_err().to_string();
        assert!(said.contains(expected), "{said:?} in place of {expected:?}");
    }
}

#[test]
fn nodes_may_come_in_any_order() {
    let mut situation = three_tiers();
    situation.nodes.reverse();
    situation.nodes.insert(0, node("near", Role::Cloud, None));
    situation.links.push(link("cloud", "near", 1.0, 1.0));
    let costs = Costs::new(&situation).unwrap();
    let names = costs.graph.nodes().iter().map(|node| node.profile.node.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["car", "site", "cloud", "near"]);
}

#[test]
fn privacy_is_a_matter_of_tiers() {
    let roles = [Role::Device, Role::Gateway, Role::Cloud];
    let allowed = |class: Privacy| roles.map(|role| class.allows(role));
    assert_eq!(allowed(Privacy::Device), [true, false, false]);
    assert_eq!(allowed(Privacy::Site), [true, true, false]);
    assert_eq!(allowed(Privacy::Anywhere), [true, true, true]);
    for class in [Privacy::Device, Privacy::Site, Privacy::Anywhere] {
        assert_eq!(roles.map(|role| class.allows_stage(role, true)), allowed(class));
        let middle = [true, class != Privacy::Device, class != Privacy::Device];
        assert_eq!(roles.map(|role| class.allows_stage(role, false)), middle);
    }
}

#[test]
fn a_situation_is_written_and_read_again() {
    let situation = three_tiers();
    let json = serde_json::to_string(&situation).unwrap();
    assert_eq!(serde_json::from_str::<Situation>(&json).unwrap(), situation);
}

fn circle(situation: &mut Situation) {
    for name in ["a", "b", "c"] {
        situation.nodes.push(node(name, Role::Gateway, None));
    }
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a"), ("car", "a")] {
        situation.links.push(link(from, to, 1.0, 1.0));
    }
}
