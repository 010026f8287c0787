//! Sequences that begin with the same text share its KV, and nobody can tell from their bits.

use crate::chain::{assert_same_bits, one_thread};
use crate::places;
use base::{KvFormat, Position, StreamWindow, TokenId};
use runtime::{
    Input, KvOptions, KvPool, ModelFile, PrefixScope, SequenceId, Span, SpanOutput, Stage,
    StageSpec,
};

fn stage() -> Stage {
    let file = ModelFile::open(&places::golden().join("micro/micro-quantized.gguf")).unwrap();
    file.load_stage(StageSpec::whole(file.config().layers), &one_thread()).unwrap()
}

fn tokens(seed: u32, count: u32) -> Vec<TokenId> {
    (0..count).map(|at| TokenId((at * 37 + seed * 101 + at * at) % 288)).collect()
}

fn shared() -> KvOptions {
    KvOptions { scope: PrefixScope::of("ours"), ..KvOptions::default() }
}

/// Runs `text[from..]` and gives the last row's logits.
fn run(
    stage: &Stage,
    pool: &mut KvPool,
    sequence: SequenceId,
    text: &[TokenId],
    from: usize,
) -> Vec<f32> {
    let rows = text.len() - from;
    let (base, input) = (Position::after(from), Input::Tokens(&text[from..]));
    let span = Span { sequence, base, input, logits: rows - 1..rows };
    let output = stage.forward(stage.spec(), &[span], pool).unwrap().remove(0);
    let SpanOutput::Logits(logits) = output else { panic!("no logits") };
    logits
}

/// What a sequence with nobody beside it says after `text`.
fn alone(stage: &Stage, options: &KvOptions, text: &[TokenId]) -> Vec<f32> {
    let mut pool = stage.new_pool(512).unwrap();
    let sequence = pool.open(&KvOptions { scope: PrefixScope::NOBODY, ..*options });
    run(stage, &mut pool, sequence, text, 0)
}

/// Goal: a common beginning is computed once, and the bits are those of computing it again. Method:
/// two sequences that have 0 to 100 tokens in common, in every format; the rows that run are counted.
#[test]
fn a_common_beginning_is_computed_once_and_changes_no_bit() {
    let stage = stage();
    for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let options = KvOptions { format, ..shared() };
        for common in [0, 31, 32, 33, 100] {
            let mut pool = stage.new_pool(1024).unwrap();
            let first = [&tokens(1, common)[..], &tokens(2, 20)].concat();
            let second = [&tokens(1, common)[..], &tokens(3, 27)].concat();
            let [a, b] = [(); 2].map(|()| pool.open(&options));
            run(&stage, &mut pool, a, &first, 0);
            let before = pool.counts();
            let logits = run(&stage, &mut pool, b, &second, 0);
            let what = format!("{format:?}, {common} in common");
            assert_same_bits(&logits, &alone(&stage, &options, &second), &what);
            let found = u64::from(common / 32 * 32);
            let counts = pool.counts();
            assert_eq!(counts.adopted - before.adopted, found, "{what}");
            assert_eq!(counts.run - before.run, second.len() as u64 - found, "{what}");
        }
    }
}

/// Method: the second sequence goes back into what it shares and goes on otherwise; the first then
/// goes on from where it was, and back again itself.
#[test]
fn rolling_back_into_what_is_shared_disturbs_nobody() {
    let stage = stage();
    let mut pool = stage.new_pool(1024).unwrap();
    let text = tokens(1, 100);
    let [a, b] = [(); 2].map(|()| pool.open(&shared()));
    run(&stage, &mut pool, a, &text, 0);
    run(&stage, &mut pool, b, &text, 0);
    for cut in [95, 64, 50, 10] {
        pool.truncate(b, Position::after(cut)).unwrap();
        let other = [&text[..cut], &tokens(9, 20)].concat();
        let logits = run(&stage, &mut pool, b, &other, cut);
        assert_same_bits(&logits, &alone(&stage, &shared(), &other), &format!("cut to {cut}"));
        pool.truncate(b, Position::after(cut)).unwrap();
    }
    let longer = [&text[..], &tokens(4, 5)].concat();
    let logits = run(&stage, &mut pool, a, &longer, 100);
    assert_same_bits(&logits, &alone(&stage, &shared(), &longer), "the other one");
}

