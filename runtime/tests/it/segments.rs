//! KV that one node computes and another uses: the text is that of who computes it all himself.

use crate::chain::{Chain, assert_same_bits, one_thread};
use base::{ByteCount, KvFormat, LayerRange, Position, TokenId, WireCodec};
use runtime::{
    Arrival, Input, KvOptions, KvPool, Lineage, ModelFile, PrefixScope, SegmentFormat,
    SegmentStore, Segments, SequenceId, Span, SpanOutput, Stage, StageSpec,
};
use std::path::Path;

/// Layers of the demo's target.
const LAYERS: u32 = 6;

/// Positions of the text: four whole blocks and some more.
const TEXT: usize = 140;

/// A stage and its KV.
struct Node {
    stage: Stage,
    pool: KvPool,
}

fn model() -> ModelFile {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    ModelFile::open(&models.join("causeway-demo-target-q8_0.gguf")).unwrap()
}

fn layers(start: u32, end: u32) -> LayerRange {
    LayerRange::new(start, end).unwrap()
}

fn text() -> Vec<TokenId> {
    (0..u32::try_from(TEXT).unwrap()).map(|at| TokenId((at * 37 + at * at) % 1000)).collect()
}

/// Of a tenant on all its nodes.
fn tenant(format: KvFormat) -> KvOptions {
    let tokenizer = model().tokenizer().unwrap().fingerprint();
    KvOptions { format, scope: PrefixScope::tenant(b"secret", tokenizer), ..KvOptions::default() }
}

impl Node {
    fn new(range: LayerRange) -> Self {
        let spec =
            StageSpec { layers: range, embedding: range.start() == 0, head: range.end() == LAYERS };
        let stage = model().load_stage(spec, &one_thread()).unwrap();
        let pool = stage.new_pool(2048).unwrap();
        Self { stage, pool }
    }

    /// A cloud that has computed `text` in all layers.
    fn with(options: &KvOptions, text: &[TokenId]) -> Self {
        let mut node = Self::new(LayerRange::all(LAYERS));
        let sequence = node.pool.open(options);
        node.run(sequence, node.stage.spec(), Input::Tokens(text), text.len());
        node
    }

    fn segments(&self, options: &KvOptions) -> Segments {
        self.stage.segments(options, &text()).unwrap()
    }

    /// Runs `rows` more rows of `sequence` through `run`; of logits, those of the last row.
    fn run(
        &mut self,
        sequence: SequenceId,
        run: StageSpec,
        input: Input<'_>,
        rows: usize,
    ) -> Vec<f32> {
        let base = Position::after(self.pool.len(sequence));
        let span = Span { sequence, base, input, logits: rows - 1..rows };
        match self.stage.forward(run, &[span], &mut self.pool).unwrap().remove(0) {
            SpanOutput::Hidden(rows) | SpanOutput::Logits(rows) => rows,
        }
    }

    /// Takes the segments of `range` from `other`; the last block first.
    fn take(
        &mut self,
        other: &mut Self,
        options: &KvOptions,
        range: LayerRange,
        format: SegmentFormat,
    ) {
        // Each side names them for itself.
        let (ours, theirs) = (self.segments(options), other.segments(options));
        for block in (0..ours.blocks()).rev() {
            let ours = ours.at(block, range, format).unwrap();
            let theirs = theirs.at(block, range, format).unwrap();
            assert_eq!(ours.key(), theirs.key());
            let bytes = other.pool.export(&theirs).unwrap();
            assert_eq!(self.pool.import(&ours, &bytes), Ok(Arrival::Taken));
        }
    }
}

/// The last row's logits of who runs the whole text alone.
fn alone(format: KvFormat) -> Vec<f32> {
    let options = KvOptions { format, ..KvOptions::default() };
    Chain::with(&model(), &[], &options).run(&text(), TEXT - 1..TEXT).unwrap()
}

