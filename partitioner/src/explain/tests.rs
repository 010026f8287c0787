//! What is said of plans that lost, and that it is true.

use crate::testing::{MIB, name, three_tiers};
use crate::{Admission, Situation, Verdict};
use crate::{Candidate, Certificate, Costs, Decision, Objective, QualityBudget};
use base::{ByteCount, Privacy, WireCodec};

#[test]
fn every_kind_chain_and_neighbour_is_told_of() {
    let situation = no_whole_target();
    let decision = decide(&situation);
    let told: Vec<&str> = decision.alternatives.iter().map(|one| one.what.as_str()).collect();
    for what in [
        "the target on the device alone",
        "the draft model on the device alone",
        "remote via site",
        "remote via cloud",
        "speculative via cloud",
        "split ",
        "no drafts",
    ] {
        assert!(told.iter().any(|told| told.contains(what)), "nothing of {what}: {told:#?}");
    }
    assert_eq!(decision.chains_left_out, 0);
}

#[test]
fn nothing_that_lost_is_better() {
    for situation in [three_tiers(), no_whole_target()] {
        for alternative in decide(&situation).alternatives {
            match &alternative.verdict {
                Verdict::Infeasible(_) => {}
                Verdict::Worse { by, differences, .. } => {
                    let told: f64 = differences.iter().map(|one| one.worth).sum();
                    assert!(*by >= -1e-9, "{alternative}");
                    assert!((told - by).abs() < 1e-2, "{alternative}: {told} of {by}");
                }
                Verdict::Possible => panic!("{alternative}"),
            }
        }
    }
}

#[test]
fn parts_of_a_token_add_up_to_it() {
    let situation = no_whole_target();
    let costs = Costs::new(&situation).unwrap();
    let chosen = costs.best(&Objective::FASTEST).unwrap();
    let parts = costs.parts(&chosen.candidate);
    let sum: f64 = parts.iter().map(|part| part.itl_ms).sum();
    assert!((sum - chosen.prediction.itl_ms).abs() < 1e-9);
    assert!(parts.iter().all(|part| part.itl_ms > -1e-9), "{parts:?}");
}

/// Goal: what a head at home takes is told, and what it would take elsewhere. Method: no other node has
/// room for it.
#[test]
fn a_head_at_home_is_told_with_its_part_and_its_other_places() {
    let mut situation = no_whole_target();
    for node in &mut situation.nodes {
        node.profile.target.as_mut().unwrap().weights.head = ByteCount(90 * MIB);
    }
    situation.nodes[0].profile.memory = ByteCount(500 * MIB);
    situation.nodes[1].profile.memory = ByteCount(85 * MIB);
    situation.nodes[2].profile.memory = ByteCount(280 * MIB);
    let decision = decide(&situation);
    let chosen = decision.chosen.unwrap();
    let said = chosen.candidate.to_string();
    assert!(said.contains(" > car 24..24"), "{said}");
    let parts = Costs::new(&situation).unwrap().parts(&chosen.candidate);
    let sum: f64 = parts.iter().map(|part| part.itl_ms).sum();
    assert!((sum - chosen.prediction.itl_ms).abs() < 1e-9);
    let head = parts.iter().find(|part| part.of.to_string() == "the head on car").unwrap();
    assert!(head.itl_ms > 0.0);
    let (without, _) = said.split_once(" > car 24..24").unwrap();
    let told: Vec<&str> = decision.alternatives.iter().map(|one| one.what.as_str()).collect();
    let above = told.iter().find(|what| what.starts_with(&format!("{without},")));
    assert!(above.is_some(), "{told:#?}");
}

