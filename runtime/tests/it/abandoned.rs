//! Passes that nobody wants any more: they cost no further layer and leave no trace.

use crate::chain::{assert_same_bits, one_thread};
use crate::places;
use base::{Position, StreamWindow, TokenId};
use runtime::{
    ForwardError, Input, KvOptions, KvPool, ModelFile, PrefixScope, SequenceId, Span, SpanOutput,
    Stage, StageSpec,
};
use std::cell::Cell;

fn stage() -> Stage {
    let file = ModelFile::open(&places::golden().join("micro/micro-quantized.gguf")).unwrap();
    file.load_stage(StageSpec::whole(file.config().layers), &one_thread()).unwrap()
}

fn tokens(seed: u32, count: u32) -> Vec<TokenId> {
    (0..count).map(|at| TokenId((at * 37 + seed * 101 + at * at) % 288)).collect()
}

/// `text` behind what is held, given up when it was asked `answers` times; how often it was asked.
fn run(
    stage: &Stage,
    pool: &mut KvPool,
    sequence: SequenceId,
    text: &[TokenId],
    answers: u32,
) -> (u32, Result<Vec<f32>, ForwardError>) {
    let asked = Cell::new(0);
    let wanted = || {
        asked.set(asked.get() + 1);
        asked.get() <= answers
    };
    let base = Position::after(pool.len(sequence));
    let logits = text.len() - 1..text.len();
    let span = Span { sequence, base, input: Input::Tokens(text), logits };
    let done = stage.forward_while(stage.spec(), &[span], pool, &wanted);
    let done = done.map(|mut outputs| match outputs.remove(0) {
        SpanOutput::Logits(logits) => logits,
        SpanOutput::Hidden(_) => panic!("a whole model has a head"),
    });
    (asked.get(), done)
}

/// Goal: a pass can be given up before each layer and before the head, at no further cost, and nothing
/// of it is left. Method: sequences of three kinds: alone, one that finds its beginning in another's
/// blocks, and one that forgets; the same rows after each abandoned pass.
#[test]
fn an_abandoned_pass_runs_no_further_layer_and_changes_nothing() {
    let stage = stage();
    let parts = stage.config().layers + 1;
    let shared = KvOptions { scope: PrefixScope::of("ours"), ..KvOptions::default() };
    let stream = Some(StreamWindow::new(4, 64).unwrap());
    let forgets = KvOptions { stream, ..KvOptions::default() };
    for options in [KvOptions::default(), shared, forgets] {
        let (text, more) = (tokens(1, 70), tokens(2, 50));
        let mut pool = stage.new_pool(1024).unwrap();
        let [other, sequence, undisturbed] = [(); 3].map(|()| pool.open(&options));
        run(&stage, &mut pool, other, &[&text[..], &more].concat(), u32::MAX).1.unwrap();
        run(&stage, &mut pool, sequence, &text, u32::MAX).1.unwrap();
        run(&stage, &mut pool, undisturbed, &text, u32::MAX).1.unwrap();
        let expected = run(&stage, &mut pool, undisturbed, &more, u32::MAX).1.unwrap();
        let (run_before, used_before) = (pool.counts().run, pool.used());
        for answers in 0..parts {
            let (asked, done) = run(&stage, &mut pool, sequence, &more, answers);
            assert!(matches!(done, Err(ForwardError::Abandoned)), "{done:?}");
            assert_eq!(asked, answers + 1, "asked once before each part, and then no more");
            assert_eq!(pool.len(sequence), text.len());
            assert_eq!(pool.counts().run, run_before);
            assert!(pool.used() <= used_before, "a block of its own may have become another's");
        }
        let (asked, done) = run(&stage, &mut pool, sequence, &more, u32::MAX);
        assert_eq!(asked, parts);
        assert_same_bits(&done.unwrap(), &expected, &format!("{options:?}"));
    }
}
