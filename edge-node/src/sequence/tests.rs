//! Against a sequence that was never anything else, on the committed random model.

use super::*;
use crate::local_model::LocalModel;
use base::{KvFormat, LayerRange, Sampling, StreamWindow};
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

#[test]
fn drafts_are_what_the_model_says_token_by_token_and_end_with_an_end_token() {
    let kv = KvOptions::default();
    let load = |ends: &[TokenId]| {
        LocalModel::load(&model(), ends, &threads(), 256, &kv, Pace::default()).unwrap()
    };
    let sampling = Sampling::new(0.8, 0, 1.0, 7).unwrap();
    let mut said = text(3, 12);
    let mut speaker = load(&[]);
    for _ in 0..6 {
        said.push(speaker.next(&said, &sampling).unwrap());
    }
    let drafts = load(&[]).draft(&said[..12], 6, &sampling).unwrap();
    assert_eq!(drafts, said[12..]);
    let end = said[14];
    let first = said[12..].iter().position(|token| *token == end).unwrap();
    let ended = load(&[end]).draft(&said[..12], 6, &sampling).unwrap();
    assert_eq!(ended, said[12..=12 + first]);
}

#[test]
fn a_model_that_follows_holds_all_but_the_last_few_tokens() {
    let local =
        LocalModel::load(&model(), &[], &threads(), 256, &KvOptions::default(), Pace::default());
    let mut local = local.unwrap();
    local.follow(&text(1, 15)).unwrap();
    assert_eq!(local.behind(15), 15);
    local.follow(&text(1, 16)).unwrap();
    assert_eq!(local.behind(16), 0);
}

/// Goal: a stream begins again where it has to and nobody notices. Method: a text far beyond the
/// model's context; it grows, is cut by little, and changes where the window has passed long since.
#[test]
fn a_stream_that_is_cut_too_far_back_is_run_again() {
    let stream = Some(StreamWindow::new(4, 64).unwrap());
    let kv = KvOptions { format: KvFormat::Q8, stream, scope: PrefixScope::of("device") };
    let load = || {
        StageSequence::load(&model(), whole(), &threads(), 1 << 20, &kv, Pace::default()).unwrap()
    };
    let mut kept = load();
    let (a, b) = (text(1, 1500), text(2, 800));
    let mixed = [&a[..40], &b[..]].concat();
    for text in [&a[..1500], &a[..1400], &mixed[..], &a[..1500]] {
        let fresh = values(load().run(text, text.len() - 1).unwrap());
        assert_eq!(values(kept.run(text, text.len() - 1).unwrap()), fresh, "{}", text.len());
        assert!(kept.pool.used() <= kept.pool.bound());
    }
}
