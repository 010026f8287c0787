//! Texts that outgrow the model's context, in memory that does not grow.

use crate::chain::{assert_same_bits, one_thread};
use crate::places;
use base::{KvFormat, Position, StreamWindow, TokenId};
use runtime::{
    BLOCK_SLOTS, ForwardError, Input, KvOptions, KvPool, ModelFile, ROLLBACK_MAX, SequenceId, Span,
    SpanOutput, Stage, StageSpec,
};

const SINKS: u32 = 4;
const WINDOW: u32 = 64;
/// Of the micro model.
const VOCAB: usize = 288;

fn stage(name: &str) -> Stage {
    let file = ModelFile::open(&places::golden().join("micro").join(name)).unwrap();
    assert_eq!((file.config().context_length, file.config().vocab), (128, VOCAB));
    file.load_stage(StageSpec::whole(file.config().layers), &one_thread()).unwrap()
}

fn options(format: KvFormat) -> KvOptions {
    let stream = Some(StreamWindow::new(SINKS, WINDOW).unwrap());
    KvOptions { format, stream, ..KvOptions::default() }
}

fn tokens(count: usize) -> Vec<TokenId> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        TokenId(u32::try_from((state >> 33) % VOCAB as u64).unwrap())
    };
    (0..count).map(|_| next()).collect()
}

/// Runs `tokens` from `base` on and gives the logits of the last `wanted` rows.
fn pass(
    stage: &Stage,
    pool: &mut KvPool,
    sequence: SequenceId,
    base: usize,
    tokens: &[TokenId],
    wanted: usize,
) -> Result<Vec<f32>, ForwardError> {
    let logits = tokens.len() - wanted..tokens.len();
    let span = Span { sequence, base: Position::after(base), input: Input::Tokens(tokens), logits };
    match stage.forward(stage.spec(), &[span], pool)?.remove(0) {
        SpanOutput::Logits(logits) => Ok(logits),
        SpanOutput::Hidden(_) => panic!("a whole model has a head"),
    }
}

/// Goal: a stream is as long as it likes, in bounded memory, and forgetting changes no bit: neither
/// how it is cut into passes nor what is evicted in between shows. Method: 20,000 tokens in one
/// pass, in which nothing is evicted, give the reference; then in passes of one size and of many,
/// each in a pool that holds no more than a stream is said to take.
#[test]
fn twenty_thousand_tokens_go_through_a_few_blocks_and_change_no_bit() {
    let stage = stage("micro-quantized.gguf");
    let (all, options) = (tokens(20_000), options(KvFormat::F16));
    let mut pool = stage.new_pool_of(stage.kv_bytes(&options, all.len(), all.len())).unwrap();
    let sequence = pool.open(&options);
    let reference = pass(&stage, &mut pool, sequence, 0, &all, all.len()).unwrap();
    let expected = |from: usize, to: usize| &reference[from * VOCAB..to * VOCAB];

    for cuts in [&[256][..], &[1, 2, 31, 250, 33, 64, 7]] {
        let rows_max = cuts.iter().copied().max().unwrap();
        let mut pool = stage.new_pool_of(stage.kv_bytes(&options, usize::MAX, rows_max)).unwrap();
        let blocks = pool.bound().0 / stage.kv_bytes(&options, BLOCK_SLOTS, 0).0;
        assert!(blocks < 25, "{blocks} blocks");
        let sequence = pool.open(&options);
        let mut at = 0;
        for rows in cuts.iter().cycle() {
            let end = (at + rows).min(all.len());
            let logits = pass(&stage, &mut pool, sequence, at, &all[at..end], 1).unwrap();
            assert_same_bits(&logits, expected(end - 1, end), &format!("position {}", end - 1));
            at = end;
            if at == all.len() {
                break;
            }
        }
    }
}

