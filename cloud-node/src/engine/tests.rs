//! The engine on a random model of two layers.

mod errands;
mod paced;

use super::*;
use base::{LayerRange, StreamWindow};
use runtime::{ModelFile, Pool, PrefixScope};
use std::path::Path;
use std::sync::Arc;

pub(super) fn stage() -> Stage {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/micro/micro-quantized.gguf");
    let model = ModelFile::open(&path).unwrap();
    let threads = Arc::new(Pool::new(2).unwrap());
    model.load_stage(StageSpec::whole(model.config().layers), &threads).unwrap()
}

fn engine(tokens: usize, batch_rows_max: usize) -> Arc<Engine> {
    Engine::start(
        stage(),
        tokens,
        EngineOptions { threads: 2, batch_rows_max, ..EngineOptions::default() },
        None,
    )
    .unwrap()
}

pub(super) fn tokens(seed: u32, count: u32) -> Vec<TokenId> {
    (0..count).map(|i| TokenId((seed + i * 7) % 64)).collect()
}

pub(super) fn job(sequence: &Arc<Sequence>, base: u32, tokens: &[TokenId]) -> Job {
    Job {
        sequence: Arc::clone(sequence),
        run: StageSpec::whole(2),
        base: Position(base),
        rows: Rows::Tokens(tokens.to_vec()),
        choose: Some(Choose {
            rows: 0..tokens.len(),
            allowed: Vec::new(),
            sampling: Sampling::GREEDY,
            likelihoods: None,
        }),
    }
}

