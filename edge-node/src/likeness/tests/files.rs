//! What is kept between starts, and what a file may say.

use super::*;
use crate::demo;
use crate::likeness::{Agreement, Likeness, LikenessState, StateFlaw, WeightsError};
use runtime::ModelFile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const VALUES: [f64; WEIGHTS] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];

/// One that has learned something.
fn learned() -> Likeness {
    let mut likeness = Likeness::new(weights(VALUES));
    for reply in 0..40_u32 {
        let asked = features(f64::from(reply % 5) - 2.0, f64::from(reply % 3) - 1.0, 0.3);
        likeness.observe(&asked, Agreement::new(reply % 20, 20));
    }
    likeness
}

fn through_json(state: &LikenessState, change: impl FnOnce(&mut Value)) -> LikenessState {
    let mut value = serde_json::to_value(state).unwrap();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_was_learned_goes_on_as_if_it_had_never_stopped() {
    let (mut went_on, state) = (learned(), learned().state());
    let mut resumed = Likeness::resume(weights(VALUES), &state).unwrap();
    assert_eq!(resumed, went_on);
    let asked = features(1.0, -1.0, 0.0);
    went_on.observe(&asked, Agreement::new(3, 12));
    resumed.observe(&asked, Agreement::new(3, 12));
    assert_eq!(resumed, went_on, "the same replies teach the same");
}

#[test]
fn it_is_kept_in_a_few_hundred_bytes() {
    let text = serde_json::to_string(&learned().state()).unwrap();
    assert!(text.len() < 900, "{} bytes", text.len());
    let state: LikenessState = serde_json::from_str(&text).unwrap();
    let (kept, asked) =
        (Likeness::resume(weights(VALUES), &state).unwrap(), features(1.0, 0.2, 0.1));
    assert!((kept.chance(&asked) - learned().chance(&asked)).abs() < 1e-12);
}

#[test]
fn what_cannot_have_been_learned_is_refused() {
    let state = learned().state();
    let refusal =
        |values, state: &LikenessState| Likeness::resume(weights(values), state).unwrap_err();
    assert_eq!(refusal([0.0; WEIGHTS], &state), StateFlaw::OtherWeights);
    for weight in [50.1, -1e300] {
        let changed = through_json(&state, |state| state["mean"][2] = json!(weight));
        assert_eq!(refusal(VALUES, &changed), StateFlaw::Weight, "{weight}");
    }
    // Row 1 is entries 1 and 2, whose last is on the diagonal.
    for (at, value) in [(2, 0.0), (2, -0.01), (2, 0.5), (1, 0.09), (1, 1e300)] {
        let changed = through_json(&state, |state| state["covariance"][at] = json!(value));
        assert_eq!(refusal(VALUES, &changed), StateFlaw::Covariance, "{value} at {at}");
    }
    let broken = Likeness { mean: [f64::NAN; WEIGHTS], ..learned() };
    assert_eq!(refusal(VALUES, &broken.state()), StateFlaw::Weight);
    let broken = Likeness { covariance: [[f64::NAN; WEIGHTS]; WEIGHTS], ..learned() };
    assert_eq!(refusal(VALUES, &broken.state()), StateFlaw::Covariance);
}

#[test]
fn a_state_of_another_length_is_none() {
    let refused = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(learned().state()).unwrap();
        change(&mut value);
        serde_json::from_value::<LikenessState>(value).is_err()
    };
    assert!(refused(|state| state["mean"].as_array_mut().unwrap().truncate(5)));
    assert!(refused(|state| state["covariance"].as_array_mut().unwrap().push(json!(0.0))));
    assert!(refused(|state| state["mean"][0] = Value::Null));
    assert!(refused(|state| state["more"] = json!(1)));
    assert!(!refused(|_| {}));
}

#[test]
fn the_weights_that_come_along_are_of_the_demo_pair() {
    let paths = demo::models::find(None).unwrap();
    let fingerprint =
        |path: &Option<PathBuf>| ModelFile::open(path.as_deref().unwrap()).unwrap().fingerprint();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.json");
    std::fs::write(&path, serde_json::to_vec(&Weights::shipped().to_file()).unwrap()).unwrap();
    let (draft, target) = (fingerprint(&paths.draft), fingerprint(&paths.target));
    assert_eq!(Weights::load(&path, draft, Some(target)).unwrap(), Weights::shipped());
    assert_eq!(Weights::load(&path, draft, None).unwrap(), Weights::shipped());
    let refusal = Weights::load(&path, target, None).unwrap_err();
    assert!(matches!(refusal, WeightsError::OtherModel { role: "draft", .. }), "{refusal}");
    let refusal = Weights::load(&path, draft, Some(draft)).unwrap_err();
    assert!(matches!(refusal, WeightsError::OtherModel { role: "target", .. }), "{refusal}");
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.json");
    let of = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Weights::load(&path, ModelFingerprint([1; 32]), None)
    };
    let with = |change: fn(&mut Value)| {
        let mut value = serde_json::to_value(weights(VALUES).to_file()).unwrap();
        change(&mut value);
        of(&serde_json::to_vec(&value).unwrap())
    };
    assert_eq!(with(|_| {}).unwrap(), weights(VALUES));
    let refusal = |change| settings::chain(&with(change).unwrap_err());
    for (change, said) in [
        ((|file| file["version"] = json!(2)) as fn(&mut Value), "version 2; this program reads 1"),
        (|file| file["features"][0]["name"] = json!("length"), "its features are not sureness,"),
        (|file| file["features"].as_array_mut().unwrap().reverse(), "its features are not"),
        (|file| file["features"][1]["scale"] = json!(0.0), "feature margin_min has no finite"),
        (|file| file["usual"] = json!(-51), "not within 50 of 0: -51"),
        (|file| file["features"][4]["weight"] = json!(1e9), "not within 50 of 0: 1000000000"),
        (|file| file["feature"] = json!(1), "is no file of weights"),
    ] {
        let refusal = refusal(change);
        assert!(refusal.contains(said), "{refusal}");
        assert!(refusal.contains("`edge-node likeness --out` makes"), "{refusal}");
    }
    assert!(matches!(of(&vec![b' '; (64 << 10) + 1]), Err(WeightsError::TooLarge { .. })));
    let missing = Weights::load(Path::new("no.json"), ModelFingerprint([1; 32]), None);
    assert!(matches!(missing, Err(WeightsError::Read { .. })));
}