/// Goal: rollbacks within the promised depth leave no trace, in every format, also after eviction.
#[test]
fn a_stream_that_is_rolled_back_is_one_that_never_went_there() {
    let stage = stage("micro-llama3.gguf");
    for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let (all, options) = (tokens(1200), options(format));
        let mut pool = stage.new_pool_of(stage.kv_bytes(&options, usize::MAX, 1200)).unwrap();
        let sequence = pool.open(&options);
        let expected = pass(&stage, &mut pool, sequence, 0, &all, 600).unwrap();
        pool.truncate(sequence, Position(0)).unwrap();
        pass(&stage, &mut pool, sequence, 0, &all[..600], 1).unwrap();
        let mut at = 600;
        for depth in [1, 64, ROLLBACK_MAX] {
            let wrong: Vec<TokenId> = all[at..at + depth].iter().rev().copied().collect();
            pass(&stage, &mut pool, sequence, at, &wrong, 0).unwrap();
            pool.truncate(sequence, Position::after(at)).unwrap();
            let logits = pass(&stage, &mut pool, sequence, at, &all[at..at + 50], 50).unwrap();
            let rows = (at - 600) * VOCAB..(at - 550) * VOCAB;
            assert_same_bits(&logits, &expected[rows], &format!("{format:?}, {depth} back"));
            at += 50;
        }
        pool.truncate(sequence, Position(100)).unwrap_err();
    }
}

/// Goal: sinks are looked at, and from a distance that stops growing. Method: with sinks and without,
/// and with another first token: the text of the window alone does not decide.
#[test]
fn sinks_are_seen_however_far_away_they_are() {
    let stage = stage("micro-llama3.gguf");
    let last = |sinks: u32, first: u32| {
        let stream = Some(StreamWindow::new(sinks, WINDOW).unwrap());
        let options = KvOptions { stream, ..KvOptions::default() };
        let mut pool = stage.new_pool_of(stage.kv_bytes(&options, 2000, 2000)).unwrap();
        let sequence = pool.open(&options);
        let mut all = tokens(2000);
        all[0] = TokenId(first);
        pass(&stage, &mut pool, sequence, 0, &all, 1).unwrap()
    };
    assert_ne!(last(4, 1), last(4, 2), "the first token is seen two thousand positions later");
    assert_eq!(last(0, 1), last(0, 2), "without sinks it is forgotten");
}

/// Goal: far from the sinks, how far makes no difference. Method: four tokens and then one other again
/// and again: once the window is full of it, rows differ only in their distance to the sinks.
#[test]
fn the_distance_to_the_sinks_stops_growing() {
    let stage = stage("micro-llama3.gguf");
    let options = options(KvFormat::F32);
    let mut pool = stage.new_pool_of(stage.kv_bytes(&options, 2000, 2000)).unwrap();
    let sequence = pool.open(&options);
    let text = [&tokens(4)[..], &[TokenId(7); 1996]].concat();
    let logits = pass(&stage, &mut pool, sequence, 0, &text, 2000).unwrap();
    let row = |at: usize| &logits[at * VOCAB..(at + 1) * VOCAB];
    let apart = |a: usize, b: usize| {
        let differences = row(a).iter().zip(row(b)).map(|(a, b)| (a - b).abs());
        differences.fold(0.0, f32::max)
    };
    assert!(apart(400, 1999) < 1e-4, "{}", apart(400, 1999));
    assert!(apart(20, 60) > 1.0, "rows near the beginning are not the same: {}", apart(20, 60));
}

/// Up to the window's length a stream is the text itself.
#[test]
fn a_text_within_the_window_is_as_without_one() {
    let stage = stage("micro-llama3.gguf");
    let all = tokens(64);
    let mut pool = stage.new_pool(512).unwrap();
    let plain = pool.open(&KvOptions::default());
    let stream = pool.open(&options(KvFormat::F16));
    let expected = pass(&stage, &mut pool, plain, 0, &all, 64).unwrap();
    let logits = pass(&stage, &mut pool, stream, 0, &all, 64).unwrap();
    assert_same_bits(&logits, &expected, "within the window");
}

/// A window that the model cannot take in is no way around its context.
#[test]
fn a_window_wider_than_the_context_ends_with_it() {
    let stage = stage("micro-llama3.gguf");
    let stream = Some(StreamWindow::new(4, 125).unwrap());
    let options = KvOptions { stream, ..KvOptions::default() };
    let mut pool = stage.new_pool(512).unwrap();
    let sequence = pool.open(&options);
    let error = pass(&stage, &mut pool, sequence, 0, &tokens(129), 1).unwrap_err();
    assert!(matches!(error, ForwardError::ContextFull { context_length: 128, .. }), "{error}");
}