/// Goal: the bytes of any layers leave one pool and enter another unchanged. Method: every range of
/// layers, in every format of pools; what was taken in is given out again, and parts make the whole.
#[test]
fn every_range_of_layers_travels_exactly() {
    for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let options = tenant(format);
        let mut cloud = Node::with(&options, &text());
        for (start, end) in
            (0..LAYERS).flat_map(|start| (start + 1..=LAYERS).map(move |end| (start, end)))
        {
            let range = layers(start, end);
            let mut other = Node::new(range);
            other.take(&mut cloud, &options, range, SegmentFormat::Exact);
            let segments = cloud.segments(&options);
            let mut bytes = |range| {
                let segment = segments.at(2, range, SegmentFormat::Exact).unwrap();
                cloud.pool.export(&segment).unwrap()
            };
            let whole = bytes(range);
            let parts: Vec<u8> = range.iter().flat_map(|l| bytes(layers(l, l + 1))).collect();
            assert!(whole == parts, "{format:?}, layers {range}");
            let segment = segments.at(2, range, SegmentFormat::Exact).unwrap();
            assert!(other.pool.export(&segment).unwrap() == whole, "{format:?}, layers {range}");
        }
    }
}

/// Goal: prefill offload changes no bit. Method: the cloud has run the prompt through all layers; the
/// device takes over its own from that, and a session at the cloud goes on in the others.
#[test]
fn a_device_goes_on_from_what_the_cloud_computed_and_no_bit_differs() {
    let text = text();
    for format in [KvFormat::F32, KvFormat::F16, KvFormat::Q8, KvFormat::Q4] {
        let options = tenant(format);
        let mut cloud = Node::with(&options, &text[..TEXT - 1]);
        for split in 1..LAYERS {
            let (ours, theirs) = (layers(0, split), layers(split, LAYERS));
            let mut device = Node::new(ours);
            device.take(&mut cloud, &options, ours, SegmentFormat::Exact);
            let [here, there] = [device.pool.open(&options), cloud.pool.open(&options)];
            assert_eq!(device.pool.adopt_known(here, ours, &text), 128);
            assert_eq!(cloud.pool.adopt_known(there, theirs, &text), 128);
            let rows = TEXT - 128;
            let spec = device.stage.spec();
            let states = device.run(here, spec, Input::Tokens(&text[128..]), rows);
            let upper = StageSpec { layers: theirs, embedding: false, head: true };
            let logits = cloud.run(there, upper, Input::Hidden(&states), rows);
            assert_same_bits(&logits, &alone(format), &format!("{format:?}, split at {split}"));
            let counts = device.pool.counts();
            assert_eq!((counts.run, counts.adopted), (rows as u64, 128));
        }
    }
}

/// Goal: a stage between others can move, though it saw hidden states alone. Method: a chain of two runs
/// the text; the upper one is told what it was, and a third node takes its place.
#[test]
fn a_stage_that_is_told_its_text_moves_to_another_node() {
    let (text, options) = (text(), tenant(KvFormat::F16));
    let (lower, upper) = (layers(0, 2), layers(2, LAYERS));
    let [mut device, mut cloud, mut next] = [lower, upper, upper].map(Node::new);
    let [here, there] = [device.pool.open(&options), cloud.pool.open(&options)];
    let (device_spec, cloud_spec) = (device.stage.spec(), cloud.stage.spec());
    for pass in [0..50, 50..130] {
        let tokens = &text[pass.clone()];
        let states = device.run(here, device_spec, Input::Tokens(tokens), tokens.len());
        cloud.run(there, cloud_spec, Input::Hidden(&states), tokens.len());
        cloud.pool.tell_text(there, tokens);
    }
    next.take(&mut cloud, &options, upper, SegmentFormat::Exact);
    let moved = next.pool.open(&options);
    assert_eq!(next.pool.adopt_known(moved, upper, &text), 128);
    device.pool.truncate(here, Position(128)).unwrap();
    let states = device.run(here, device_spec, Input::Tokens(&text[128..]), TEXT - 128);
    let logits = next.run(moved, cloud_spec, Input::Hidden(&states), TEXT - 128);
    assert_same_bits(&logits, &alone(KvFormat::F16), "moved");
    // A session whose hidden states are rounded on their way is another one.
    let rounded = KvOptions { lineage: Lineage::EXACT.hop(2, WireCodec::F16, &[]), ..options };
    let other = next.pool.open(&rounded);
    assert_eq!(next.pool.adopt_known(other, upper, &text), 0);
}

