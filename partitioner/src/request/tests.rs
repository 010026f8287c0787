//! Tables of requests and what becomes of them.

use super::*;
use base::WireCodec;

fn name(name: &str) -> NodeName {
    NodeName::new(name).unwrap()
}

fn split(stages: &[(&str, u32, u32)]) -> PlanRequest {
    let stages = stages
        .iter()
        .map(|(node, start, end)| RequestedStage {
            node: name(node),
            layers: LayerRange::new(*start, *end).unwrap(),
            codec: WireCodec::F32,
        })
        .collect();
    PlanRequest {
        mode: Mode::Split,
        device: name("car"),
        local: LocalChoice::Draft,
        target: None,
        stages,
        draft_length: DraftLength::Fixed(4),
        speculation: Speculation::Streaming,
    }
}

fn refused(stages: &[(&str, u32, u32)]) -> String {
    split(stages).check(6).unwrap_err().to_string()
}

#[test]
fn a_split_over_three_tiers_explains_itself() {
    let plan = split(&[("car", 0, 2), ("site", 2, 4), ("cloud", 4, 6)]).check(6).unwrap();
    assert_eq!(
        plan.to_string(),
        "split: car 0..2 > site 2..4 (f32) > cloud 4..6 (f32), drafts of 4, streaming"
    );
    assert_eq!(plan.device_stage().unwrap().node, name("car"));
    assert_eq!(plan.remote_stages().len(), 2);
    assert!(plan.stages()[2].head && !plan.stages()[1].head);
}

#[test]
fn a_split_may_leave_the_device_out_and_relay_through_a_node_without_layers() {
    let plan = split(&[("site", 0, 0), ("cloud", 0, 6)]).check(6).unwrap();
    assert!(plan.device_stage().is_none());
    assert!(plan.stages()[0].layers.is_empty());
}

#[test]
fn stages_that_miss_double_or_exceed_layers_are_refused() {
    assert!(refused(&[("car", 0, 2), ("cloud", 3, 6)]).contains("next layer to run is 2"));
    assert!(refused(&[("car", 0, 3), ("cloud", 2, 6)]).contains("next layer to run is 3"));
    assert!(refused(&[("car", 0, 2), ("cloud", 2, 5)]).contains("run 5 layers; the target has 6"));
    assert!(refused(&[("car", 0, 2), ("cloud", 2, 7)]).contains("run 7 layers; the target has 6"));
    assert!(refused(&[]).contains("run 0 layers"));
}

#[test]
fn a_node_has_one_stage_and_the_device_the_first_or_none() {
    assert!(refused(&[("a", 0, 2), ("b", 2, 4), ("a", 4, 6)]).contains("two stages"));
    assert!(refused(&[("cloud", 0, 3), ("car", 3, 6)]).contains("device car runs layers behind"));
    assert!(refused(&[("car", 0, 6)]).contains("mode local"));
}

#[test]
fn the_head_may_be_where_the_chain_came_by() {
    let plan = split(&[("car", 0, 2), ("cloud", 2, 6), ("car", 6, 6)]).check(6).unwrap();
    let said = "split: car 0..2 > cloud 2..6 (f32) > car 6..6 (f32), drafts of 4, streaming";
    assert_eq!(plan.to_string(), said);
    assert!(plan.device_head().unwrap().head && !plan.stages()[1].head);
    assert_eq!((plan.remote_stages().len(), plan.stages_ahead().len()), (1, 2));
    for (stages, at_home) in [
        (&[("site", 0, 3), ("cloud", 3, 6), ("site", 6, 6)][..], false),
        (&[("site", 0, 3), ("cloud", 3, 6), ("car", 6, 6)], true),
        (&[("car", 0, 2), ("site", 2, 4), ("cloud", 4, 6), ("site", 6, 6)], false),
        (&[("car", 0, 2), ("site", 2, 4), ("cloud", 4, 6), ("car", 6, 6)], true),
        (&[("car", 0, 2), ("cloud", 2, 6), ("site", 6, 6)], false),
    ] {
        let plan = split(stages).check(6).unwrap();
        assert_eq!(plan.device_head().is_some(), at_home, "{plan}");
        assert_eq!(plan.stages().iter().filter(|stage| stage.head).count(), 1, "{plan}");
        assert!(plan.stages().last().unwrap().head, "{plan}");
    }
}

#[test]
fn only_the_head_comes_back_and_only_behind_all_layers() {
    for (stages, why) in [
        (&[("car", 0, 2), ("cloud", 2, 5), ("car", 5, 6)][..], "car has two stages"),
        (&[("site", 0, 2), ("cloud", 2, 5), ("site", 5, 6)], "site has two stages"),
        (&[("site", 0, 2), ("cloud", 2, 5), ("car", 5, 6)], "car runs layers behind"),
        (&[("car", 0, 2), ("cloud", 2, 6), ("cloud", 6, 6)], "cloud has two stages"),
        (&[("car", 0, 2), ("car", 2, 2), ("cloud", 2, 6)], "car has two stages"),
        (&[("site", 0, 0), ("car", 0, 0), ("cloud", 0, 6)], "car runs layers behind"),
        (&[("car", 0, 6), ("cloud", 6, 6), ("car", 6, 6)], "car has two stages"),
        (&[("car", 0, 2), ("cloud", 2, 6), ("car", 6, 6), ("site", 6, 6)], "car has two stages"),
        (&[("car", 0, 2), ("site", 2, 6), ("cloud", 6, 6), ("car", 6, 6)], "car has two stages"),
        (&[("car", 0, 6), ("car", 6, 6)], "car has two stages"),
        (&[("car", 6, 6)], "next layer to run is 0"),
    ] {
        let refused = refused(stages);
        assert!(refused.contains(why), "{stages:?}: {refused}");
    }
}

#[test]
fn remote_and_speculative_need_a_target_and_speculative_needs_drafts() {
    let request = |mode, target: Option<&str>, length| PlanRequest {
        mode,
        target: target.map(name),
        draft_length: DraftLength::Fixed(length),
        ..split(&[])
    };
    let plan = request(Mode::Remote, Some("cloud"), 4).check(6).unwrap();
    assert_eq!(
        (plan.to_string().as_str(), plan.draft_length()),
        ("remote: cloud 0..6", DraftLength::NONE)
    );
    assert!(request(Mode::Remote, None, 0).check(6).is_err());
    assert_eq!(request(Mode::Speculative, Some("cloud"), 0).check(6), Err(PlanError::NoDrafts));
}
