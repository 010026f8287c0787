//! Routes one by one, and all that must hold of any.

use super::*;
use base::Privacy;
use std::time::Duration;

mod every;
mod rules;

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A question that the target answers in two seconds for 40 millionths, and the device in one.
fn facts() -> Facts<'static> {
    Facts {
        text: "why is the sky blue",
        intent: None,
        privacy: Privacy::Anywhere,
        demanded: None,
        deadline: None,
        likeness: 0.7,
        local: Some(seconds(1)),
        hybrid: Hybrid::Planned(forecast()),
        left: Left::default(),
        no_room: None,
    }
}

fn forecast() -> Forecast {
    Forecast { took: seconds(2), money_micros: 40, metered_bytes: 3_000, stays: false }
}

fn heating(confidence: f64, acts: bool) -> Option<IntentFacts> {
    Some(IntentFacts { name: "heating_set".to_owned(), confidence, acts })
}

fn route(facts: &Facts<'_>) -> Option<Route> {
    decide(&Policy::default(), facts).route
}

fn standing(decision: &Decision, route: Route) -> &Standing {
    &decision.considered.iter().find(|considered| considered.route == route).unwrap().standing
}

#[test]
fn what_is_understood_is_done_and_what_is_not_is_answered() {
    assert_eq!(route(&Facts { intent: heating(1.0, true), ..facts() }), Some(Route::Action));
    assert_eq!(route(&facts()), Some(Route::Hybrid));
    for intent in [heating(0.7, true), heating(1.0, false)] {
        assert_eq!(route(&Facts { intent, ..facts() }), Some(Route::Hybrid));
    }
}

#[test]
fn an_easy_question_asks_nobody() {
    assert_eq!(route(&Facts { likeness: 0.97, ..facts() }), Some(Route::Local));
    let alone = Facts { likeness: 0.97, local: None, ..facts() };
    assert_eq!(route(&alone), Some(Route::Hybrid));
}

#[test]
fn without_a_target_hard_questions_wait_and_others_are_answered_here() {
    let away = Hybrid::OutOfReach { since: seconds(9) };
    let asked = |likeness| Facts { likeness, hybrid: away.clone(), ..facts() };
    assert_eq!(route(&asked(0.7)), Some(Route::Local));
    assert_eq!(route(&asked(0.2)), Some(Route::Deferred));
    let urgent = Facts { deadline: Some(seconds(30)), ..asked(0.2) };
    assert_eq!(route(&urgent), Some(Route::Local), "an answer in a minute is too late");
    let full = Facts { no_room: Some("64 requests are waiting".to_owned()), ..asked(0.2) };
    assert_eq!(route(&full), Some(Route::Local));
    assert_eq!(route(&Facts { local: None, ..full }), None);
    assert_eq!(route(&Facts { local: None, ..asked(0.7) }), Some(Route::Deferred));
}

#[test]
fn a_budget_keeps_a_request_here_and_says_so() {
    for (left, unit) in [
        (Left { money_micros: Some((39, "the day")), ..Left::default() }, "millionths"),
        (Left { metered_bytes: Some((2_999, "the month")), ..Left::default() }, "metered bytes"),
    ] {
        let decision = decide(&Policy::default(), &Facts { left, ..facts() });
        assert_eq!(decision.route, Some(Route::Local));
        let Standing::Impossible(why) = standing(&decision, Route::Hybrid) else { panic!() };
        assert!(why.to_string().contains(unit), "{why}");
    }
    let left =
        Left { money_micros: Some((40, "the day")), metered_bytes: Some((3_000, "the day")) };
    assert_eq!(route(&Facts { left, ..facts() }), Some(Route::Hybrid), "to the last of it");
}

#[test]
fn who_cannot_wait_gets_what_is_there_in_time() {
    let asked = |ms| Facts { deadline: Some(Duration::from_millis(ms)), ..facts() };
    assert_eq!(route(&asked(2_000)), Some(Route::Hybrid));
    assert_eq!(route(&asked(1_999)), Some(Route::Local));
    assert_eq!(route(&asked(999)), None);
}

#[test]
fn what_may_not_leave_is_answered_by_what_stays() {
    let private = Facts { privacy: Privacy::Device, ..facts() };
    assert_eq!(route(&private), Some(Route::Local));
    let staying = Hybrid::Planned(Forecast { stays: true, ..forecast() });
    assert_eq!(route(&Facts { hybrid: staying, ..private.clone() }), Some(Route::Hybrid));
    assert_eq!(
        route(&Facts { local: None, ..private }),
        None,
        "it is not put off to be sent later"
    );
}

#[test]
fn a_demanded_route_is_taken_or_none() {
    for demanded in [Route::Local, Route::Hybrid, Route::Deferred] {
        assert_eq!(route(&Facts { demanded: Some(demanded), ..facts() }), Some(demanded));
    }
    let decision = decide(&Policy::default(), &Facts { demanded: Some(Route::Action), ..facts() });
    assert_eq!(decision.route, None);
    assert_eq!(standing(&decision, Route::Action), &Standing::Impossible(Hindrance::NoIntent));
    let Standing::Impossible(why) = standing(&decision, Route::Local) else { panic!() };
    assert_eq!(why.to_string(), "the request asks for action and nothing else");
}