/// Goal: drafts that are rolled back are no part of what others find. Method: wrong tokens fill a
/// block, are cut and replaced.
#[test]
fn what_was_rolled_back_is_not_found_under_another_text() {
    let stage = stage();
    let mut pool = stage.new_pool(1024).unwrap();
    let (text, wrong) = (tokens(1, 64), tokens(5, 40));
    let a = pool.open(&shared());
    run(&stage, &mut pool, a, &text[..30], 0);
    run(&stage, &mut pool, a, &[&text[..30], &wrong].concat(), 30);
    pool.truncate(a, Position(30)).unwrap();
    run(&stage, &mut pool, a, &text, 30);
    let b = pool.open(&shared());
    let logits = run(&stage, &mut pool, b, &text, 0);
    assert_same_bits(&logits, &alone(&stage, &shared(), &text), "found");
    assert_eq!(pool.counts().adopted, 32, "the last row's logits are wanted");
}

#[test]
fn only_equal_options_share() {
    let stage = stage();
    let mut pool = stage.new_pool(2048).unwrap();
    let text = tokens(1, 70);
    let first = pool.open(&shared());
    run(&stage, &mut pool, first, &text, 0);
    let stream = Some(StreamWindow::new(4, 100).unwrap());
    for options in [
        KvOptions { scope: PrefixScope::of("theirs"), ..shared() },
        KvOptions { format: KvFormat::Q8, ..shared() },
        KvOptions { stream, ..shared() },
        KvOptions::default(),
    ] {
        let other = pool.open(&options);
        run(&stage, &mut pool, other, &text, 0);
        assert_eq!(pool.counts().adopted, 0, "{options:?}");
    }
}

/// Hidden states say nothing of the text, and a part of the model is not its KV's whole story.
#[test]
fn rows_that_do_not_come_as_tokens_through_the_whole_model_are_not_shared() {
    let stage = stage();
    let mut pool = stage.new_pool(2048).unwrap();
    let (text, spec) = (tokens(1, 64), stage.spec());
    for _ in 0..2 {
        let sequence = pool.open(&shared());
        let no_head = StageSpec { head: false, ..spec };
        let (base, input) = (Position(0), Input::Tokens(&text));
        let span = Span { sequence, base, input, logits: 0..0 };
        let output = stage.forward(no_head, &[span], &mut pool).unwrap().remove(0);
        let SpanOutput::Hidden(rows) = output else { panic!("no hidden states") };
        assert_eq!(rows.len(), 64 * stage.config().width, "every row is wanted");
        let sequence = pool.open(&shared());
        let no_embedding = StageSpec { embedding: false, ..spec };
        let span = Span { sequence, base, input: Input::Hidden(&rows), logits: 63..64 };
        stage.forward(no_embedding, &[span], &mut pool).unwrap();
    }
    assert_eq!(pool.counts().adopted, 0);
}

/// Goal: what is only kept for later is never in the way. Method: in a pool for four blocks, texts of
/// three come and go.
#[test]
fn kept_beginnings_give_way_when_memory_is_wanted() {
    let stage = stage();
    let mut pool = stage.new_pool(128).unwrap();
    for seed in 0..20 {
        let text = tokens(seed % 5, 96);
        let sequence = pool.open(&shared());
        let logits = run(&stage, &mut pool, sequence, &text, 0);
        assert_same_bits(&logits, &alone(&stage, &shared(), &text), "found or computed");
        pool.close(sequence);
        assert!(pool.used() <= pool.bound());
    }
    assert_eq!(pool.free(), pool.bound());
}

/// A prompt that comes in chunks of which no logits are wanted is found whole, and none of it runs.
#[test]
fn chunks_whose_logits_nobody_wants_need_not_run_at_all() {
    let stage = stage();
    let mut pool = stage.new_pool(1024).unwrap();
    let text = tokens(1, 100);
    let first = pool.open(&shared());
    run(&stage, &mut pool, first, &text, 0);
    let second = pool.open(&shared());
    let other = pool.open(&shared());
    for (chunk, ran) in [(0..32, 0), (32..80, 16), (80..96, 0)] {
        let before = pool.counts().run;
        let (base, input) = (Position::after(chunk.start), Input::Tokens(&text[chunk.clone()]));
        let mut spans = vec![Span { sequence: second, base, input, logits: 0..0 }];
        // Beside one that runs.
        let beside = tokens(7, 3);
        let (base, input) = (Position::after(pool.len(other)), Input::Tokens(&beside));
        spans.push(Span { sequence: other, base, input, logits: 2..3 });
        let outputs = stage.forward(stage.spec(), &spans, &mut pool).unwrap();
        let SpanOutput::Logits(logits) = &outputs[0] else { panic!("no logits") };
        assert_eq!((logits.len(), pool.counts().run - before), (0, ran + 3), "{chunk:?}");
    }
    let logits = run(&stage, &mut pool, second, &text, 96);
    assert_same_bits(&logits, &alone(&stage, &shared(), &text), "found");
}
