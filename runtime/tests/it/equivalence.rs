//! The same tokens give the same bits, however they are cut into stages, passes and batches.

use crate::chain::{Chain, assert_same_bits, one_thread};
use crate::places;
use base::{KvFormat, Position, TokenId};
use runtime::{Input, KvOptions, ModelFile, Pool, Span, SpanOutput, StageSpec};
use std::sync::Arc;

/// A float16 model with scaled positions, a quantized one, layers with every optional part, and real
/// weights where they are.
fn models() -> Vec<ModelFile> {
    let committed = [
        "micro/micro-llama3.gguf",
        "micro/micro-quantized.gguf",
        "qwen/qwen2-q8_0.gguf",
        "qwen/qwen3-f32.gguf",
    ];
    let committed = committed.map(|name| places::golden().join(name));
    let stories = places::data("stories260K/stories260K-f32.gguf");
    committed.iter().chain(&stories).map(|path| ModelFile::open(path).unwrap()).collect()
}

/// Tokens without a pattern, the same every time.
fn tokens(count: usize, vocab: usize) -> Vec<TokenId> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        TokenId(u32::try_from((state >> 33) % vocab as u64).unwrap())
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_model_split_at_every_layer_is_the_unsplit_model() {
    for file in models() {
        let (layers, tokens) = (file.config().layers, tokens(70, file.config().vocab));
        let whole = Chain::new(&file, &[]).logits(&tokens);
        let every: Vec<u32> = (1..layers).collect();
        assert_same_bits(&Chain::new(&file, &every).logits(&tokens), &whole, "every layer");
        // An empty head or tail stage is one that only embeds or only has the head.
        for point in 0..=layers {
            let split = Chain::new(&file, &[point]).logits(&tokens);
            assert_same_bits(&split, &whole, &format!("split at {point}"));
        }
    }
}

#[test]
fn a_prompt_in_chunks_is_the_prompt_at_once() {
    for file in models() {
        let tokens = tokens(70, file.config().vocab);
        let whole = Chain::new(&file, &[]).logits(&tokens);
        for chunk in [1, 2, 3, 31, 32, 33, 64] {
            let mut chain = Chain::new(&file, &[]);
            let parts: Vec<f32> =
                tokens.chunks(chunk).flat_map(|part| chain.logits(part)).collect();
            assert_same_bits(&parts, &whole, &format!("chunks of {chunk}"));
        }
    }
}

/// Goal: rows of one sequence do not see or disturb another's. Method: three sequences of different
/// lengths advance together, by different steps, through a pool whose blocks they take in turns.
#[test]
fn a_ragged_batch_is_each_sequence_alone() {
    for file in models() {
        let vocab = file.config().vocab;
        let all = tokens(210, vocab);
        let prompts: Vec<&[TokenId]> = all.chunks(70).collect();
        let alone = prompts.iter().map(|prompt| Chain::new(&file, &[]).logits(prompt));
        let alone: Vec<Vec<f32>> = alone.collect();

        let whole = StageSpec::whole(file.config().layers);
        let stage = file.load_stage(whole, &one_thread()).unwrap();
        let mut pool = stage.new_pool(300).unwrap();
        let sequences = [(); 3].map(|()| pool.open(&KvOptions::default()));
        let mut together = vec![Vec::new(); 3];
        for steps in [[40, 1, 0], [0, 30, 33], [5, 5, 5], [25, 34, 32]] {
            let mut spans = Vec::new();
            let mut members = Vec::new();
            for i in (0..3).filter(|i| steps[*i] > 0) {
                let (sequence, held) = (sequences[i], pool.len(sequences[i]));
                let input = Input::Tokens(&prompts[i][held..held + steps[i]]);
                let base = Position::after(held);
                spans.push(Span { sequence, base, input, logits: 0..steps[i] });
                members.push(i);
            }
            let outputs = stage.forward(whole, &spans, &mut pool).unwrap();
            for (i, output) in members.into_iter().zip(outputs) {
                let SpanOutput::Logits(logits) = output else { panic!("no logits") };
                together[i].extend(logits);
            }
        }
        for (together, alone) in together.iter().zip(&alone) {
            assert_same_bits(together, alone, "ragged");
        }
    }
}

/// Goal: no format of KV knows how its rows came: a slot is written alone. Method: in stages, in
/// chunks and rolled back, against the whole text at once.
#[test]
fn every_kv_format_gives_the_same_bits_however_the_rows_come() {
    for file in models() {
        let tokens = tokens(70, file.config().vocab);
        let mut texts = Vec::new();
        for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
            let options = KvOptions { format, ..KvOptions::default() };
            let whole = Chain::with(&file, &[], &options).logits(&tokens);
            let mut chain = Chain::with(&file, &[1], &options);
            let mut parts = chain.logits(&tokens[..33]);
            chain.logits(&tokens[10..20]);
            chain.truncate(33);
            for part in tokens[33..].chunks(7) {
                parts.extend(chain.logits(part));
            }
            assert_same_bits(&parts, &whole, &format!("{format:?}"));
            assert!(texts.iter().all(|other| *other != whole), "{format:?} is of no effect");
            texts.push(whole);
        }
    }
}

#[test]
fn a_draft_rolled_back_is_a_draft_never_made() {
    for file in models() {
        let tokens = tokens(70, file.config().vocab);
        let mut plain = Chain::new(&file, &[1]);
        let expected = plain.logits(&tokens);
        let mut drafted = Chain::new(&file, &[1]);
        let mut actual = drafted.logits(&tokens[..30]);
        for (drafts, kept) in [(5, 0), (3, 3), (40, 2), (1, 1)] {
            let held = drafted.len();
            let wrong: Vec<TokenId> =
                tokens[held..].iter().rev().cycle().take(drafts).copied().collect();
            drafted.logits(&[&tokens[held..held + kept], &wrong[kept..]].concat());
            drafted.truncate(held);
            actual.extend(drafted.logits(&tokens[held..held + kept.max(1)]));
        }
        let held = drafted.len();
        actual.extend(drafted.logits(&tokens[held..]));
        assert_same_bits(&actual, &expected, "rolled back");
    }
}

#[test]
fn only_the_wanted_rows_have_logits_and_they_are_the_same() {
    for file in models() {
        let vocab = file.config().vocab;
        let tokens = tokens(20, vocab);
        let all = Chain::new(&file, &[]).logits(&tokens);
        for rows in [0..1, 19..20, 7..12, 5..5] {
            let some = Chain::new(&file, &[]).run(&tokens, rows.clone()).unwrap();
            assert_same_bits(&some, &all[rows.start * vocab..rows.end * vocab], "wanted rows");
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for file in models() {
        let tokens = tokens(40, file.config().vocab);
        let run = |threads| {
            let threads = Arc::new(Pool::new(threads).unwrap());
            Chain::on(&threads, &file, &[], &KvOptions::default()).logits(&tokens)
        };
        let one = run(1);
        assert_same_bits(&run(3), &one, "three threads");
    }
}
