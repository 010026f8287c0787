//! What whole replies of both endpoints have in common.

use super::{Ending, Event, Head, Outcome, Usage};
use crate::extension::Route;
use serde::Serialize;

/// A reply around its choices.
#[derive(Serialize)]
pub(super) struct Whole<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<C>,
    usage: &'a Usage,
    causeway: Causeway<'a>,
}

/// What a reply has beyond OpenAI's.
#[derive(Serialize)]
struct Causeway<'a> {
    route: Route,
    plan: Option<&'a str>,
    verified: Vec<bool>,
    events: &'a [Event],
    conversation: Option<&'a str>,
    deferred: Option<&'a str>,
    intent: Option<&'a str>,
    outcome: Option<&'a Outcome>,
}

/// What one of several choices has beyond OpenAI's.
#[derive(Serialize)]
pub(super) struct Verified<'a> {
    pub(super) verified: &'a [bool],
}

impl<'a> Verified<'a> {
    /// Beside one choice alone stands nothing: its marks are the reply's.
    pub(super) fn beside(verified: &'a [bool], choices: usize) -> Option<Self> {
        (choices > 1).then_some(Self { verified })
    }
}

impl<'a, C> Whole<'a, C> {
    /// With the marks of all choices, one choice after the other.
    pub(super) fn new(object: &'static str, about: About<'a>, choices: Vec<C>) -> Self {
        let About { head, usage, ending, events, verified } = about;
        Self {
            id: &head.id,
            object,
            created: head.created,
            model: &head.model,
            choices,
            usage,
            causeway: Causeway {
                route: ending.route,
                plan: ending.plan.as_deref(),
                verified,
                events,
                conversation: ending.conversation.as_deref(),
                deferred: ending.deferred.as_deref(),
                intent: ending.intent.as_deref(),
                outcome: ending.outcome.as_ref(),
            },
        }
    }
}

/// What a reply says beside its choices.
pub(super) struct About<'a> {
    pub(super) head: &'a Head,
    pub(super) usage: &'a Usage,
    pub(super) ending: &'a Ending,
    pub(super) events: &'a [Event],
    pub(super) verified: Vec<bool>,
}
