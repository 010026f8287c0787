//! Requests in simulated time: 100 ms a step.

use super::*;
use crate::testing::{Dice, three_tiers};
use crate::{Candidate, Costs};

#[test]
fn each_reason_to_stay_has_its_edge() {
    let cases = [
        // Now, then, deviation of each; tokens left; cost of moving.
        (50.0, 30.0, 0.0, 100.0, 1_333.0, "move"),
        (50.0, 30.0, 0.0, 100.0, 1_334.0, "it wins 2000 ms and would have to win 2001 ms"),
        (50.0, 50.0, 0.0, 100.0, 0.0, "the other plan is no faster"),
        (50.0, 60.0, 0.0, 100.0, 0.0, "the other plan is no faster"),
        (50.0, 30.0, 4.7, 100.0, 0.0, "move"),
        (50.0, 30.0, 4.72, 100.0, 0.0, "it wins 2000 ms, give or take 668 ms"),
        (50.0, 30.0, 0.0, 0.0, 0.0, "the other plan is no faster"),
        (f64::INFINITY, f64::INFINITY, 0.0, 9.0, 0.0, "the other plan is no faster"),
    ];
    for (now_ms, then_ms, deviation, tokens_left, moving_ms, expected) in cases {
        let (current, candidate) = (predicted(now_ms, deviation), predicted(then_ms, deviation));
        let outlook =
            Outlook { current: Some(&current), candidate: &candidate, tokens_left, moving_ms };
        let said = match Replanner::default().advise(Duration::ZERO, &outlook) {
            Advice::Move => "move".to_owned(),
            Advice::Stay(reason) => reason.to_string(),
        };
        assert_eq!(said, expected);
    }
}

/// Goal: noise moves nobody. Method: a link whose estimate wavers by its own deviation for a minute,
/// under two plans that are equally good in truth.
#[test]
fn an_estimate_that_wavers_moves_nobody() {
    let deviation = 5.0;
    for seed in 0..50 {
        let (mut dice, replanner) = (Dice(seed), Replanner::default());
        let mut estimate = || {
            // Uniform noise of this width has the deviation.
            let width = deviation * 3.0_f64.sqrt();
            predicted(40.0 + dice.between(-width, width), deviation)
        };
        for step in 0..600 {
            let (current, candidate) = (estimate(), estimate());
            let outlook = Outlook {
                current: Some(&current),
                candidate: &candidate,
                tokens_left: 500.0,
                moving_ms: 400.0,
            };
            let advice = replanner.advise(time(step), &outlook);
            assert!(matches!(advice, Advice::Stay(_)), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn a_link_that_collapses_is_left_at_the_first_estimate_that_says_so() {
    let mut situation = three_tiers();
    let remote = Candidate::Remote { target: situation.nodes[2].profile.node.clone() };
    let near = Candidate::Remote { target: situation.nodes[1].profile.node.clone() };
    let speculative = crate::search::speculative(&situation.nodes[2].profile.node).remove(2);
    let predict = |situation: &crate::Situation, candidate: &Candidate| {
        Costs::new(situation).unwrap().predict(candidate).unwrap()
    };
    let advise = |situation: &crate::Situation, current: &Candidate| {
        let (now, then) = (predict(situation, current), predict(situation, &near));
        let outlook =
            Outlook { current: Some(&now), candidate: &then, tokens_left: 80.0, moving_ms: 700.0 };
        Replanner::default().advise(Duration::from_secs(9), &outlook)
    };
    assert_eq!(advise(&situation, &remote), Advice::Stay(Reason::NoGain));
    situation.links[1].estimate.rtt_ms.mean = 900.0;
    assert_eq!(advise(&situation, &speculative), Advice::Move);
}

#[test]
fn a_plan_that_cannot_run_is_left_however_soon() {
    let mut replanner = Replanner::default();
    replanner.moved(Duration::ZERO);
    let (current, candidate) = (predicted(90.0, 0.0), predicted(30.0, 0.0));
    let outlook = Outlook {
        current: Some(&current),
        candidate: &candidate,
        tokens_left: 100.0,
        moving_ms: 0.0,
    };
    let wait = Duration::from_millis(1_900);
    let soon = replanner.advise(time(1), &outlook);
    assert_eq!(soon, Advice::Stay(Reason::TooSoon { wait }));
    let gone = Outlook { current: None, ..outlook };
    assert_eq!(replanner.advise(time(1), &gone), Advice::Move);
    assert_eq!(replanner.advise(time(20), &outlook), Advice::Move);
}

#[test]
fn failed_preparations_are_tried_again_ever_later() {
    let mut replanner = Replanner::default();
    let (current, candidate) = (predicted(90.0, 0.0), predicted(30.0, 0.0));
    let outlook = Outlook {
        current: Some(&current),
        candidate: &candidate,
        tokens_left: 100.0,
        moving_ms: 0.0,
    };
    let (mut tries, mut now) = (Vec::new(), Duration::ZERO);
    while tries.len() < 7 {
        match replanner.advise(now, &outlook) {
            Advice::Move => {
                tries.push(now.as_secs());
                replanner.failed(now);
            }
            Advice::Stay(Reason::BackedOff { wait }) => now += wait,
            Advice::Stay(reason) => panic!("{reason}"),
        }
    }
    assert_eq!(tries, [0, 4, 12, 28, 60, 124, 188]);
    replanner.moved(now);
    replanner.failed(now + APART);
    let pause = replanner.advise(now + APART, &outlook);
    assert_eq!(pause, Advice::Stay(Reason::BackedOff { wait: Duration::from_secs(4) }));
}

fn time(step: u32) -> Duration {
    Duration::from_millis(100) * step
}

/// Any prediction, with this time between tokens.
fn predicted(itl_ms: f64, itl_deviation_ms: f64) -> Prediction {
    let situation = three_tiers();
    let remote = Candidate::Remote { target: situation.nodes[2].profile.node.clone() };
    let prediction = Costs::new(&situation).unwrap().predict(&remote).unwrap();
    Prediction { itl_ms, itl_deviation_ms, ..prediction }
}
