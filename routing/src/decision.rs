//! From facts and policy to a route.

use crate::{Facts, Forecast, Hindrance, Hybrid, IntentFacts, Policy, Route, Rule};
use base::Privacy;
use std::time::Duration;

/// Which way a request goes, and why no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The way; `None` where the request is refused.
    pub route: Option<Route>,
    /// How far it may travel: as the request says, or less far by a rule.
    pub class: Privacy,
    /// The rules that apply.
    pub rules: Vec<String>,
    /// Every route, in the order of [`Route::ALL`].
    pub considered: Vec<Considered>,
}

/// What was found of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// The route.
    pub route: Route,
    /// How it stands.
    pub standing: Standing,
}

/// How a route stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// It is taken, and this speaks for it.
    Chosen(String),
    /// It could have been, and this speaks against it.
    Possible(String),
    /// It could not.
    Impossible(Hindrance),
}

/// What the policy says of one request.
struct Allowed<'a> {
    policy: &'a Policy,
    class: Privacy,
    /// The rules that apply, in the policy's order.
    rules: Vec<&'a Rule>,
}

/// Decides which way the request of `facts` goes. One that is refused has no route, and every route its
/// hindrance.
pub fn decide(policy: &Policy, facts: &Facts<'_>) -> Decision {
    let allowed = Allowed::new(policy, facts);
    let found = Route::ALL.map(|route| (route, allowed.hindrance(route, facts)));
    let is_possible = |route: Route| {
        found.iter().any(|(found, hindrance)| *found == route && hindrance.is_none())
    };
    let chosen = preferences(policy, facts).into_iter().find(|(route, _)| is_possible(*route));
    let considered = found.into_iter().map(|(route, hindrance)| {
        let standing = match (hindrance, &chosen) {
            (Some(hindrance), _) => Standing::Impossible(hindrance),
            (None, Some((taken, why))) if *taken == route => Standing::Chosen(why.clone()),
            (None, Some((_, why))) => Standing::Possible(why.clone()),
            (None, None) => unreachable!("every possible route is somebody's preference"),
        };
        Considered { route, standing }
    });
    Decision {
        considered: considered.collect(),
        route: chosen.map(|(route, _)| route),
        class: allowed.class,
        rules: allowed.rules.iter().map(|rule| rule.name.clone()).collect(),
    }
}

/// All routes, the best first, each with what speaks for it where those before it cannot be had.
fn preferences(policy: &Policy, facts: &Facts<'_>) -> [(Route, String); 4] {
    let percent = |chance: f64| format!("{:.0} %", chance * 100.0);
    let likeness = percent(facts.likeness);
    let action = match &facts.intent {
        Some(intent) => format!("{:?} is understood", intent.name),
        None => String::new(),
    };
    let action = (Route::Action, action);
    let hybrid = (Route::Hybrid, "the target answers".to_owned());
    let deferred = (Route::Deferred, "the target cannot be had now".to_owned());
    if facts.likeness >= policy.alone_from {
        let enough = percent(policy.alone_from);
        let why =
            format!("the device's own answer is as good in {likeness}, and {enough} are enough");
        return [action, (Route::Local, why), hybrid, deferred];
    }
    if facts.likeness < policy.wait_below {
        let least = percent(policy.wait_below);
        let why = format!("the device's own answer is as good in {likeness}, less than {least}");
        let local = (Route::Local, "there is no better answer".to_owned());
        return [action, hybrid, (Route::Deferred, why), local];
    }
    let why = format!(
        "the target cannot be had now, and the device's own answer is as good in {likeness}"
    );
    [action, hybrid, (Route::Local, why), deferred]
}

impl<'a> Allowed<'a> {
    fn new(policy: &'a Policy, facts: &'a Facts<'_>) -> Self {
        let intent = facts.intent.as_ref().map(|intent| intent.name.as_str());
        let rules = policy.rules_for(facts.text, intent, facts.privacy).collect();
        Self { policy, class: policy.class(facts.text, intent, facts.privacy), rules }
    }

