//! What a lossy segment costs: bytes, and how much worse a text is predicted after it.

use crate::places;
use base::{Position, TokenId};
use runtime::{
    BLOCK_SLOTS, Input, KvOptions, ModelFile, Pool, PrefixScope, SegmentFormat, Span, SpanOutput,
    Stage, StageSpec,
};
use std::path::Path;
use std::sync::Arc;

/// Tokens of a chunk: the demo target's whole context.
const CONTEXT: usize = 1024;

/// Chunks that are scored, if the text has so many.
const CHUNKS_MAX: usize = 100;

/// How many formats there are.
const FORMATS: usize = SegmentFormat::ALL.len();

/// What each format has to keep: bytes of the exact one's, and perplexity to that after it, at most.
const COSTS_MAX: [(f64, f64); FORMATS] =
    [(1.0, 1.0), (0.54, 1.002), (1.0 / 3.6, 1.003), (0.32, 1.03), (1.0 / 6.0, 1.01)];

/// Goal: what formats lose is worth what they save. Method: of each chunk of a text, the first half is
/// computed in half precision and goes through each format into a pool of its own; the second half
/// is predicted after that, computed in half precision again. Prints the table, with the mean divergence
/// of the predictions, because perplexity rises and falls by chance too.
#[test]
fn lossy_segments_cost_little_of_what_a_text_is_predicted_by() {
    let Some(text) = places::text() else { return };
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let file = ModelFile::open(&models.join("causeway-demo-target-q8_0.gguf")).unwrap();
    let threads = Arc::new(Pool::new(2).unwrap());
    let stage = file.load_stage(StageSpec::whole(file.config().layers), &threads).unwrap();
    let tokenizer = file.tokenizer().unwrap();
    let tokens = tokenizer.prompt(&std::fs::read_to_string(text).unwrap());
    let (mut scores, mut blocks) = ([Score::default(); FORMATS], 0);
    let chunks = tokens.chunks_exact(CONTEXT).take(CHUNKS_MAX);
    for chunk in chunks.clone() {
        let mut chunk = chunk.to_vec();
        chunk[0] = tokenizer.bos().filter(|_| tokenizer.adds_bos()).unwrap_or(chunk[0]);
        for (all, of_chunk) in scores.iter_mut().zip(score(&stage, &chunk)) {
            all.nats += of_chunk.nats;
            all.divergence += of_chunk.divergence;
            all.bytes += of_chunk.bytes;
        }
        blocks += CONTEXT / 2 / BLOCK_SLOTS;
    }
    let counted = chunks.len() * (CONTEXT / 2 - 1);
    println!("{} chunks of {CONTEXT}, {counted} tokens that count", chunks.len());
    let perplexity = |score: &Score| (score.nats / counted as f64).exp();
    for ((format, score), most) in SegmentFormat::ALL.iter().zip(&scores).zip(COSTS_MAX) {
        let cost = perplexity(score) / perplexity(&scores[0]);
        let share = score.bytes as f64 / scores[0].bytes as f64;
        println!(
            "{format}: {} bytes a block, {:.1} %, {:.2} x; {:.4}, {:+.3} %, {:.5} nats",
            score.bytes / blocks,
            100.0 * share,
            1.0 / share,
            perplexity(score),
            100.0 * (cost - 1.0),
            score.divergence / counted as f64
        );
        assert!(share <= most.0 && cost <= most.1, "{format}");
    }
}

fn options(accepts: SegmentFormat) -> KvOptions {
    KvOptions { scope: PrefixScope::of("costs"), accepts, ..KvOptions::default() }
}

/// The second half of a text, after a first half in one format.
#[derive(Clone, Copy, Default)]
struct Score {
    /// By which it is predicted.
    nats: f64,
    /// From what is predicted after the exact first half, added up (Kullback-Leibler).
    divergence: f64,
    /// Of the first half.
    bytes: usize,
}

/// The second half of `chunk`, after a first half that came in each format.
fn score(stage: &Stage, chunk: &[TokenId]) -> [Score; FORMATS] {
    let (half, layers) = (CONTEXT / 2, stage.spec().layers);
    let mut from = stage.new_pool(CONTEXT).unwrap();
    let sequence = from.open(&options(SegmentFormat::Exact));
    let span =
        Span { sequence, base: Position(0), input: Input::Tokens(&chunk[..half]), logits: 0..0 };
    stage.forward(stage.spec(), &[span], &mut from).unwrap();
    let mut exact = Vec::new();
    SegmentFormat::ALL.map(|format| {
        let options = options(format);
        let segments = stage.segments(&options, &chunk[..half]).unwrap();
        let mut pool = stage.new_pool(CONTEXT).unwrap();
        let mut score = Score::default();
        for block in 0..segments.blocks() {
            let segment = segments.at(block, layers, format).unwrap();
            let bytes = from.export(&segment).unwrap();
            pool.import(&segment, &bytes).unwrap();
            score.bytes += bytes.len();
        }
        let sequence = pool.open(&options);
        assert_eq!(pool.adopt_known(sequence, layers, &chunk[..half]), half);
        let rows = &chunk[half..CONTEXT - 1];
        let (base, input) = (Position::after(half), Input::Tokens(rows));
        let span = Span { sequence, base, input, logits: 0..rows.len() };
        let outputs = stage.forward(stage.spec(), &[span], &mut pool).unwrap();
        let SpanOutput::Logits(logits) = &outputs[0] else { panic!("no logits") };
        if exact.is_empty() {
            exact.clone_from(logits);
        }
        let vocab = stage.config().vocab;
        let rows = exact.chunks_exact(vocab).zip(logits.chunks_exact(vocab));
        for ((exact, row), token) in rows.zip(&chunk[half + 1..]) {
            let (exact, row) = (log_chances(exact), log_chances(row));
            score.nats -= row[token.0 as usize];
            let pairs = exact.iter().zip(&row);
            score.divergence += pairs.map(|(p, q)| p.exp() * (p - q)).sum::<f64>();
        }
        score
    })
}

/// The logarithms of the tokens' probabilities.
fn log_chances(logits: &[f32]) -> Vec<f64> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
    let all = max + sum.ln();
    logits.iter().map(|logit| f64::from(*logit) - all).collect()
}
