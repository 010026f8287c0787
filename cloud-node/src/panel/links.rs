//! The links that are there, and what crossed those that were.

use base::Role;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use transport::{Link, Traffic, clock};

/// Links from below.
#[derive(Debug, Default)]
pub(crate) struct Links(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    open: BTreeMap<u64, Open>,
    /// Of links that are over, by the role of their peer.
    before: BTreeMap<&'static str, Traffic>,
}

/// A link that is there.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) link: Link,
    pub(crate) since: Instant,
}

/// A link's place among them, given up when it is dropped.
pub(crate) struct Entered<'a> {
    links: &'a Links,
    number: u64,
}

impl Links {
    /// A link is there, for as long as what this gives lives.
    pub(crate) fn enter(&self, link: &Link) -> Entered<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Open { link: link.clone(), since: clock::now() });
        Entered { links: self, number }
    }

    /// Those that are there, in the order in which they came.
    pub(crate) fn open(&self) -> Vec<Open> {
        self.state().open.values().cloned().collect()
    }

    /// What crossed all of them, by the role of their peer, also of those that are over.
    pub(crate) fn traffic(&self) -> BTreeMap<&'static str, Traffic> {
        let state = self.state();
        let mut traffic = state.before.clone();
        for role in [Role::Device, Role::Gateway] {
            traffic.entry(role.as_str()).or_default();
        }
        for Open { link, .. } in state.open.values() {
            add(&mut traffic, link);
        }
        traffic
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one step, so whatever panics around them leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut state = self.links.state();
        if let Some(Open { link, .. }) = state.open.remove(&self.number) {
            add(&mut state.before, &link);
        }
    }
}

fn add(traffic: &mut BTreeMap<&'static str, Traffic>, link: &Link) {
    let of_role = traffic.entry(link.peer().role.as_str()).or_default();
    *of_role = *of_role + link.traffic();
}
