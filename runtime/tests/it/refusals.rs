//! What the runtime refuses: files that do not fit themselves, passes that do not fit their stage.

use crate::chain::one_thread;
use crate::places;
use base::{LayerRange, Position, TokenId};
use runtime::{
    BLOCK_SLOTS, ForwardError, Input, InputError, KvOptions, KvPool, LoadError, ModelFile,
    SequenceId, Span, SpanOutput, Stage, StageSpec,
};
use std::path::PathBuf;

fn micro() -> PathBuf {
    places::golden().join("micro/micro-llama3.gguf")
}

/// Opens the micro model with one string in it replaced by another of the same length.
fn open_changed(from: &str, to: &str) -> Result<ModelFile, LoadError> {
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(micro()).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, bytes).unwrap();
    ModelFile::open(&path)
}

fn check_changed(from: &str, to: &str, words: &[&str]) {
    let error = open_changed(from, to).expect_err(to).to_string();
    for word in words {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

#[test]
fn a_missing_or_strange_tensor_is_named() {
    let missing = ["lacks the tensor blk.1.attn_k.weight", "blk.1.attn_norm.weight", "more"];
    check_changed("blk.1.attn_k.weight", "blk.7.attn_k.weight", &missing);
    // A tied model may do without a head, and so a bias in its place is what stands out.
    check_changed(
        "rope_freqs.weight",
        "blk.0.attn_q.bias",
        &["needs the tensor blk.0.attn_q.bias"],
    );
}

#[test]
fn an_unknown_architecture_or_key_is_named() {
    // The first "llama" is the architecture's; keys follow it.
    check_changed("llama", "gemma", &["architecture", "\"gemma\"", "known: llama"]);
    let key = ("llama.rope.freq_base", "llama.rope.frac_base");
    check_changed(key.0, key.1, &["needs the key llama.rope.frac_base"]);
    let key = ("llama.block_count", "other.block_count");
    check_changed(key.0, key.1, &["lacks the key llama.block_count"]);
}

#[test]
fn an_unknown_dtype_is_named_with_its_tensor() {
    let mut bytes = std::fs::read(micro()).unwrap();
    let name = b"blk.0.attn_v.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // After the name: a count of dimensions, two dimensions, then the type.
    bytes[at + 4 + 16..][..4].copy_from_slice(&7_u32.to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, &bytes).unwrap();
    let error = ModelFile::open(&path).unwrap_err().to_string();
    for word in ["blk.0.attn_v.weight", "Q5_1", "known: F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q4_K"] {
        assert!(error.contains(word), "{error}");
    }
    // The same tensor with more rows than it has bytes for.
    bytes[at + 4 + 16..][..4].copy_from_slice(&1_u32.to_le_bytes());
    for rows in [65_u64, 1 << 40, u64::MAX] {
        bytes[at + 4 + 8..][..8].copy_from_slice(&rows.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(ModelFile::open(&path), Err(LoadError::Corrupt { .. })), "{rows}");
    }
}

#[test]
fn tensors_that_overlap_are_refused() {
    let mut bytes = std::fs::read(micro()).unwrap();
    let name = b"blk.0.attn_v.weight";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    // Where the tensor starts comes after its dimensions and its type. Back by one quantum.
    let start = &mut bytes[at + 4 + 16 + 4..][..8];
    let back = u64::from_le_bytes(start.try_into().unwrap()) - 32;
    start.copy_from_slice(&back.to_le_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, &bytes).unwrap();
    let error = ModelFile::open(&path).unwrap_err().to_string();
    assert!(error.contains("blk.0.attn_v.weight overlap"), "{error}");
}

#[test]
fn what_threads_share_can_be_shared() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ModelFile>();
    check::<Stage>();
    check::<KvPool>();
    check::<LoadError>();
    check::<ForwardError>();
}

#[test]
fn a_file_cut_short_or_absent_is_an_error() {
    let bytes = std::fs::read(micro()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.gguf");
    for len in [0, 3, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..len]).unwrap();
        assert!(matches!(ModelFile::open(&path), Err(LoadError::Corrupt { .. })), "{len}");
    }
    assert!(matches!(ModelFile::open(&folder.path().join("no")), Err(LoadError::Read { .. })));
    let empty_folder = ModelFile::open(folder.path());
    assert!(matches!(empty_folder, Err(LoadError::Read { .. })));
}

