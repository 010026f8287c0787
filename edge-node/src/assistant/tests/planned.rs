//! A device that plans itself.

use super::{CUT_OFF, Stage, ask, said, seconds};
use crate::assistant::Ask;
use base::Privacy;
use routing::Route;
use settings::Pace;

/// A device on which a token of the target takes so long, and a cloud that is fast.
fn planning(cuts: &[(u64, u64)]) -> Stage {
    let mut stage = Stage::new(cuts).alike(0.2);
    stage.config.auto = true;
    stage.config.paces.device = Pace { decode_ms: 200.0, per_row_ms: 0.0 };
    stage.config.paces.cloud = Pace { decode_ms: 40.0, per_row_ms: 3.0 };
    stage
}

/// Goal: the plan that is explained is the one that is run, and the planner's figures are with it.
#[test]
fn the_target_answers_by_the_plan_that_was_foreseen() {
    let stage = planning(&[]);
    stage.play(async |assistant| {
        let question = || said(None, "why do cats purr");
        let explained = assistant.explain(&question()).await.unwrap();
        let explained = serde_json::to_value(explained).unwrap();
        assert_eq!(explained["route"], "hybrid", "{explained}");
        assert!(explained["prediction"]["reply_ms"].as_f64().unwrap() > 0.0);
        let plan = explained["plan"].as_str().unwrap();
        assert!(plan.contains("cloud"), "{plan}");
        let answer = ask(assistant, question()).await.unwrap();
        let reply = answer.reply.unwrap();
        assert_eq!((answer.route, reply.usage.failovers), (Route::Hybrid, 0));
        assert!(reply.plan.contains("cloud"), "{}", reply.plan);
        let ms = explained["decided_ms"].as_f64().unwrap();
        println!("decided in {ms} ms");
    });
}

/// Goal: where the cloud is away and the device has all of the target, that answers: nothing waits, nothing is spent.
#[test]
fn a_target_that_is_here_answers_while_the_cloud_is_away() {
    let stage = planning(&[(2, 600)]);
    stage.play(async |assistant| {
        seconds(CUT_OFF).await;
        let answer = ask(assistant, said(None, "why do cats purr")).await.unwrap();
        let reply = answer.reply.unwrap();
        assert!(reply.plan.starts_with("local"), "{}", reply.plan);
        assert!(reply.verified.iter().all(|verified| *verified) && !reply.verified.is_empty());
        let standing = assistant.kept(|journal| journal.standing(super::NOON)).unwrap();
        assert_eq!(standing.day, journal::Amount::default());
    });
}

/// Goal: a site's text goes by no plan that a cloud reads. Method: nodes of which there is but a cloud.
#[test]
fn a_class_is_held_against_every_plan() {
    let stage = planning(&[]);
    stage.play(async |assistant| {
        let class = Some(Privacy::Site);
        let site = Ask { class, ..said(None, "why do cats purr") };
        let weighed = assistant.weigh(&site, super::NOON).await.unwrap();
        let foreseen = &weighed.foreseen;
        let plan = foreseen.plan.as_ref().unwrap();
        let both_ends_here = plan.starts_with("split device 0") && plan.contains("> device 6..6");
        assert!(both_ends_here || plan.starts_with("the target on the device"), "{plan}");
        let device = Ask { class: Some(Privacy::Device), ..said(None, "why do cats purr") };
        let explained = assistant.explain(&device).await.unwrap().to_string();
        assert!(explained.contains("class device lets nothing leave"), "{explained}");
    });
}
