//! What is measured.

use super::*;
use base::{ChannelScale, LayerRange, Position, TokenId, WireCodec};
use hop::Arrived;
use kernels::wire;
use runtime::{Input, KvOptions, Span, SpanOutput, StageSpec};

/// A ladder of the draft, and the exact run of a chunk of `context` tokens up it.
fn exact(context: usize) -> (Ladder, Exact, Vec<TokenId>) {
    let file = ModelFile::open(&model("draft")).unwrap();
    let threads = setup("draft").start_threads().unwrap();
    let mut ladder = Ladder::load(&file, &threads, &KvOptions::default(), context).unwrap();
    let chunk = file.tokenizer().unwrap().prompt(DIALOGUE)[..context].to_vec();
    let exact = Exact::run(&mut ladder, &chunk).unwrap();
    (ladder, exact, chunk)
}

/// What a hop costs whose rows arrive as `damage` leaves them.
fn damaged(boundary: u32, context: usize, damage: impl Fn(usize, &mut [f32])) -> Cost {
    let (mut ladder, exact, _) = exact(context);
    let mut rows = exact.hidden(boundary).to_vec();
    rows.chunks_exact_mut(ladder.width()).enumerate().for_each(|(row, x)| damage(row, x));
    let mut trial = Trial::new(boundary, WireCodec::F32);
    trial.take(&mut ladder, &exact, Arrived { bytes: 4 * rows.len(), rows }).unwrap();
    let mut likelihood = Likelihood::default();
    exact.score(&mut likelihood).unwrap();
    trial.cost(likelihood.perplexity())
}

/// Goal: what is measured is the model, and not what cutting it does. Method: the uncut model, in one
/// pass, says the same to the bit; the chunk is longer than a pass of the ladder.
#[test]
fn the_ladder_is_the_whole_model_bit_for_bit() {
    let (_, exact, chunk) = exact(640);
    let file = ModelFile::open(&model("draft")).unwrap();
    let threads = setup("draft").start_threads().unwrap();
    let stage = file.load_stage(StageSpec::whole(file.config().layers), &threads).unwrap();
    let mut pool = stage.new_pool(640).unwrap();
    let (sequence, input) = (pool.open(&KvOptions::default()), Input::Tokens(&chunk));
    let span = Span { sequence, base: Position(0), input, logits: 320..639 };
    let mut outputs = stage.forward(stage.spec(), &[span], &mut pool).unwrap();
    let Some(SpanOutput::Logits(logits)) = outputs.pop() else { unreachable!("it has a head") };
    let rows: Vec<f32> = exact.rows().flat_map(|(row, _)| row.to_vec()).collect();
    assert!(rows == logits, "{} and {} logits", rows.len(), logits.len());
    assert!(exact.rows().map(|(_, next)| next).eq(chunk[321..].iter().copied()));
}