/// Goal: a node of a few layers does not pay for the others. Method: the stages' mapped bytes add up
/// to the whole, and each has its share alone.
#[test]
fn a_stage_maps_the_weights_of_its_layers_and_no_others() {
    let file = ModelFile::open(&micro()).unwrap();
    let bytes = |start, end, embedding, head| {
        let layers = LayerRange::new(start, end).unwrap();
        file.load_stage(StageSpec { layers, embedding, head }, &one_thread())
            .unwrap()
            .weight_bytes()
            .0
    };
    // Per layer, in float16: queries, output: 128 * 64; keys, values: 64 * 64; three of 96 * 64.
    let layer = 2 * (2 * 128 * 64 + 2 * 64 * 64 + 3 * 96 * 64);
    let embedding = 2 * 288 * 64;
    assert_eq!(bytes(0, 1, false, false), layer);
    assert_eq!(bytes(0, 2, false, false), 2 * layer);
    assert_eq!(bytes(1, 1, true, false), embedding);
    assert_eq!(bytes(1, 2, false, true), layer + embedding);
    assert_eq!(bytes(0, 2, true, true), 2 * layer + embedding, "a tied head is mapped once");
    let beyond = StageSpec { layers: LayerRange::all(3), embedding: false, head: false };
    assert!(matches!(
        file.load_stage(beyond, &one_thread()),
        Err(LoadError::Layers { layers: 2, .. })
    ));
}

