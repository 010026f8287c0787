//! Many who compile at once: who waits, who is turned away, and what they share.

use super::grammars;
use crate::places::Places;
use crate::{Compiled, GrammarError, limits};
use base::Grammar;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const CALLERS: usize = 16;

/// What as many callers as [`CALLERS`] get who all ask at once, for what `of` says.
fn all_at_once(of: impl Fn(usize) -> Grammar) -> Vec<Result<Arc<Compiled>, GrammarError>> {
    let (grammars, begin) = (grammars(), Barrier::new(CALLERS));
    thread::scope(|scope| {
        let ask = |n| {
            let (grammar, grammars, begin) = (of(n), &grammars, &begin);
            scope.spawn(move || {
                begin.wait();
                grammars.compile(&grammar)
            })
        };
        let asking: Vec<_> = (0..CALLERS).map(ask).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

#[test]
fn callers_beyond_the_places_wait_for_one() {
    for compiled in all_at_once(|n| Grammar::Regex(format!("a{{{}}}", n + 1))) {
        compiled.unwrap();
    }
}

#[test]
fn equal_grammars_that_are_asked_for_at_once_are_shared() {
    let compiled = all_at_once(|_| Grammar::Regex("(ab|c){9}".to_owned()));
    let mut ways: Vec<_> = compiled.into_iter().map(|one| Arc::as_ptr(&one.unwrap())).collect();
    ways.sort_unstable();
    ways.dedup();
    assert!(ways.len() <= limits::COMPILING_MAX, "compiled {} times", ways.len());
}

#[test]
fn who_is_turned_away_holds_no_place() {
    let places = Arc::new(Places::default());
    let at_once = Duration::ZERO;
    let mut taken: Vec<_> =
        (0..limits::COMPILING_MAX).map(|_| places.take(at_once).unwrap()).collect();
    for _ in 0..3 {
        assert_eq!(places.take(at_once).unwrap_err(), GrammarError::Busy);
    }
    taken.pop();
    places.take(at_once).unwrap();
}

#[test]
fn who_waits_has_a_place_as_soon_as_one_is_left() {
    let places = Arc::new(Places::default());
    let mut taken: Vec<_> =
        (0..limits::COMPILING_MAX).map(|_| places.take(Duration::ZERO).unwrap()).collect();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| places.take(Duration::from_secs(60)).map(drop));
        taken.pop();
        waiting.join().unwrap().unwrap();
    });
}
