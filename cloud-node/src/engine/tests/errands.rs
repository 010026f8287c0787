//! What is done between two passes.

use super::*;
use runtime::SegmentFormat;

fn shared() -> KvOptions {
    KvOptions { scope: PrefixScope::of("peer"), ..KvOptions::default() }
}

fn all() -> LayerRange {
    LayerRange::all(2)
}

/// Hidden states into the last layer, and the KV of the first.
async fn first_layer(engine: &Engine, text: &[TokenId]) -> Vec<f32> {
    let layers = LayerRange::new(0, 1).unwrap();
    let run = StageSpec { layers, embedding: true, head: false };
    let sequence = engine.open(KvOptions::default());
    engine.run(Job { run, choose: None, ..job(&sequence, 0, text) }).await.unwrap().hidden
}

fn last_layer(sequence: &Arc<Sequence>, base: u32, tokens: &[TokenId], values: Vec<f32>) -> Job {
    let layers = LayerRange::new(1, 2).unwrap();
    let run = StageSpec { layers, embedding: false, head: true };
    Job {
        run,
        rows: Rows::Hidden { values, tokens: tokens.to_vec() },
        ..job(sequence, base, tokens)
    }
}

/// Goal: an errand sees what the jobs before it have left, though many batches are between. Method: a
/// job in batches of seven rows and, at once with it, an errand of the same sequence, and one of none.
#[tokio::test(flavor = "multi_thread")]
async fn an_errand_waits_for_the_jobs_of_its_sequence_and_for_no_others() {
    let engine = engine(1024, 7);
    let sequence = engine.open(shared());
    let text = tokens(1, 70);
    let adopt = engine.adopt(&sequence, all(), Position(70), tokens(2, 40));
    let other = engine.between_passes(None, |hold| hold.open.len());
    let (done, adopted, open) =
        tokio::join!(biased; engine.run(job(&sequence, 0, &text)), adopt, other);
    assert_eq!(done.unwrap().chosen.len(), 70);
    assert_eq!(adopted.unwrap(), 0, "70 positions are held, and of the rest none is known");
    assert!(open.unwrap() <= 1);
    let gap = engine.adopt(&sequence, all(), Position(71), tokens(2, 40)).await.unwrap_err();
    assert!(matches!(gap, EngineError::Gap { base: Position(71), held: 70 }), "{gap:?}");
    let gap = engine.adopt(&sequence, all(), Position(1), tokens(2, 40)).await.unwrap_err();
    assert!(matches!(gap, EngineError::Gap { held: 0, .. }), "nothing is held after a gap");
}

/// Goal: KV of hidden states is found under the text that they are told to be of, whatever the batches.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_reads_hidden_states_knows_their_text() {
    let engine = engine(1024, 7);
    let text = tokens(5, 80);
    let width = engine.stage.config().width;
    let hidden = first_layer(&engine, &text).await;
    let alone = engine.open(KvOptions::default());
    let expected = engine.run(last_layer(&alone, 0, &text, hidden.clone())).await.unwrap().chosen;
    let first = engine.open(shared());
    engine.run(last_layer(&first, 0, &text[..40], hidden[..40 * width].to_vec())).await.unwrap();
    engine.run(last_layer(&first, 40, &text[40..], hidden[40 * width..].to_vec())).await.unwrap();
    let (second, layers) = (engine.open(shared()), LayerRange::new(1, 2).unwrap());
    let known = engine.adopt(&second, layers, Position(0), text.clone()).await.unwrap();
    assert_eq!(known, 64, "two whole blocks");
    let rest = last_layer(&second, 64, &text[64..], hidden[64 * width..].to_vec());
    assert_eq!(engine.run(rest).await.unwrap().chosen, expected[64..]);
    let names = engine.stage.segments(&shared(), &text).unwrap();
    for (layers, held) in [(layers, true), (all(), false)] {
        let name = names.at(1, layers, SegmentFormat::Exact).unwrap();
        let bytes = engine.export(name.text(), layers).await;
        assert_eq!(bytes.map(|bytes| bytes.len()), held.then(|| *name.sizes().end()), "{layers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_errand_that_panics_fails_alone() {
    let engine = engine(256, 7);
    let failed = engine.between_passes(None, |_| panic!("as the test wants it")).await;
    assert!(matches!(failed, Err::<(), _>(EngineError::Stopped)));
    engine.run(job(&engine.open(shared()), 0, &tokens(1, 3))).await.unwrap();
}
