//! Admission against small limits.

use super::*;
use base::{NodeName, Role};
use std::time::Duration;

const LIMITS: Limits = Limits {
    sessions_max: 3,
    sessions_per_peer_max: 2,
    kv_tokens_max: 1,
    positions_per_session_max: 100,
    retry_after: Duration::from_secs(1),
    drain: Duration::from_secs(1),
    orphan: Duration::from_secs(60),
};

/// Of the pool; tokens say nothing here.
const KV_MAX: ByteCount = ByteCount(100);

fn key(name: &str, session: u8) -> SessionKey {
    let peer = Peer::new(Role::Device, NodeName::new(name).unwrap());
    SessionKey { peer, session: SessionId([session; 16]) }
}

/// Admits with a state that says which admission made it.
fn admit(
    registry: &mut Registry<&'static str>,
    key: &SessionKey,
    kv: u64,
    fresh: &'static str,
) -> Result<(Turn, &'static str), Refusal> {
    registry.admit(key, Epoch(5), ByteCount(kv), || fresh)
}

#[test]
fn each_limit_refuses_at_its_edge() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    admit(&mut registry, &key("a", 1), 40, "").unwrap();
    admit(&mut registry, &key("a", 2), 40, "").unwrap();
    let refused = |registry: &mut _, key, kv| admit(registry, &key, kv, "").unwrap_err();
    assert_eq!(refused(&mut registry, key("a", 3), 1), Refusal::PeerSessions { sessions_max: 2 });
    let full = Refusal::Memory { kv: ByteCount(21), free: ByteCount(20) };
    assert_eq!(refused(&mut registry, key("b", 1), 21), full);
    admit(&mut registry, &key("b", 1), 20, "").unwrap();
    assert_eq!(refused(&mut registry, key("c", 1), 0), Refusal::Sessions { sessions_max: 3 });
}

#[test]
fn what_a_session_held_is_free_again_when_it_is_removed() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (turn, _) = admit(&mut registry, &key("a", 1), 100, "").unwrap();
    registry.remove(&key("a", 1), turn);
    assert_eq!(registry.served(), 0);
    admit(&mut registry, &key("b", 1), 100, "").unwrap();
}

#[test]
fn the_same_peer_takes_its_session_over_and_the_older_turn_is_void() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (old, _) = admit(&mut registry, &key("a", 1), 60, "first").unwrap();
    let (new, state) = admit(&mut registry, &key("a", 1), 80, "second").unwrap();
    assert_eq!(state, "first");
    registry.remove(&key("a", 1), old);
    registry.leave(&key("a", 1), old, Instant::now());
    assert_eq!(registry.served(), 1, "a void turn ends nothing");
    admit(&mut registry, &key("b", 1), 21, "").unwrap_err();
    registry.remove(&key("a", 1), new);
    assert_eq!(registry.served(), 0);
}

#[test]
fn a_session_that_asks_for_less_keeps_what_it_may_have_filled() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    admit(&mut registry, &key("a", 1), 100, "").unwrap();
    admit(&mut registry, &key("a", 1), 1, "").unwrap();
    let refused = admit(&mut registry, &key("b", 1), 1, "").unwrap_err();
    assert_eq!(refused, Refusal::Memory { kv: ByteCount(1), free: ByteCount(0) });
}

/// A lost packet may let the Open of an older channel arrive last.
#[test]
fn an_open_that_was_overtaken_takes_nothing_over() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (turn, _) = admit(&mut registry, &key("a", 1), 10, "").unwrap();
    let late = registry.admit(&key("a", 1), Epoch(4), ByteCount(10), || "");
    assert_eq!(late, Err(Refusal::Outdated { newest: Epoch(5) }));
    registry.remove(&key("a", 1), turn);
    assert_eq!(registry.served(), 0);
}

#[test]
fn another_peer_with_the_same_id_gets_a_session_of_its_own() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (_, state) = admit(&mut registry, &key("a", 1), 10, "of a").unwrap();
    assert_eq!(state, "of a");
    let (turn, state) = admit(&mut registry, &key("b", 1), 10, "of b").unwrap();
    assert_eq!(state, "of b");
    registry.remove(&key("b", 1), turn);
    assert_eq!(registry.served(), 1);
}

#[test]
fn an_orphan_is_found_again_until_its_time_is_over() {
    let start = Instant::now();
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (turn, _) = admit(&mut registry, &key("a", 1), 10, "first").unwrap();
    registry.leave(&key("a", 1), turn, start);
    assert_eq!(registry.served(), 0);
    registry.expire(start + LIMITS.orphan - Duration::from_millis(1));
    let (turn, state) = admit(&mut registry, &key("a", 1), 10, "second").unwrap();
    assert_eq!(state, "first");
    registry.expire(start + 2 * LIMITS.orphan);
    assert_eq!(registry.served(), 1, "a session that is served does not expire");
    registry.leave(&key("a", 1), turn, start);
    registry.expire(start + LIMITS.orphan);
    let (_, state) = admit(&mut registry, &key("a", 1), 10, "third").unwrap();
    assert_eq!(state, "third");
}

#[test]
fn orphans_make_room_the_oldest_first_and_the_served_never() {
    let start = Instant::now();
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (younger, _) = admit(&mut registry, &key("a", 1), 40, "younger").unwrap();
    let (older, _) = admit(&mut registry, &key("b", 1), 40, "older").unwrap();
    registry.leave(&key("b", 1), older, start);
    registry.leave(&key("a", 1), younger, start + Duration::from_secs(1));
    admit(&mut registry, &key("c", 1), 60, "").unwrap();
    let (_, state) = admit(&mut registry, &key("a", 1), 40, "fresh").unwrap();
    assert_eq!(state, "younger", "only the older one had to go");
    admit(&mut registry, &key("b", 1), 1, "").unwrap_err();
}

#[test]
fn a_peer_at_its_limit_loses_its_own_orphan_and_nobody_elses() {
    let start = Instant::now();
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (other, _) = admit(&mut registry, &key("b", 1), 1, "of b").unwrap();
    registry.leave(&key("b", 1), other, start);
    admit(&mut registry, &key("a", 1), 1, "").unwrap();
    let (turn, _) = admit(&mut registry, &key("a", 2), 1, "").unwrap();
    admit(&mut registry, &key("a", 3), 1, "").unwrap_err();
    registry.leave(&key("a", 2), turn, start + Duration::from_secs(1));
    admit(&mut registry, &key("a", 3), 1, "").unwrap();
    assert_eq!(admit(&mut registry, &key("b", 1), 1, "fresh").unwrap().1, "of b");
}

#[test]
fn a_node_that_drains_admits_nobody() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    admit(&mut registry, &key("a", 1), 1, "").unwrap();
    registry.drain();
    assert_eq!(admit(&mut registry, &key("a", 1), 1, ""), Err(Refusal::Draining));
    assert_eq!(registry.served(), 1);
}

/// Waiting would not help, so that the peer is not told to come back.
#[test]
fn a_session_larger_than_the_pool_is_no_matter_of_time() {
    let mut registry = Registry::new(LIMITS, KV_MAX);
    let (kv, kv_max) = (ByteCount(101), KV_MAX);
    let refused = admit(&mut registry, &key("a", 1), 101, "").unwrap_err();
    assert_eq!(refused, Refusal::TooMuch { kv, kv_max });
}
