//! What holds of every request under every policy.

use super::*;

/// Every value that a fact may have, as far as it makes a difference.
fn every_request(mut see: impl FnMut(&Facts<'_>)) {
    let hybrids = [
        Hybrid::None,
        Hybrid::OutOfReach { since: seconds(3) },
        Hybrid::NoPlan("the cloud is full".to_owned()),
        Hybrid::Planned(forecast()),
        Hybrid::Planned(Forecast { stays: true, ..forecast() }),
    ];
    let demands = Route::ALL.into_iter().map(Some).chain([None]);
    for demanded in demands {
        for hybrid in &hybrids {
            for privacy in [Privacy::Device, Privacy::Site, Privacy::Anywhere] {
                for likeness in [0.2, 0.7, 0.99] {
                    for at in 0..128_u32 {
                        let is = |bit: u32| at >> bit & 1 == 1;
                        let tight =
                            |amount, whose| if is(0) { Some((amount, whose)) } else { None };
                        see(&Facts {
                            text: if is(1) { "call the doctor" } else { "why is the sky blue" },
                            intent: if is(2) { heating(1.0, is(3)) } else { None },
                            privacy,
                            demanded,
                            deadline: is(4).then_some(Duration::from_millis(1_500)),
                            likeness,
                            local: is(5).then_some(seconds(1)),
                            hybrid: hybrid.clone(),
                            left: Left { money_micros: tight(10, "the day"), metered_bytes: None },
                            no_room: is(6).then(|| "64 are waiting".to_owned()),
                        });
                    }
                }
            }
        }
    }
}

/// Goal: whatever is asked, one route is taken or none; what is taken is allowed, within privacy, budget and
/// deadline; and what was not taken is explained. Method: all combinations of facts, under two policies.
#[test]
fn one_outcome_for_every_request_and_no_bound_is_broken() {
    let strict: Policy = toml::from_str(
        "routes = ['local', 'hybrid', 'deferred']\n[[rules]]\nname = 'private'\nsays = ['doctor']\n\
         class = 'device'",
    )
    .unwrap();
    let mut routes = std::collections::BTreeMap::<_, u32>::new();
    for policy in [&Policy::default(), &strict] {
        every_request(|facts| {
            let decision = decide(policy, facts);
            *routes.entry(decision.route).or_default() += 1;
            assert_eq!(decision.considered.len(), Route::ALL.len());
            let chosen = decision
                .considered
                .iter()
                .filter(|considered| matches!(considered.standing, Standing::Chosen(_)));
            let chosen: Vec<_> = chosen.map(|considered| considered.route).collect();
            assert_eq!(chosen, Vec::from_iter(decision.route), "{facts:?}");
            let possible = decision
                .considered
                .iter()
                .any(|considered| !matches!(considered.standing, Standing::Impossible(_)));
            assert_eq!(possible, decision.route.is_some(), "refused where something is possible");
            assert!(decision.class <= facts.privacy);
            let Some(route) = decision.route else { return };
            assert!(policy.routes.contains(&route));
            assert!(facts.demanded.is_none_or(|demanded| demanded == route));
            let leaves = match (route, &facts.hybrid) {
                (Route::Hybrid, Hybrid::Planned(forecast)) => {
                    assert!(facts.left.money_micros.is_none(), "40 of 10 are spent");
                    assert!(facts.deadline.is_none(), "two seconds are too long");
                    !forecast.stays
                }
                (Route::Hybrid, _) => panic!("there is no plan: {facts:?}"),
                (Route::Deferred, _) => true,
                (Route::Action | Route::Local, _) => false,
            };
            assert!(!leaves || decision.class != Privacy::Device, "it would leave: {facts:?}");
        });
    }
    assert_eq!(routes.len(), 5, "every route and the refusal happen: {routes:?}");
}
