//! Against a sequence that was never anything else, on the committed random model.

use super::*;
use crate::local_model::LocalModel;
use base::{Allowed, KvFormat, LayerRange, Sampling, StreamWindow};
use runtime::PrefixScope;
use std::path::Path;

fn threads() -> Arc<Pool> {
    Arc::new(Pool::new(1).unwrap())
}

fn model() -> ModelFile {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/micro");
    ModelFile::open(&golden.join("micro-quantized.gguf")).unwrap()
}

fn sequence(spec: StageSpec) -> StageSequence {
    sequence_with(spec, &KvOptions::default())
}

fn sequence_with(spec: StageSpec, kv: &KvOptions) -> StageSequence {
    StageSequence::load(&model(), spec, &threads(), 256, kv, Pace::default()).unwrap()
}

fn whole() -> StageSpec {
    StageSpec::whole(model().config().layers)
}

fn text(seed: u32, length: u32) -> Vec<TokenId> {
    let vocab = u32::try_from(model().config().vocab).unwrap();
    (0..length).map(|at| TokenId((at * 37 + seed * 101 + at * at) % vocab)).collect()
}

fn values(output: SpanOutput) -> Vec<f32> {
    match output {
        SpanOutput::Hidden(values) | SpanOutput::Logits(values) => values,
    }
}

/// Goal: what was held before never shows. Method: one sequence is led through texts that grow,
/// shrink and differ from any position on; each output is compared bit for bit with a fresh one's.
#[test]
fn a_sequence_that_was_cut_and_regrown_gives_the_bits_of_a_fresh_one() {
    let mut kept = sequence(whole());
    let (a, b) = (text(1, 120), text(2, 40));
    let mixed = [&a[..80], &b[..]].concat();
    for (text, from) in [
        (&a[..5], 4),
        (&a[..120], 119),
        (&a[..80], 70),
        (&mixed[..], 109),
        (&mixed[..90], 80),
        (&b[..40], 39),
        (&b[..40], 39),
    ] {
        let fresh = values(sequence(whole()).run(text, from).unwrap());
        assert_eq!(values(kept.run(text, from).unwrap()), fresh, "{} from {from}", text.len());
        assert_eq!(kept.len(), text.len());
    }
}

#[test]
fn a_stage_without_a_head_gives_hidden_states_of_the_rows_asked_for() {
    let layers = LayerRange::new(0, 1).unwrap();
    let mut stage = sequence(StageSpec { layers, embedding: true, head: false });
    let rows = values(stage.run(&text(1, 9), 6).unwrap());
    assert_eq!(rows.len(), 3 * model().config().width);
}

#[test]
fn a_text_past_the_context_is_an_error() {
    let longer = text(1, model().config().context_length.max(256) + 300);
    assert!(sequence(whole()).run(&longer, longer.len() - 1).is_err());
}

/// Goal: an emulated machine costs no thread; whoever uses a result waits for it. Method: under a
/// paused clock computing takes no time, so that all of the pace is owed.
#[tokio::test(start_paused = true)]
async fn a_paced_model_owes_what_the_emulated_machine_would_still_take() {
    let (kv, pace) = (KvOptions::default(), Pace { decode_ms: 40.0, per_row_ms: 3.0 });
    let mut paced = LocalModel::new(
        StageSequence::load(&model(), whole(), &threads(), 256, &kv, pace).unwrap(),
    );
    paced.next(&text(1, 5), &Allowed::Any, &Sampling::GREEDY).unwrap();
    let pass = Duration::from_millis(40 + 5 * 3);
    assert_eq!(paced.take_owed(), pass, "what it lacked is in the pass that chooses");
    assert_eq!(paced.take_owed(), Duration::ZERO);
}

#[test]
fn a_model_that_follows_holds_all_but_the_last_few_tokens() {
    let mut local = LocalModel::new(sequence(whole()));
    local.follow(&text(1, 15)).unwrap();
    assert_eq!(local.behind(15), 15);
    local.follow(&text(1, 16)).unwrap();
    assert_eq!(local.behind(16), 0);
}

/// Of a text without an end, seen through a window.
fn stream() -> StageSequence {
    let stream = Some(StreamWindow::new(4, 64).unwrap());
    let scope = PrefixScope::of("device");
    let kv = KvOptions { format: KvFormat::Q8, stream, scope, ..KvOptions::default() };
    StageSequence::load(&model(), whole(), &threads(), 1 << 20, &kv, Pace::default()).unwrap()
}

/// Goal: others have the machine between the chunks of a long text, which is read as it always is.
#[test]
fn a_long_text_is_approached_in_chunks() {
    let (mut local, text) = (stream(), text(1, 300));
    let mut held = Vec::new();
    while local.approach(&text).unwrap() {
        held.push(local.len());
    }
    assert_eq!(held, [CHUNK_ROWS, 2 * CHUNK_ROWS]);
    let output = values(local.run(&text, text.len() - 1).unwrap());
    assert_eq!(output, values(stream().run(&text, text.len() - 1).unwrap()));
}

/// Goal: a stream begins again where it has to and nobody notices. Method: a text far beyond the
/// model's context; it grows, is cut by little, and changes where the window has passed long since.
#[test]
fn a_stream_that_is_cut_too_far_back_is_run_again() {
    let mut kept = stream();
    let (a, b) = (text(1, 1500), text(2, 800));
    let mixed = [&a[..40], &b[..]].concat();
    for text in [&a[..1500], &a[..1400], &mixed[..], &a[..1500]] {
        let fresh = values(stream().run(text, text.len() - 1).unwrap());
        assert_eq!(values(kept.run(text, text.len() - 1).unwrap()), fresh, "{}", text.len());
        assert!(kept.pool.used() <= kept.pool.bound());
    }
}
