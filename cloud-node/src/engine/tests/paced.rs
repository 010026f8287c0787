//! The engine as a task under a paused clock: what takes time there, and in which order.

use super::*;
use settings::Pace;
use tokio::time::sleep;
use transport::clock;

/// Of every pass, and of each of its rows.
const PACE: Pace = Pace { decode_ms: 1_000.0, per_row_ms: 10.0 };

/// What a pass of so many rows takes.
fn pass(rows: u64) -> Duration {
    Duration::from_millis(1_000 + 10 * rows)
}

fn engine() -> Arc<Engine> {
    let (threads, pace, runs_on) = (1, PACE, RunsOn::Runtime);
    let options = EngineOptions { threads, pace, runs_on, ..EngineOptions::default() };
    Engine::start(stage(), 1024, options, None).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_pass_takes_its_pace_and_computing_takes_nothing() {
    let engine = engine();
    let started = clock::now();
    let done = engine.run(job(&engine.open(KvOptions::default()), 0, &tokens(1, 20))).await;
    assert_eq!(done.unwrap().took, pass(20));
    assert_eq!(clock::now() - started, pass(20));
}

/// Goal: what comes while a pass is paced finds a busy machine. Method: two jobs that come during
/// the first one's pass; they share the next.
#[tokio::test(start_paused = true)]
async fn nothing_else_is_taken_up_while_a_pass_waits_for_its_time() {
    let engine = engine();
    let started = clock::now();
    let late = async |after_ms, rows| {
        sleep(Duration::from_millis(after_ms)).await;
        let done = engine.run(job(&engine.open(KvOptions::default()), 0, &tokens(2, rows))).await;
        (done.unwrap().took, clock::now() - started)
    };
    let (first, second, third) = tokio::join!(late(0, 5), late(1, 3), late(900, 4));
    assert_eq!(first, (pass(5), pass(5)));
    assert_eq!(second, (pass(7), pass(5) + pass(7)));
    assert_eq!(third, second);
}

/// Goal: a pass that nobody waits for ends at once, and the sequence goes on as if it had not been.
#[tokio::test(start_paused = true)]
async fn a_paced_pass_ends_as_soon_as_nobody_waits_for_it() {
    let engine = engine();
    let (text, moment) = (tokens(1, 20), Duration::from_millis(100));
    let [alone, left] = [(); 2].map(|()| engine.open(KvOptions::default()));
    let expected = engine.run(job(&alone, 0, &text)).await.unwrap().chosen;
    let started = clock::now();
    tokio::time::timeout(moment, engine.run(job(&left, 0, &text))).await.unwrap_err();
    let done = engine.run(job(&left, 0, &text)).await.unwrap();
    assert_eq!(done.chosen, expected);
    assert_eq!(clock::now() - started, moment + pass(20));
}

/// Method: two sequences in one pass, and only one of them is waited for until its end.
#[tokio::test(start_paused = true)]
async fn a_pass_that_somebody_waits_for_goes_on() {
    let engine = engine();
    let started = clock::now();
    let [one, other] = [(); 2].map(|()| engine.open(KvOptions::default()));
    let impatient =
        tokio::time::timeout(Duration::from_millis(100), engine.run(job(&one, 0, &tokens(1, 5))));
    let (impatient, patient) = tokio::join!(impatient, engine.run(job(&other, 0, &tokens(2, 3))));
    impatient.unwrap_err();
    assert_eq!(patient.unwrap().took, pass(8));
    assert_eq!(clock::now() - started, pass(8));
}

/// Goal: busy time is that of passes, each counted once however many jobs it has. Method: idle time,
/// a shared pass, and one that is given up.
#[tokio::test(start_paused = true)]
async fn the_engine_is_busy_for_as_long_as_its_passes_take() {
    let engine = engine();
    let moment = Duration::from_millis(100);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(engine.busy(), Duration::ZERO);
    let [one, other] = [(); 2].map(|()| engine.open(KvOptions::default()));
    let (text, more) = (tokens(1, 5), tokens(2, 3));
    let (first, second) =
        tokio::join!(engine.run(job(&one, 0, &text)), engine.run(job(&other, 0, &more)));
    assert_eq!((first.unwrap().took, second.unwrap().took), (pass(8), pass(8)));
    assert_eq!(engine.busy(), pass(8));
    tokio::time::timeout(moment, engine.run(job(&one, 5, &text))).await.unwrap_err();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(engine.busy(), pass(8) + moment);
}

#[tokio::test(start_paused = true)]
async fn the_engine_is_crowded_for_a_sequence_while_it_works_for_another() {
    let engine = engine();
    let [one, other] = [(); 2].map(|()| engine.open(KvOptions::default()));
    let crowded = || (engine.is_crowded_for(&one), engine.is_crowded_for(&other));
    let text = tokens(1, 5);
    assert_eq!(crowded(), (false, false), "nobody works");
    engine.run(job(&one, 0, &text)).await.unwrap();
    assert_eq!(crowded(), (false, true), "it had the last batch");
    let (running, given_up) = tokio::join!(engine.run(job(&one, 5, &text)), async {
        let moment = Duration::from_millis(100);
        sleep(moment).await;
        let waits = tokio::time::timeout(moment, engine.run(job(&other, 0, &text)));
        let (given_up, ()) = tokio::join!(biased; waits, async {
            assert_eq!(crowded(), (true, true), "by a job that waits");
        });
        given_up
    });
    running.unwrap();
    given_up.unwrap_err();
    assert_eq!(crowded(), (false, true), "one that nobody waits for does not count");
}