    /// Why the request cannot go by `route`.
    fn hindrance(&self, route: Route, facts: &Facts<'_>) -> Option<Hindrance> {
        self.forbidden(route)
            .or_else(|| {
                let wanted = facts.demanded.unwrap_or(route);
                (wanted != route).then_some(Hindrance::NotDemanded(wanted))
            })
            .or_else(|| match route {
                Route::Action => self.action(facts),
                Route::Local => local(facts),
                Route::Hybrid => self.hybrid(facts),
                Route::Deferred => self.deferred(facts),
            })
    }

    fn forbidden(&self, route: Route) -> Option<Hindrance> {
        let refuses = self.rules.iter().find_map(|rule| {
            let (rule, reason) = (rule.name.clone(), rule.refuse.clone()?);
            Some(Hindrance::Refused { rule, reason })
        });
        let forbids =
            |rule: &&&Rule| rule.routes.as_ref().is_some_and(|routes| !routes.contains(&route));
        let by_rule = || {
            let rule = self.rules.iter().find(forbids)?;
            Some(Hindrance::Rule { rule: rule.name.clone() })
        };
        let listed = self.policy.routes.contains(&route);
        refuses.or_else(|| (!listed).then_some(Hindrance::NotAllowed)).or_else(by_rule)
    }

    fn action(&self, facts: &Facts<'_>) -> Option<Hindrance> {
        let Some(IntentFacts { name, confidence, acts }) = facts.intent.clone() else {
            return Some(Hindrance::NoIntent);
        };
        let least = self.policy.act_from;
        if confidence < least {
            return Some(Hindrance::Unsure { name, confidence, least });
        }
        (!acts).then_some(Hindrance::NoAction(name))
    }

    fn hybrid(&self, facts: &Facts<'_>) -> Option<Hindrance> {
        let forecast = match &facts.hybrid {
            Hybrid::None => return Some(Hindrance::NoTarget),
            Hybrid::OutOfReach { since } => return Some(Hindrance::OutOfReach { since: *since }),
            Hybrid::NoPlan(why) => return Some(Hindrance::NoPlan(why.clone())),
            Hybrid::Planned(forecast) => forecast,
        };
        let class = self.class;
        if class == Privacy::Device && !forecast.stays {
            return Some(Hindrance::Privacy { class });
        }
        over_budget(facts, forecast).or_else(|| late(forecast.took, facts.deadline))
    }

    fn deferred(&self, facts: &Facts<'_>) -> Option<Hindrance> {
        if self.class == Privacy::Device {
            return Some(Hindrance::Privacy { class: self.class });
        }
        if facts.hybrid == Hybrid::None {
            return Some(Hindrance::NoTarget);
        }
        let least = Duration::from_secs(self.policy.wait_s_min);
        late(least, facts.deadline).or_else(|| facts.no_room.clone().map(Hindrance::NoRoom))
    }
}

fn local(facts: &Facts<'_>) -> Option<Hindrance> {
    match facts.local {
        None => Some(Hindrance::NoModel),
        Some(takes) => late(takes, facts.deadline),
    }
}

fn over_budget(facts: &Facts<'_>, forecast: &Forecast) -> Option<Hindrance> {
    let over = |left: Option<(u64, &'static str)>, needs: u64, unit| {
        let (left, whose) = left?;
        (needs > left).then_some(Hindrance::OverBudget { whose, unit, needs, left })
    };
    over(facts.left.money_micros, forecast.money_micros, "millionths of the currency")
        .or_else(|| over(facts.left.metered_bytes, forecast.metered_bytes, "metered bytes"))
}

fn late(takes: Duration, deadline: Option<Duration>) -> Option<Hindrance> {
    let deadline = deadline?;
    (takes > deadline).then_some(Hindrance::Late { takes, deadline })
}
