//! The demo draft, at sizes that take no time.

use super::model::pass_times;
use super::part::Part;
use super::*;
use base::{LayerRange, NodeName, Role};
use profile::ModelProfile;
use runtime::{KvOptions, ModelFile, Pool, StageSpec};
use settings::Pace;
use std::path::Path;
use std::sync::Arc;

fn demo_draft() -> ModelFile {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    ModelFile::open(&models.join("causeway-demo-draft-q8_0.gguf")).unwrap()
}

fn measured(spec: StageSpec) -> ModelProfile {
    let sizes = Sizes {
        rounds: 1,
        rows: vec![1, 4],
        rows_behind: vec![1],
        contexts: vec![40],
        choices: vec![1, 2],
    };
    let threads = Arc::new(Pool::new(1).unwrap());
    let (kv, pace) = (KvOptions::default(), Pace::default());
    model_profile(&demo_draft(), spec, &threads, &kv, pace, &sizes).unwrap()
}

#[test]
fn a_whole_model_has_times_and_room_for_each_part() {
    let draft = demo_draft();
    let profile = measured(StageSpec::whole(2));
    assert_eq!((profile.layers, profile.width, profile.holds), (2, 256, LayerRange::all(2)));
    assert_eq!(profile.model, draft.fingerprint());
    assert!(profile.times.head_s(2.0) > 0.0, "a head takes time");

    let weights = profile.weights;
    let threads = Arc::new(Pool::new(1).unwrap());
    let all = draft.load_stage(StageSpec::whole(2), &threads).unwrap().weight_bytes();
    // The model's head is its embedding, which counts once where both are there.
    assert_eq!(weights.layer.0 * 2 + weights.head.0, all.0);
    assert!(weights.embedding.0 > 0);
    assert_eq!(weights.kv_position.0, 2 * 2 * 256);
}

/// Goal: parts add up to what was timed. Method: a machine of 10 us a pass, 20 for a layer and 5 more for
/// each row of it, 7 for the head.
#[test]
fn times_of_passes_become_times_of_parts() {
    let spec = StageSpec::whole(4);
    let layers = |rows, context| Part::Layers { rows, context };
    let medians = [
        (Part::OneLayer, 35.0),
        (layers(1, 0), 110.0),
        (layers(4, 0), 170.0),
        (layers(1, 40), 150.0),
        (Part::Embedding { rows: 1 }, 1.0),
        (Part::Head { rows: 1 }, 7.0),
    ];
    let times = pass_times(&medians.into_iter().collect(), spec).unwrap();
    let us = |s: f64| (s * 1e6).round();
    assert_eq!(times.overhead_us, 10.0);
    assert_eq!([us(times.layers_s(4, 1.0, 0.0)), us(times.layers_s(4, 4.0, 0.0))], [100.0, 160.0]);
    assert_eq!(us(times.layers_s(2, 1.0, 40.0)), 70.0);
    assert_eq!(us(times.whole_s(4, 1.0, 1.0, 0.0)), 118.0);
}

/// A hiccup in the pass of one layer makes no layer free.
#[test]
fn noise_takes_at_most_half_of_a_pass_for_overhead() {
    let medians = [(Part::OneLayer, 900.0), (Part::Layers { rows: 1, context: 0 }, 100.0)];
    let times = pass_times(&medians.into_iter().collect(), StageSpec::whole(4)).unwrap();
    assert_eq!((times.overhead_us, times.layers_s(4, 1.0, 0.0)), (50.0, 50e-6));
}

#[test]
fn a_part_that_is_not_there_takes_no_time_and_no_room() {
    let layers = LayerRange::new(1, 2).unwrap();
    let profile = measured(StageSpec { layers, embedding: false, head: false });
    assert_eq!((profile.times.head_s(8.0), profile.times.embedding_s(8.0)), (0.0, 0.0));
    assert_eq!((profile.weights.head.0, profile.weights.embedding.0), (0, 0));
    assert_eq!(profile.holds, layers);
}

#[test]
fn sizes_fit_a_short_context() {
    let sizes = Sizes::up_to(64, 1);
    assert_eq!(sizes.rows, [1, 2, 4, 8, 16, 32, 64]);
    assert!(sizes.contexts.is_empty());
    assert_eq!(Sizes::up_to(1024, 1).contexts, [192, 768]);
}

#[test]
fn a_file_is_read_as_it_was_written_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    let settings = settings::Profile {
        memory_mib: Some(1024),
        price_per_hour: Some(1.5),
        ..settings::Profile::default()
    };
    let target = Some(measured(StageSpec::whole(2)));
    let name = NodeName::new("cloud").unwrap();
    let profile = node_profile(name, Role::Cloud, &settings, target, None);
    assert!(Summary(&profile).to_string().starts_with("cloud cloud, 1024 MiB for models and KV"));
    write(&path, &profile).unwrap();
    assert_eq!(read(&path).unwrap(), Some(profile));

    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("measure again"));
    std::fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("larger than"));
    assert_eq!(read(&folder.path().join("none")).unwrap(), None);
    assert!(matches!(read(folder.path()), Err(ProfileFileError::Io { .. })));
}