#[test]
fn the_fingerprint_tells_models_apart_and_not_their_copies() {
    let open = |name: &str| ModelFile::open(&places::golden().join("micro").join(name)).unwrap();
    let original = open("micro-llama3.gguf").fingerprint();
    assert_eq!(open("micro-llama3.gguf").fingerprint(), original);
    assert_ne!(open("micro-quantized.gguf").fingerprint(), original);
    // The last byte of the file is a weight's; the name of the architecture's first piece is not.
    let mut bytes = std::fs::read(micro()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.gguf");
    std::fs::write(&path, bytes).unwrap();
    assert_ne!(ModelFile::open(&path).unwrap().fingerprint(), original);
}

/// A whole micro model with a pool of two blocks and one sequence.
fn stage() -> (Stage, KvPool, SequenceId) {
    let stage =
        ModelFile::open(&micro()).unwrap().load_stage(StageSpec::whole(2), &one_thread()).unwrap();
    let mut pool = stage.new_pool(64).unwrap();
    let sequence = pool.open(&KvOptions::default());
    (stage, pool, sequence)
}

fn span(sequence: SequenceId, base: u32, input: Input<'_>) -> Span<'_> {
    Span { sequence, base: Position(base), input, logits: 0..1 }
}

const TOKENS: [TokenId; 40] = [TokenId(5); 40];

#[test]
fn a_pass_that_does_not_fit_the_pool_changes_nothing() {
    let (stage, mut pool, first) = stage();
    let second = pool.open(&KvOptions::default());
    let spans =
        [span(first, 0, Input::Tokens(&TOKENS)), span(second, 0, Input::Tokens(&TOKENS[..1]))];
    let error = stage.forward(stage.spec(), &spans, &mut pool).unwrap_err();
    let blocks = |count| stage.kv_bytes(&KvOptions::default(), count * BLOCK_SLOTS, 0);
    let ForwardError::PoolFull { wanted, free } = error else { panic!("{error}") };
    assert_eq!((wanted, free), (blocks(3), blocks(2)));
    assert_eq!((pool.len(first), pool.len(second), pool.free()), (0, 0, blocks(2)));
    stage.forward(stage.spec(), &spans[..1], &mut pool).unwrap();
    assert_eq!((pool.len(first), pool.free()), (40, blocks(0)));
}

#[test]
fn a_pass_must_continue_its_sequences_where_they_end() {
    let (stage, mut pool, sequence) = stage();
    let closed = pool.open(&KvOptions::default());
    pool.close(closed);
    let mut run = |spans: &[Span<'_>]| stage.forward(stage.spec(), spans, &mut pool);
    let token = Input::Tokens(&TOKENS[..1]);
    let gap = run(&[span(sequence, 1, token)]).unwrap_err();
    assert!(matches!(gap, ForwardError::Gap { base: Position(1), held: 0, .. }), "{gap}");
    let closed = run(&[span(closed, 0, token)]).unwrap_err();
    assert!(matches!(closed, ForwardError::UnknownSequence { .. }), "{closed}");
    let twice = run(&[span(sequence, 0, token), span(sequence, 0, token)]).unwrap_err();
    assert!(matches!(twice, ForwardError::DuplicateSequence { .. }), "{twice}");
    assert_eq!(run(&[]).unwrap(), []);
}

#[test]
fn a_sequence_may_not_leave_the_context_or_change_its_layers() {
    let file = ModelFile::open(&micro()).unwrap();
    let stage = file.load_stage(StageSpec::whole(2), &one_thread()).unwrap();
    let mut pool = stage.new_pool(1000).unwrap();
    let sequence = pool.open(&KvOptions::default());
    let many = [TokenId(1); 129];
    assert!(stage.new_pool(usize::MAX).is_err());
    let full = stage.forward(stage.spec(), &[span(sequence, 0, Input::Tokens(&many))], &mut pool);
    let full = full.unwrap_err();
    assert!(matches!(full, ForwardError::ContextFull { context_length: 128, .. }), "{full}");
    let last = pool.open(&KvOptions::default());
    stage.forward(stage.spec(), &[span(last, 0, Input::Tokens(&many[1..]))], &mut pool).unwrap();

    let first = StageSpec { layers: LayerRange::all(1), embedding: true, head: false };
    let token = Input::Tokens(&TOKENS[..1]);
    stage.forward(first, &[span(sequence, 0, token)], &mut pool).unwrap();
    let other = stage.forward(stage.spec(), &[span(sequence, 1, token)], &mut pool).unwrap_err();
    assert!(matches!(other, ForwardError::OtherLayers { .. }), "{other}");
}

#[test]
fn a_part_that_is_not_loaded_or_skips_layers_does_not_run() {
    let file = ModelFile::open(&micro()).unwrap();
    let layers = |start, end| LayerRange::new(start, end).unwrap();
    let whole = file.load_stage(StageSpec::whole(2), &one_thread()).unwrap();
    let tail = StageSpec { layers: layers(1, 2), embedding: false, head: true };
    let tail_stage = file.load_stage(tail, &one_thread()).unwrap();
    let refused = |stage: &Stage, run: StageSpec| {
        let mut pool = stage.new_pool(32).unwrap();
        matches!(stage.forward(run, &[], &mut pool), Err(ForwardError::Stage { .. }))
    };
    assert!(refused(&tail_stage, StageSpec { embedding: true, ..tail }));
    assert!(refused(&tail_stage, StageSpec { layers: layers(0, 2), ..tail }));
    assert!(refused(&whole, StageSpec { embedding: true, ..tail }));
    assert!(refused(&whole, StageSpec { layers: layers(0, 1), ..tail }));
    assert!(refused(&whole, StageSpec { layers: layers(1, 1), ..StageSpec::whole(2) }));
    assert!(!refused(&whole, tail));
}

#[test]
fn rows_that_the_stage_cannot_take_are_refused_by_their_problem() {
    let (stage, mut pool, sequence) = stage();
    let mut problem = |run: StageSpec, input: Input<'_>, logits| {
        let span = Span { logits, ..span(sequence, 0, input) };
        match stage.forward(run, &[span], &mut pool) {
            Err(ForwardError::Input { problem, .. }) => problem,
            other => panic!("{other:?}"),
        }
    };
    let whole = stage.spec();
    let layers = StageSpec { embedding: false, ..whole };
    let tokens = Input::Tokens(&TOKENS[..2]);
    let hidden = [0.0; 70];
    assert_eq!(problem(whole, Input::Tokens(&[]), 0..0), InputError::Empty);
    assert_eq!(problem(layers, Input::Hidden(&[]), 0..0), InputError::Empty);
    assert_eq!(problem(whole, Input::Hidden(&hidden[..64]), 0..1), InputError::NotTokens);
    assert_eq!(problem(layers, tokens, 0..1), InputError::NotHidden);
    let (len, width) = (70, 64);
    assert_eq!(problem(layers, Input::Hidden(&hidden), 0..1), InputError::Width { len, width });
    let (token, vocab) = (TokenId(288), 288);
    let beyond = problem(whole, Input::Tokens(&[token]), 0..1);
    assert_eq!(beyond, InputError::Token { token, vocab });
    let (start, end, rows) = (1, 3, 2);
    assert_eq!(problem(whole, tokens, 1..3), InputError::Logits { start, end, rows });
}

/// A device that keeps embedding and head runs both ends of a round on one stage; only the layers
/// have KV.
#[test]
fn embedding_and_head_run_without_layers_and_touch_no_kv() {
    let (stage, mut pool, sequence) = stage();
    let none = LayerRange::all(0);
    let embed = StageSpec { layers: none, embedding: true, head: false };
    let token = Input::Tokens(&TOKENS[..3]);
    // No position is looked at, not even one that cannot be counted on from.
    let hidden = stage.forward(embed, &[span(sequence, u32::MAX, token)], &mut pool).unwrap();
    let [SpanOutput::Hidden(hidden)] = hidden.as_slice() else { panic!("no hidden states") };
    assert_eq!(hidden.len(), 3 * 64);
    let head = StageSpec { layers: none, embedding: false, head: true };
    let logits = stage.forward(head, &[span(sequence, 9, Input::Hidden(hidden))], &mut pool);
    let logits = logits.unwrap();
    assert!(matches!(logits.as_slice(), [SpanOutput::Logits(logits)] if logits.len() == 288));
    assert_eq!((pool.len(sequence), pool.used().0), (0, 0));
}