/// Goal: the batcher is invisible. Method: twelve sequences of many lengths, alone in one piece
/// and all at once in batches of seven rows; each then goes on from where it stands.
#[tokio::test(flavor = "multi_thread")]
async fn how_rows_are_batched_changes_no_token() {
    let (alone, crowded) = (engine(2048, 1024), engine(2048, 7));
    let mut running = Vec::new();
    for seed in 0..12 {
        let text = tokens(seed, 3 + 5 * seed);
        let (one, other) = (alone.open(KvOptions::default()), crowded.open(KvOptions::default()));
        let (expected, more) = (alone.run(job(&one, 0, &text)).await.unwrap(), tokens(seed + 1, 4));
        let at = Position::after(text.len()).0;
        let expected_more = alone.run(job(&one, at, &more)).await.unwrap();
        assert_eq!(expected.chosen.len(), text.len());
        let crowded = Arc::clone(&crowded);
        running.push(tokio::spawn(async move {
            let (first, second) = tokio::join!(
                biased;
                crowded.run(job(&other, 0, &text)),
                crowded.run(job(&other, at, &more)),
            );
            assert_eq!(first.unwrap().chosen, expected.chosen, "sequence {seed}");
            assert_eq!(second.unwrap().chosen, expected_more.chosen, "sequence {seed}");
        }));
    }
    for task in running {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_job_at_fault_fails() {
    let engine = engine(1024, 256);
    let (good, bad) = (engine.open(KvOptions::default()), engine.open(KvOptions::default()));
    let text = tokens(1, 20);
    let expected =
        engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap().chosen;
    let broken = [&text[..5], &[TokenId(u32::MAX)]].concat();
    let (good_done, bad_done) =
        tokio::join!(engine.run(job(&good, 0, &text)), engine.run(job(&bad, 0, &broken)));
    assert_eq!(good_done.unwrap().chosen, expected);
    let error = bad_done.unwrap_err();
    let input = matches!(error, EngineError::Forward(ForwardError::Input { .. }));
    assert!(input, "{error:?}");
    assert_eq!(engine.run(job(&bad, 0, &text)).await.unwrap().chosen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_past_what_is_held_are_refused_and_rows_before_it_roll_back() {
    let engine = engine(1024, 256);
    let sequence = engine.open(KvOptions::default());
    let text = tokens(3, 10);
    let gap = engine.run(job(&sequence, 1, &text)).await.unwrap_err();
    assert!(matches!(gap, EngineError::Gap { base: Position(1), held: 0 }), "{gap:?}");
    let whole = engine.run(job(&sequence, 0, &text)).await.unwrap().chosen;
    let again = engine.run(job(&sequence, 4, &text[4..])).await.unwrap().chosen;
    assert_eq!(again, whole[4..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_that_nobody_holds_frees_its_kv() {
    let engine = engine(64, 256);
    let text = tokens(1, 64);
    let first = engine.open(KvOptions::default());
    engine.run(job(&first, 0, &text)).await.unwrap();
    let full = engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap_err();
    let pool_full = matches!(full, EngineError::Forward(ForwardError::PoolFull { .. }));
    assert!(pool_full, "{full:?}");
    drop(first);
    engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_in_two_runs_choose_what_they_choose_in_one() {
    let engine = engine(1024, 8);
    let text = tokens(5, 20);
    let expected =
        engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap().chosen;
    let layer = |start| LayerRange::new(start, start + 1).unwrap();
    let head = Job {
        run: StageSpec { layers: layer(0), embedding: true, head: false },
        choose: None,
        ..job(&engine.open(KvOptions::default()), 0, &text)
    };
    let hidden = engine.run(head).await.unwrap().hidden;
    let tail = Job {
        run: StageSpec { layers: layer(1), embedding: false, head: true },
        rows: Rows::Hidden { values: hidden, tokens: text.clone() },
        ..job(&engine.open(KvOptions::default()), 0, &text)
    };
    assert_eq!(engine.run(tail).await.unwrap().chosen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_rows_that_are_asked_for_are_chosen_from() {
    let engine = engine(1024, 8);
    let text = tokens(5, 20);
    let expected =
        engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap().chosen;
    for rows in [0..0, 0..1, 7..9, 5..20, 20..20] {
        let choose = Choose {
            rows: rows.clone(),
            allowed: Vec::new(),
            sampling: Sampling::GREEDY,
            likelihoods: None,
        };
        let job = Job { choose: Some(choose), ..job(&engine.open(KvOptions::default()), 0, &text) };
        assert_eq!(engine.run(job).await.unwrap().chosen, expected[rows]);
    }
}

/// Goal: each row is held to what may follow it, however rows are batched. Method: of 20 rows the last 13 are chosen
/// from, all but the last of these among two tokens.
#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_chosen_among_what_may_follow_it() {
    let engine = engine(1024, 8);
    let text = tokens(5, 20);
    let expected =
        engine.run(job(&engine.open(KvOptions::default()), 0, &text)).await.unwrap().chosen;
    let pair = |row: u32| [TokenId(row), TokenId(63 - row)];
    let allowed = (7..19).map(|row| Allowed::Only(pair(row).into_iter().collect())).collect();
    let choose = Choose { rows: 7..20, allowed, sampling: Sampling::GREEDY, likelihoods: None };
    let job = Job { choose: Some(choose), ..job(&engine.open(KvOptions::default()), 0, &text) };
    let chosen = engine.run(job).await.unwrap().chosen;
    for (row, token) in (7..19).zip(&chosen) {
        assert!(pair(row).contains(token), "{token:?} behind row {row}");
    }
    assert_eq!(chosen[12], expected[19]);
    assert_ne!(chosen[..12], expected[7..19]);
}

/// Goal: sharing is seen in the time alone. Method: the same beginning again and again, in batches
/// of seven rows, each time with another end.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_that_share_a_beginning_choose_what_they_choose_alone() {
    let engine = engine(1024, 7);
    let shared = KvOptions { scope: PrefixScope::of("peer"), ..KvOptions::default() };
    for seed in 0..4 {
        let text = [tokens(1, 70), tokens(seed, 11)].concat();
        let alone = engine.open(KvOptions::default());
        let expected = engine.run(job(&alone, 0, &text)).await.unwrap().chosen;
        let last = Choose {
            rows: 70..81,
            allowed: Vec::new(),
            sampling: Sampling::GREEDY,
            likelihoods: None,
        };
        let sharing = engine.open(shared);
        let job = Job { choose: Some(last), ..job(&sharing, 0, &text) };
        assert_eq!(engine.run(job).await.unwrap().chosen, expected[70..], "sequence {seed}");
    }
}

/// A window forgets; who goes back further than it reaches begins again.
#[tokio::test(flavor = "multi_thread")]
async fn rows_before_what_a_window_keeps_are_a_gap_and_nothing_is_held_then() {
    let engine = engine(1024, 64);
    let stream = Some(StreamWindow::new(4, 64).unwrap());
    let sequence = engine.open(KvOptions { stream, ..KvOptions::default() });
    let text = tokens(2, 900);
    let whole = engine.run(job(&sequence, 0, &text)).await.unwrap().chosen;
    let again = engine.run(job(&sequence, 890, &text[890..])).await.unwrap().chosen;
    assert_eq!(again, whole[890..]);
    let gap = engine.run(job(&sequence, 100, &text[100..])).await.unwrap_err();
    assert!(matches!(gap, EngineError::Gap { base: Position(100), held: 0 }), "{gap:?}");
    let gap = engine.run(job(&sequence, 890, &text[890..])).await.unwrap_err();
    assert!(matches!(gap, EngineError::Gap { held: 0, .. }), "{gap:?}");
    assert_eq!(engine.run(job(&sequence, 0, &text)).await.unwrap().chosen, whole);
}