/// Goal: a coded run is what two nodes would compute, and its figures are what they say. Method: it is
/// said again, as plainly as it can be: two stages, the codec between them, a probability from all its
/// exponentials.
#[test]
fn a_coded_run_is_that_of_two_stages_with_the_codec_between_them() {
    let file = ModelFile::open(&model("draft")).unwrap();
    let threads = setup("draft").start_threads().unwrap();
    let pass = |spec, input: Input<'_>| {
        let stage = file.load_stage(spec, &threads).unwrap();
        let mut pool = stage.new_pool(64).unwrap();
        let sequence = pool.open(&KvOptions::default());
        let span = Span { sequence, base: Position(0), input, logits: 16..31 };
        stage.forward(spec, &[span], &mut pool).unwrap().remove(0)
    };
    let logits = |spec, input: Input<'_>| match pass(spec, input) {
        SpanOutput::Logits(logits) => logits,
        SpanOutput::Hidden(_) => unreachable!("it has a head"),
    };
    let tokens = file.tokenizer().unwrap().prompt(DIALOGUE);
    let layer = |at| LayerRange::new(at, at + 1).unwrap();
    let front = StageSpec { layers: layer(0), embedding: true, head: false };
    let back = StageSpec { layers: layer(1), embedding: false, head: true };
    let SpanOutput::Hidden(rows) = pass(front, Input::Tokens(&tokens[..31])) else {
        unreachable!("it has no head")
    };
    let bytes = wire::encode(wire::Codec::Int4, &rows, 256);
    let rows = wire::decode(wire::Codec::Int4, &bytes, 31, 256).unwrap();
    let exact = logits(StageSpec::whole(2), Input::Tokens(&tokens[..31]));
    let coded = logits(back, Input::Hidden(&rows));

    let vocab = file.config().vocab;
    let (mut kl, mut nats, mut same) = (0.0, 0.0, 0);
    for (at, (exact, coded)) in exact.chunks(vocab).zip(coded.chunks(vocab)).enumerate() {
        let [exact, coded] = [exact, coded].map(|row| {
            let all: Vec<f64> = row.iter().map(|logit| f64::from(*logit).exp()).collect();
            let sum: f64 = all.iter().sum();
            all.iter().map(|one| one / sum).collect::<Vec<f64>>()
        });
        kl += exact.iter().zip(&coded).map(|(p, q)| p * (p / q).ln()).sum::<f64>() / 15.0;
        nats -= coded[tokens[at + 17].0 as usize].ln() / 15.0;
        let [top, other] = [&exact, &coded].map(|row| row.iter().copied().fold(0.0, f64::max));
        let place = |row: &[f64], most| row.iter().position(|share| *share == most);
        same += usize::from(place(&exact, top) == place(&coded, other));
    }
    let task = Task { chunks_max: Some(1), boundaries: Some(vec![1]), ..task(&[WireCodec::Int4]) };
    let certificate = measure(&setup("draft"), &task).unwrap();
    let cost = certificate.find(1, WireCodec::Int4).unwrap();
    assert!((cost.kl_mean / kl - 1.0).abs() < 1e-5, "{cost:?} {kl}");
    assert!((cost.perplexity / nats.exp() - 1.0).abs() < 1e-5, "{cost:?} {}", nats.exp());
    assert!((cost.top1_agreement - same as f64 / 15.0).abs() < 1e-5, "{cost:?} {same}");
    let bits = bytes.len() as f64 * 8.0 / (31.0 * 256.0);
    assert!((cost.bits_per_value / bits - 1.0).abs() < 1e-5, "{cost:?} {bits}");
}

