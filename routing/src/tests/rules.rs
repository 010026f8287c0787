//! Policies as operators write them.

use super::*;

fn policy(text: &str) -> Policy {
    let policy: Policy = toml::from_str(text).unwrap();
    policy.check().unwrap();
    policy
}

/// Goal: a rule applies where all that it names is so, and nowhere else.
#[test]
fn a_rule_makes_a_request_more_private_never_less() {
    let policy = policy(
        "[[rules]]\nname = 'names'\nsays = ['my address', 'doctor']\nclass = 'device'\n\
         [[rules]]\nname = 'open'\nsays = ['doctor']\nclass = 'anywhere'",
    );
    let class = |text: &str| policy.class(text, None, Privacy::Site);
    assert_eq!(class("Call the DOCTOR, please"), Privacy::Device);
    assert_eq!(class("what is my  address?"), Privacy::Device);
    assert_eq!(class("what address is mine"), Privacy::Site);
    assert_eq!(class("the doctors"), Privacy::Site, "words, not letters");
    let private = Facts { text: "call the doctor", ..facts() };
    let decision = decide(&policy, &private);
    assert_eq!((decision.route, decision.class), (Some(Route::Local), Privacy::Device));
    assert_eq!(decision.rules, ["names", "open"]);
}

#[test]
fn a_rule_is_about_intents_and_classes() {
    let policy = policy(
        "[[rules]]\nname = 'doors'\nintents = ['door_*']\nclasses = ['anywhere']\nroutes = ['action']",
    );
    let ask = |name: &str, privacy| {
        let intent = Some(IntentFacts { name: name.to_owned(), confidence: 1.0, acts: false });
        decide(&policy, &Facts { intent, privacy, ..facts() })
    };
    let decision = ask("door_open", Privacy::Anywhere);
    assert_eq!(decision.route, None);
    let Standing::Impossible(why) = standing(&decision, Route::Hybrid) else { panic!() };
    assert_eq!(why.to_string(), "rule \"doors\" does not allow it");
    assert_eq!(ask("door_open", Privacy::Device).route, Some(Route::Local));
    assert_eq!(ask("window_open", Privacy::Anywhere).route, Some(Route::Hybrid));
}

#[test]
fn a_refusal_says_what_the_policy_says() {
    let policy = policy(
        "[[rules]]\nname = 'law'\nsays = ['sue']\nrefuse = 'ask a lawyer'\n[[rules]]\nname = 'b'\n\
         says = ['sue']\nroutes = []",
    );
    let decision = decide(&policy, &Facts { text: "should I sue?", ..facts() });
    assert_eq!(decision.route, None);
    for considered in &decision.considered {
        let Standing::Impossible(why) = &considered.standing else { panic!() };
        assert_eq!(why.to_string(), "ask a lawyer (rule \"law\")");
    }
}

#[test]
fn a_policy_may_do_without_a_route_whoever_demands_it() {
    let policy = policy("routes = ['action', 'local']");
    assert_eq!(decide(&policy, &facts()).route, Some(Route::Local));
    let demanding = Facts { demanded: Some(Route::Hybrid), ..facts() };
    let decision = decide(&policy, &demanding);
    assert_eq!(decision.route, None);
    assert_eq!(standing(&decision, Route::Hybrid), &Standing::Impossible(Hindrance::NotAllowed));
}

#[test]
fn a_policy_that_cannot_be_meant_is_refused_by_name() {
    for (text, expected) in [
        ("wait_below = 1.5", "wait_below is 1.5; a chance is from 0 to 1"),
        ("act_from = nan", "act_from is NaN; a chance is from 0 to 1"),
        (
            "wait_below = 0.9\nalone_from = 0.8",
            "wait_below is 0.9 and alone_from 0.8; it must not be larger",
        ),
        ("[[rules]]\nsays = ['a']\nroutes = []", "rule 1 has no name; explanations need one"),
        (
            "[[rules]]\nname = 'x'\nsays = ['a']",
            "rule \"x\" does nothing: it needs class, routes or refuse",
        ),
        (
            "routes = ['local', 'deferred']",
            "routes allows deferred and not hybrid: what waits goes to the target in the end",
        ),
        (
            "[[rules]]\nname = 'x'\nsays = ['a']\nroutes = ['deferred']",
            "rule \"x\" allows deferred and not hybrid: what waits goes to the target in the end",
        ),
        (
            "[[rules]]\nname = 'x'\nroutes = []",
            "rule \"x\" is for every request: it needs intents, says or classes",
        ),
    ] {
        let policy: Policy = toml::from_str(text).unwrap();
        assert_eq!(policy.check().unwrap_err().to_string(), expected);
    }
    assert!(toml::from_str::<Policy>("rulez = []").is_err());
    assert_eq!(Policy::default().check(), Ok(()));
}