#[test]
fn what_cannot_be_is_told_with_its_numbers() {
    let mut private = three_tiers();
    private.demand.privacy = Privacy::Site;
    check_says(
        &private,
        "remote via cloud: not possible: privacy class site lets cloud, a cloud, run middle layers alone",
    );
    // A head that the car has no room for: on the way to the cloud privacy alone is in its way.
    private.nodes[0].profile.target.as_mut().unwrap().weights.head = ByteCount(1 << 40);
    check_says(
        &private,
        "split over car > cloud: not possible: privacy class site lets cloud, a cloud, run middle layers alone",
    );
    private.nodes[2].profile.memory = ByteCount(MIB);
    check_says(&private, "split over car > cloud: not possible: these nodes cannot run all 24");

    let mut full = three_tiers();
    full.nodes[1].profile.memory = ByteCount(128 * MIB);
    let needs = "site needs 0.3 GiB for layers 0..24 and has 0.1 GiB";
    check_says(&full, &format!("remote via site: not possible: {needs}"));

    let mut closed = three_tiers();
    closed.nodes[2].admission = Admission::Refuses;
    check_says(&closed, "cloud takes no new session now");

    let mut unlinked = three_tiers();
    unlinked.links.remove(1);
    check_says(&unlinked, "there is no link from car to cloud");
    check_says(&three_tiers(), "the draft model's words are not the target's");
}

#[test]
fn a_codec_without_certificate_is_told_with_its_measure() {
    let mut situation = no_whole_target();
    let bad = |boundary| Certificate {
        codec: WireCodec::Int4,
        boundary,
        bits: 4.5,
        kl: 0.05,
        top1: 1.0,
        perplexity_change: 0.0,
    };
    situation.certificates.measured = (0..=24).map(bad).collect();
    situation.certificates.budget = QualityBudget { kl_max: 0.02, ..QualityBudget::NOTHING };
    check_says(&situation, "no certificate within the budget (KL 0.050, and the limit is 0.020)");
}

#[test]
fn nodes_that_cannot_hold_the_target_together_are_told_with_their_rooms() {
    let mut situation = no_whole_target();
    situation.nodes[0].profile.target = None;
    situation.nodes[1].profile.memory = ByteCount(100 * MIB);
    situation.nodes[2].profile.memory = ByteCount(100 * MIB);
    let decision = decide(&situation);
    assert!(decision.chosen.is_none());
    let told: Vec<String> = decision.alternatives.iter().map(ToString::to_string).collect();
    let expected = "cannot run all 24 layers between them: site holds 0..24 and has room for 8";
    assert!(told.iter().any(|told| told.contains(expected)), "{told:#?}");
}

#[test]
fn the_front_goes_from_fast_to_cheap() {
    let situation = three_tiers();
    let front = Costs::new(&situation).unwrap().front(&Objective::default());
    assert!(front.len() > 1);
    for pair in front.windows(2) {
        assert!(pair[0].prediction.reply_ms <= pair[1].prediction.reply_ms + 1e-9);
        assert!(pair[1].prediction.money < pair[0].prediction.money);
    }
}

#[test]
fn a_decision_is_written_as_data() {
    let json = serde_json::to_value(decide(&three_tiers())).unwrap();
    assert!(json["chosen"]["prediction"]["itl_ms"].as_f64().unwrap() > 0.0);
}

/// Three tiers of which none has room for the whole target.
fn no_whole_target() -> Situation {
    let mut situation = three_tiers();
    for node in &mut situation.nodes {
        node.profile.memory = ByteCount(260 * MIB);
    }
    situation.nodes[0].profile.memory = ByteCount(200 * MIB);
    situation
}

fn decide(situation: &Situation) -> Decision {
    let decision = Costs::new(situation).unwrap().decide(&Objective::FASTEST);
    if let Some(chosen) = &decision.chosen {
        let crossed = chosen.candidate.crosses(&situation.device);
        assert!(!crossed.contains(&&name("car")));
        assert!(!matches!(chosen.candidate, Candidate::Local { .. }) || crossed.is_empty());
    }
    decision
}

fn check_says(situation: &Situation, expected: &str) {
    let told = decide(situation).alternatives;
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.contains(expected)), "no `{expected}` in {told:#?}");
}