#[test]
fn an_exact_codec_costs_nothing_at_any_boundary() {
    let certificate = measure(&setup("target"), &task(&[WireCodec::F32])).unwrap();
    assert_eq!(certificate.boundaries().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(certificate.positions(), 2 * 15);
    for boundary in certificate.boundaries() {
        let cost = certificate.find(boundary, WireCodec::F32).unwrap();
        let expected = Cost {
            codec: WireCodec::F32,
            bits_per_value: 32.0,
            top1_agreement: 1.0,
            kl_mean: 0.0,
            kl_p99: 0.0,
            perplexity: certificate.perplexity(),
            perplexity_change_percent: 0.0,
        };
        assert_eq!(cost, &expected, "at boundary {boundary}");
    }
}

#[test]
fn coarser_codecs_take_fewer_bits_and_cost_more() {
    let certificate = measure(&setup("draft"), &task(&LOSSY)).unwrap();
    assert_eq!(certificate.boundaries().collect::<Vec<_>>(), [0, 1, 2]);
    for boundary in certificate.boundaries() {
        let costs = LOSSY.map(|codec| certificate.find(boundary, codec).unwrap());
        let [half, eight, four, scaled] = costs;
        assert_eq!(half.bits_per_value, 16.0);
        assert!((8.0..10.0).contains(&eight.bits_per_value), "{eight:?}");
        assert!((4.0..5.0).contains(&four.bits_per_value), "{four:?}");
        assert!((2.0..5.0).contains(&scaled.bits_per_value), "{scaled:?}");
        // What half a unit in the last place moves, products with activations of 8 bits multiply.
        assert!(0.0 < half.kl_mean && half.kl_mean < 1e-3, "{half:?}");
        assert!(half.kl_mean < eight.kl_mean && eight.kl_mean < 1e-2, "{eight:?}");
        for coarse in [four, scaled] {
            assert!(eight.kl_mean < coarse.kl_mean && coarse.kl_mean < 0.5, "{coarse:?}");
        }
        for cost in costs {
            assert!(cost.kl_mean <= cost.kl_p99 && cost.top1_agreement > 0.5, "{cost:?}");
            let change = cost.perplexity / certificate.perplexity() - 1.0;
            assert!((change * 100.0 - cost.perplexity_change_percent).abs() < 1e-3, "{cost:?}");
        }
        assert_eq!(certificate.scales(boundary).unwrap().len(), 256);
    }
    assert_eq!(certificate.find(1, WireCodec::F32), None);
    assert_eq!(certificate.find(3, WireCodec::F16), None);
    assert_eq!(certificate.scales(3), None);
}

/// Goal: what is scored has not been seen, and scales are used as they are sent.
/// Method: scales are those of the first halves alone, whatever the second halves hold.
#[test]
fn calibration_looks_at_rows_that_are_not_scored() {
    let (mut ladder, exact, chunk) = exact(64);
    let chunks = Chunks::new(chunk, 64, None, None).unwrap();
    let scales = Scales::calibrate(&mut ladder, &chunks).unwrap();
    for boundary in 0..=2 {
        let mut calibration = wire::Calibration::new(256);
        calibration.add(&exact.hidden(boundary)[..32 * 256]);
        let expected = calibration.scales();
        let expected: Vec<_> = expected.into_iter().map(ChannelScale::nearest).collect();
        assert_eq!(scales.at(boundary), expected);
    }
}

#[test]
fn a_hop_that_loses_everything_is_seen() {
    for boundary in 0..=2 {
        let cost = damaged(boundary, 64, |_, row| row.fill(0.0));
        assert!(cost.top1_agreement < 0.5 && cost.kl_mean > 0.5, "{cost:?}");
        assert!(cost.kl_p99 > cost.kl_mean && cost.perplexity_change_percent > 50.0, "{cost:?}");
    }
}

/// Goal: the KV behind the hop is made of what arrived. Method: rows that are not scored lose all they
/// say; where layers follow, that is felt by those that are, and in front of the head it is not.
#[test]
fn rows_that_are_not_scored_are_coded_too() {
    let of =
        |boundary| damaged(boundary, 64, |at, row| row[usize::from(at >= 32) * 256..].fill(0.0));
    assert!(of(0).kl_mean > 1e-3, "{:?}", of(0));
    assert!(of(1).kl_mean > 1e-3, "{:?}", of(1));
    assert_eq!((of(2).kl_mean, of(2).top1_agreement), (0.0, 1.0));
}

/// What one boundary costs does not depend on which others are measured beside it.
#[test]
fn boundaries_can_be_chosen() {
    let all = measure(&setup("draft"), &task(&LOSSY)).unwrap();
    let chosen = Task { boundaries: Some(vec![2, 1, 2]), ..task(&[WireCodec::Int8]) };
    let chosen = measure(&setup("draft"), &chosen).unwrap();
    assert_eq!(chosen.boundaries().collect::<Vec<_>>(), [1, 2]);
    for boundary in [1, 2] {
        assert_eq!(chosen.find(boundary, WireCodec::Int8), all.find(boundary, WireCodec::Int8));
        assert_eq!(chosen.costs(boundary).count(), 1);
    }
}

#[test]
fn the_text_that_comes_along_is_long_enough_for_the_defaults() {
    assert!((6 << 10..10 << 10).contains(&DIALOGUE.len()), "{} bytes", DIALOGUE.len());
    let file = ModelFile::open(&model("target")).unwrap();
    let (facts, chunks) =
        read_text(&Task { context: 512, chunks_max: None, ..task(&[]) }, &file).unwrap();
    assert!(chunks.count() >= 3, "{facts:?}");
    assert_eq!(facts.bytes, DIALOGUE.len() - 1);
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_would_be_right() {
    let refusal = |task: &Task| format!("{:#}", measure(&setup("draft"), task).unwrap_err());
    let dialogue = "src/bench/perplexity/tests/dialogue.txt";
    let text = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(dialogue));
    let short = refusal(&Task { text, context: 1024, ..task(&LOSSY) });
    assert!(
        short.contains("dialogue.txt is too short: give a longer --text or a smaller"),
        "{short}"
    );
    assert!(short.ends_with(" tokens, and a chunk needs 1024"), "{short}");
    let boundary = refusal(&Task { boundaries: Some(vec![1, 3]), ..task(&LOSSY) });
    assert_eq!(boundary, "there is no boundary 3; the model's are 0 to 2");
    let odd = refusal(&Task { context: 33, ..task(&LOSSY) });
    assert!(odd.contains("even"), "{odd}");
}