/// Goal: another plan, with more layers on the device, costs no prefill. Method: the device's own KV of
/// its layers and the cloud's of the next ones make segments of all of them.
#[test]
fn parts_of_two_nodes_make_the_segments_of_more_layers() {
    let (text, options) = (text(), tenant(KvFormat::F16));
    let mut cloud = Node::with(&options, &text);
    let mut device = Node::new(layers(0, 4));
    let before = StageSpec { layers: layers(0, 2), embedding: true, head: false };
    let sequence = device.pool.open(&options);
    device.run(sequence, before, Input::Tokens(&text), TEXT);
    let segments = device.segments(&options);
    for block in 0..segments.blocks() {
        let at = |range| segments.at(block, range, SegmentFormat::Exact).unwrap();
        let own = device.pool.export(&at(layers(0, 2))).unwrap();
        let theirs = cloud.pool.export(&at(layers(2, 4))).unwrap();
        let arrival = device.pool.import(&at(layers(0, 4)), &[own, theirs].concat());
        assert_eq!(arrival, Ok(Arrival::Taken));
    }
    let [here, there] = [device.pool.open(&options), cloud.pool.open(&options)];
    assert_eq!(device.pool.adopt_known(here, layers(0, 4), &text), 128);
    assert_eq!(cloud.pool.adopt_known(there, layers(4, LAYERS), &text), 128);
    let spec = device.stage.spec();
    let states = device.run(here, spec, Input::Tokens(&text[128..]), TEXT - 128);
    let upper = StageSpec { layers: layers(4, LAYERS), embedding: false, head: true };
    let logits = cloud.run(there, upper, Input::Hidden(&states), TEXT - 128);
    assert_same_bits(&logits, &alone(KvFormat::F16), "re-planned");
}

/// Goal: a restart keeps what was read. Method: a pool's segments go to disk, nothing else survives, and
/// a new pool takes them from there.
#[test]
fn after_a_restart_nothing_of_the_text_runs_again() {
    let (text, options) = (text(), tenant(KvFormat::F16));
    let folder = tempfile::tempdir().unwrap();
    let open = || SegmentStore::open(folder.path(), ByteCount(16 << 20)).unwrap();
    let all = LayerRange::all(LAYERS);
    {
        let (mut node, store) = (Node::with(&options, &text), open());
        let segments = node.segments(&options);
        for block in 0..segments.blocks() {
            let segment = segments.at(block, all, SegmentFormat::Exact).unwrap();
            store.put(segment.key(), &node.pool.export(&segment).unwrap());
        }
    }
    let (mut node, store) = (Node::new(all), open());
    let segments = node.segments(&options);
    for block in 0..segments.blocks() {
        let segment = segments.at(block, all, SegmentFormat::Exact).unwrap();
        let bytes = store.get(segment.key()).unwrap();
        assert_eq!(node.pool.import(&segment, &bytes), Ok(Arrival::Taken));
    }
    let sequence = node.pool.open(&options);
    let logits = node.run(sequence, node.stage.spec(), Input::Tokens(&text), TEXT);
    assert_same_bits(&logits, &alone(KvFormat::F16), "restarted");
    let counts = node.pool.counts();
    assert_eq!((counts.run, counts.adopted), (TEXT as u64 - 128, 128));
}

/// Goal: a loss is small, and nobody has it who does not want it. Method: the same text after exact and
/// after lossy segments, by the largest difference of a logit; `q8`, the first, is the nearest.
#[test]
fn lossy_segments_are_near_and_exact_sessions_never_see_them() {
    let text = text();
    for format in [KvFormat::F32, KvFormat::F16] {
        let exact = tenant(format);
        let mut cloud = Node::with(&exact, &text);
        let expected = alone(format);
        let mut nearest = None;
        for (segment_format, most) in [
            (SegmentFormat::Q8, 0.25),
            (SegmentFormat::CodedFine, 1.0),
            (SegmentFormat::Q4, 3.0),
            (SegmentFormat::CodedCoarse, 3.0),
        ] {
            let all = LayerRange::all(LAYERS);
            let mut node = Node::new(all);
            node.take(&mut cloud, &exact, all, segment_format);
            let plain = node.pool.open(&exact);
            assert_eq!(node.pool.adopt_known(plain, all, &text), 0);
            let lossy = node.pool.open(&KvOptions { accepts: segment_format, ..exact });
            let logits = node.run(lossy, node.stage.spec(), Input::Tokens(&text), TEXT);
            assert_eq!(node.pool.counts().adopted, 128);
            let differences = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let largest = differences.fold(0.0, f32::max);
            let least = *nearest.get_or_insert(largest);
            assert!(
                0.0 < least && least <= largest && largest < most,
                "{format:?} {segment_format}: {largest}"
            );
            let logits = node.run(plain, node.stage.spec(), Input::Tokens(&text), TEXT);
            assert_same_bits(&logits, &expected, "exact");
        }
    }
}
