//! The whole command but its output, on the demo pair.

mod weight_formats;

use super::*;
use crate::bench::BenchArguments;
use base::{KvFormat, Position, TokenId};
use clap::Parser;
use runtime::{Input, KvOptions, Pool, Span, SpanOutput};
use std::path::Path;
use std::sync::Arc;

fn model(name: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    models.join(format!("causeway-demo-{name}-q8_0.gguf"))
}

fn setup(model: PathBuf, kv: KvFormat) -> Setup {
    Setup { model, threads: 2, kv }
}

/// A text of 771 tokens.
fn task(context: usize, chunks_max: Option<usize>) -> Task {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = crate_folder.join("src/bench/perplexity/tests/dialogue.txt");
    Task { text, context, chunks_max }
}

fn difference(actual: f64, expected: f64) -> f64 {
    (actual / expected - 1.0).abs()
}

/// Goal: the figures are what the method says, however passes are cut. Method: it is said again, as
/// plainly as it can be: one token at a time, and a probability from all its exponentials.
#[test]
fn the_figures_are_those_of_one_token_at_a_time() {
    let (setup, task) = (setup(model("draft"), KvFormat::F16), task(64, Some(3)));
    let report = measure(&setup, &task).unwrap();

    let file = ModelFile::open(&setup.model).unwrap();
    let tokenizer = file.tokenizer().unwrap();
    let text = std::fs::read_to_string(&task.text).unwrap();
    let tokens = tokenizer.prompt(text.trim_end());
    let threads = Arc::new(Pool::new(1).unwrap());
    let stage = file.load_stage(StageSpec::whole(file.config().layers), &threads).unwrap();
    let mut pool = stage.new_pool(3 * 64).unwrap();
    let mut costs: Vec<f64> = Vec::new();
    for chunk in 0..3 {
        let sequence = pool.open(&KvOptions::default());
        for at in 0..63 {
            let token = if at == 0 { tokenizer.bos().unwrap() } else { tokens[chunk * 64 + at] };
            let input = Input::Tokens(&[token]);
            let span = Span { sequence, base: Position::after(at), input, logits: 0..1 };
            let output = stage.forward(stage.spec(), &[span], &mut pool).unwrap().remove(0);
            let SpanOutput::Logits(logits) = output else { unreachable!("it has a head") };
            let exponentials = logits.iter().map(|logit| f64::from(*logit).exp());
            let TokenId(next) = tokens[chunk * 64 + at + 1];
            let likelihood = f64::from(logits[next as usize]).exp() / exponentials.sum::<f64>();
            if at >= 32 {
                costs.push(-likelihood.ln());
            }
        }
    }
    let count = costs.len() as f64;
    let mean = costs.iter().sum::<f64>() / count;
    let variance = costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / count;
    let standard_error = mean.exp() * (variance / (count - 1.0)).sqrt();
    assert!(difference(report.perplexity, mean.exp()) < 1e-9, "{report} {}", mean.exp());
    assert!(difference(report.standard_error, standard_error) < 1e-9, "{report} {standard_error}");
    assert_eq!((report.tokens_scored, report.chunks), (3 * 31, 3));
    assert_eq!((report.tokens, report.context), (tokens.len(), 64));
}

/// What `llama-perplexity -fa on -ctk f32 -ctv f32` says of these (llama.cpp 0c1e570, 2026-11-24).
#[test]
fn the_figures_are_those_of_llama_cpp() {
    for (context, perplexity, standard_error) in [(64, 19.4529, 3.10059), (128, 23.8291, 3.61881)] {
        let setup = setup(model("target"), KvFormat::F32);
        let report = measure(&setup, &task(context, None)).unwrap();
        assert!(difference(report.perplexity, perplexity) < 0.002, "{report}");
        assert!(difference(report.standard_error, standard_error) < 0.002, "{report}");
    }
}

/// Over this text the costs are 0.07, 0.02 and 0.48 %. Over long ones they are smaller, see
/// docs/PERFORMANCE.md.
#[test]
fn a_kv_format_costs_no_more_than_its_bound() {
    let of = |kv| measure(&setup(model("target"), kv), &task(256, None)).unwrap().perplexity;
    let exact = of(KvFormat::F32);
    for (kv, most) in [(KvFormat::F16, 0.002), (KvFormat::Q8, 0.002), (KvFormat::Q4, 0.01)] {
        let cost = difference(of(kv), exact);
        println!("{kv:?}: {:.4} %", 100.0 * cost);
        assert!(cost < most, "{kv:?}: {:.4} %", 100.0 * cost);
        assert!(cost > 0.0, "{kv:?} was not used");
    }
}

#[test]
fn what_cannot_be_scored_is_refused_with_what_would_be_right() {
    let refusal = |task: &Task| {
        let error = measure(&setup(model("draft"), KvFormat::F16), task).unwrap_err();
        format!("{error:#}")
    };
    let long = refusal(&task(1026, None));
    assert!(long.contains("1026") && long.contains("1024"), "{long}");
    let short = refusal(&task(1024, None));
    assert!(short.contains("dialogue.txt is too short: it has "), "{short}");
    assert!(short.ends_with(" tokens, and a chunk needs 1024"), "{short}");
    let odd = refusal(&task(65, None));
    assert!(odd.contains("even"), "{odd}");
    let no_text = refusal(&Task { text: model("draft"), context: 64, chunks_max: None });
    assert!(no_text.contains("draft") && no_text.contains("it is not UTF-8"), "{no_text}");
    let missing = refusal(&Task { text: "no.txt".into(), context: 64, chunks_max: None });
    assert!(missing.starts_with("cannot read the text no.txt: "), "{missing}");
}

#[test]
fn the_command_line_takes_one_chunk_or_more() {
    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        _bench: BenchArguments,
    }
    let line = |chunks| {
        let fixed = ["edge-node", "perplexity", "--model", "m.gguf", "--text", "t.txt"];
        Program::try_parse_from(fixed.into_iter().chain(["--chunks", chunks]))
    };
    assert!(line("1").is_ok());
    let refusal = line("0").unwrap_err().to_string();
    assert!(refusal.contains("invalid value '0' for '--chunks <CHUNKS>'"), "{refusal}");
}
