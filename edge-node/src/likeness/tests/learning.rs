//! What is learned, on requests that follow a rule.

use super::*;
use crate::likeness::fit::fit;
use crate::likeness::learner::logistic;
use crate::likeness::{Agreement, Likeness};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// The rule: how likely an answer is good.
const RULE: [f64; WEIGHTS] = [-0.5, 1.2, 0.8, -0.6, 0.0, 0.0];

const GOOD: Agreement = Agreement::new(20, 20);
const BAD: Agreement = Agreement::new(5, 20);

/// `count` requests, and whether each was answered well.
fn requests(seed: u64, count: usize) -> Vec<(Features, bool)> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let request = |_| {
        let [a, b, c] = std::array::from_fn(|_| dice.random_range(-2.0..2.0));
        let features = features(a, b, c);
        (features, dice.random_bool(truth(&features)))
    };
    (0..count).map(request).collect()
}

fn truth(features: &Features) -> f64 {
    Likeness::new(weights(RULE)).chance(features)
}

fn agreement(is_good: bool) -> Agreement {
    if is_good { GOOD } else { BAD }
}

/// How far `likeness` is from the rule, in the mean over requests that it has not seen.
fn error(likeness: &Likeness) -> f64 {
    let asked = requests(99, 500);
    let of = |(features, _): &(Features, bool)| (likeness.chance(features) - truth(features)).abs();
    asked.iter().map(of).sum::<f64>() / asked.len() as f64
}

fn odds(likeness: &Likeness, features: &Features) -> f64 {
    let chance = likeness.chance(features);
    (chance / (1.0 - chance)).ln()
}

#[test]
fn a_fit_finds_the_rule() {
    let fitted = fit(&requests(1, 4_000)).unwrap();
    let pair = (ModelFingerprint([1; 32]), ModelFingerprint([2; 32]));
    let likeness = Likeness::new(Weights::fitted(pair, 4_000, fitted));
    assert!(error(&likeness) < 0.02, "{}", error(&likeness));
}

#[test]
fn there_is_no_fit_to_answers_that_are_all_alike() {
    let alike: Vec<_> = requests(1, 50).into_iter().map(|(features, _)| (features, true)).collect();
    assert!(fit(&alike).is_none());
    assert!(fit(&[]).is_none());
}

/// Goal: weights of another pair are unlearned, and its chances come to be true. Method: it starts with
/// weights that are far too sure of the wrong thing.
#[test]
fn learning_comes_to_the_rule_from_wrong_weights() {
    let mut likeness = Likeness::new(weights([1.5, -0.5, 0.0, 0.5, 0.0, 0.0]));
    let before = error(&likeness);
    assert!(before > 0.35, "{before}");
    let asked = requests(2, 2_000);
    for (at, (features, is_good)) in asked.iter().enumerate() {
        likeness.observe(features, agreement(*is_good));
        if at == 150 {
            assert!(error(&likeness) < before / 2.0, "{}", error(&likeness));
        }
    }
    assert!(error(&likeness) < 0.05, "{}", error(&likeness));
    assert_eq!(likeness.replies, 2_000);
}

/// Right weights stay right, whatever order replies come in.
#[test]
fn learning_keeps_what_is_right() {
    let mut likeness = Likeness::new(weights(RULE));
    for (features, is_good) in requests(3, 2_000) {
        likeness.observe(&features, agreement(is_good));
        assert!(error(&likeness) < 0.1, "{} after {}", error(&likeness), likeness.replies);
    }
}

/// Goal: one odd reply changes little. Method: replies against all that was learned, new and experienced, to
/// requests at the bounds and beyond.
#[test]
fn one_reply_moves_no_chance_far() {
    let new = Likeness::new(weights(RULE));
    let mut old = new.clone();
    requests(4, 300).iter().for_each(|(features, good)| old.observe(features, agreement(*good)));
    for likeness in [new, old] {
        for far in [0.0, 1.0, 3.0, 1e9, f64::INFINITY] {
            let asked = Features { prompt_tokens: usize::MAX, ..features(far, far, -far) };
            for agreement in [GOOD, BAD] {
                let mut after = likeness.clone();
                after.observe(&asked, agreement);
                let moved = (odds(&after, &asked) - odds(&likeness, &asked)).abs();
                assert!(moved <= Likeness::STEP_MAX * 1.001, "{moved} at {far}");
                assert!((0.0..1.0).contains(&after.chance(&asked)), "{after:?}");
                let elsewhere = features(0.5, -0.5, 0.5);
                let moved = (odds(&after, &elsewhere) - odds(&likeness, &elsewhere)).abs();
                assert!(moved <= Likeness::STEP_MAX, "{moved} elsewhere at {far}");
            }
        }
    }
}

#[test]
fn a_reply_of_few_words_says_little_and_one_of_none_nothing() {
    let (before, asked) = (Likeness::new(weights(RULE)), features(0.5, 0.5, 0.0));
    let moved = |agreement| {
        let mut after = before.clone();
        after.observe(&asked, agreement);
        odds(&after, &asked) - odds(&before, &asked)
    };
    let (one, four, eight, many) = (
        moved(Agreement::new(1, 1)),
        moved(Agreement::new(4, 4)),
        moved(Agreement::new(8, 8)),
        moved(Agreement::new(80, 80)),
    );
    assert!(
        0.0 < one && one < four && four < eight && eight == many,
        "{one} {four} {eight} {many}"
    );
    assert!(one < eight / 4.0, "{one} {eight}");
    assert!(moved(BAD) < 0.0);
    let mut untouched = before.clone();
    untouched.observe(&asked, Agreement::new(0, 0));
    assert_eq!(untouched, before);
}

#[test]
fn good_is_all_but_one_in_ten_or_all_but_one() {
    let good = |agreed, judged| Agreement::new(agreed, judged).is_good();
    assert!(good(5, 6) && !good(4, 6));
    assert!(good(18, 19) && !good(17, 19));
    assert!(good(18, 20) && !good(17, 20));
    assert!(good(58, 64) && !good(57, 64));
}

#[test]
fn chances_of_any_odds_are_inside() {
    for odds in [f64::NEG_INFINITY, -1e9, 0.0, 1e9, f64::INFINITY] {
        assert!(0.0 < logistic(odds) && logistic(odds) < 1.0, "{odds}");
    }
    assert_eq!(logistic(0.0), 0.5);
}
