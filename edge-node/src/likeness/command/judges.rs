//! Who is asked how likely a request is answered well, and what comes of following them.

use super::exchange::Exchange;
use super::quality::Quality;
use super::reliability::{Reliability, auroc};
use crate::likeness::{Likeness, Weights};
use serde::Serialize;

/// Somebody's judgement of all requests.
#[derive(Debug, Serialize)]
pub(super) struct Judge {
    pub(super) name: &'static str,
    /// How likely a good answer is judged better than another one; 0.5 is a guess.
    pub(super) auroc: f64,
    /// How far the chances are to be trusted; nothing of who gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reliability: Option<Reliability>,
    pub(super) quality: Quality,
}

/// What weights that were fitted to other conversations say of `held`, what those that the device has
/// at `present` do, still and while they learn, and what others would do.
pub(super) fn judge(held: &[&Exchange], fitted: &Weights, present: &Weights) -> Vec<Judge> {
    let still = |weights: &Weights| {
        let likeness = Likeness::new(weights.clone());
        held.iter().map(|exchange| likeness.chance(&exchange.features)).collect()
    };
    let entropy: Vec<f64> = held.iter().map(|exchange| -exchange.entropy).collect();
    let share =
        |exchange: &&Exchange| f64::from(exchange.own.agreed()) / f64::from(exchange.own.judged());
    let perfect: Vec<f64> = held.iter().map(share).collect();
    vec![
        by_chance("fitted", held, still(fitted)),
        by_chance("present", held, still(present)),
        by_chance("learning", held, learning(held, present)),
        by_score("entropy", held, &entropy),
        Judge { name: "random", auroc: 0.5, reliability: None, quality: Quality::random(held) },
        by_score("perfect", held, &perfect),
    ]
}

/// What it says of each request before it has learned from it, all of them being answered by both.
fn learning(held: &[&Exchange], present: &Weights) -> Vec<f64> {
    let mut likeness = Likeness::new(present.clone());
    let ask = |exchange: &&Exchange| {
        let chance = likeness.chance(&exchange.features);
        likeness.observe(&exchange.features, exchange.hybrid);
        chance
    };
    held.iter().map(ask).collect()
}

fn by_chance(name: &'static str, held: &[&Exchange], chances: Vec<f64>) -> Judge {
    let good = good(held);
    let reliability = Some(Reliability::of(&chances, &good));
    Judge { reliability, ..by_score(name, held, &chances) }
}

fn by_score(name: &'static str, held: &[&Exchange], scores: &[f64]) -> Judge {
    let auroc = auroc(scores, &good(held));
    Judge { name, auroc, reliability: None, quality: Quality::by(scores, held) }
}

fn good(held: &[&Exchange]) -> Vec<bool> {
    held.iter().map(|exchange| exchange.own.is_good()).collect()
}
