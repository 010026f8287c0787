//! What calls take, and what turns take: printed where there is time, `SLOW_TESTS=1`.

use super::{Home, NOON, id, slow};
use crate::{Amount, By, Limits, RequestId, Route, Turn, UnixTime, Vouched};
use base::Privacy;
use std::time::{Duration, Instant};

fn microseconds(times: &mut [Duration]) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
    format!("p50 {} us, p95 {} us, max {} us", at(50), at(95), at(100))
}

fn timed(times: &mut Vec<Duration>, call: impl FnOnce()) {
    let start = Instant::now();
    call();
    times.push(start.elapsed());
}

#[test]
fn what_calls_and_turns_take() {
    if !slow() {
        println!("calls are timed by SLOW_TESTS=1 alone");
        return;
    }
    let home = Home::new();
    let mut journal =
        home.open_with(Limits { conversation_bytes_max: 4 << 20, ..Limits::default() });
    let by = By::Model { route: Route::Hybrid, vouched: Vouched::Verified };
    let text = "It will rain until noon, so take an umbrella. ".repeat(5);
    let turn = Turn { at: NOON, by, text };
    let (mut appends, mut reads, mut budgets) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..1_000 {
        timed(&mut appends, || {
            journal.append(id(1), Privacy::Anywhere, &turn).unwrap();
        });
        timed(&mut reads, || {
            journal.last_turns(id(1), 20, 8_192).unwrap();
        });
    }
    println!("append: {}", microseconds(&mut appends));
    println!("last 20 turns: {}", microseconds(&mut reads));
    println!("1000 turns of {} bytes: a file of {}", turn.text.len(), journal.bytes().unwrap());
    journal.store.rewrite().unwrap();
    println!("written anew: {}", journal.bytes().unwrap());
    let amount = Amount { tokens: 100, ..Amount::default() };
    for request in 0..300 {
        timed(&mut budgets, || {
            journal.reserve(RequestId(request), amount, NOON).unwrap().unwrap();
            journal.settle(RequestId(request), amount, NOON).unwrap();
        });
    }
    println!("reserve and settle: {}", microseconds(&mut budgets));
    let large = Turn { text: "x".repeat(200 << 10), ..turn };
    let mut conversation = 2;
    while journal.append(id(conversation), Privacy::Anywhere, &large).is_ok() {
        conversation += 1;
    }
    println!("a full journal: a file of {}", journal.bytes().unwrap());
    let (mut opening, mut forgetting) = (Vec::new(), Vec::new());
    drop(journal);
    let mut reopened = None;
    timed(&mut opening, || reopened = Some(home.open_with(Limits::default())));
    let mut journal = reopened.unwrap();
    timed(&mut forgetting, || journal.forget(id(2)).unwrap());
    println!("opened: {}", microseconds(&mut opening));
    println!("forgot, written anew: {}", microseconds(&mut forgetting));
    let tidied = journal.tidy(UnixTime(NOON.0 + 1)).unwrap();
    println!("tidied: {} conversations, {}", tidied.conversations.len(), tidied.bytes);
}
