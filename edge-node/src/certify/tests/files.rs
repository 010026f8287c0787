//! What is written, and what is read again.

use super::*;
use base::{ModelFingerprint, WireCodec};
use clap::Parser;
use serde_json::{Value, json};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    certify: CertifyArguments,
}

fn line(model: &Path, more: &[&str]) -> Result<CertifyArguments, clap::Error> {
    let fixed = ["edge-node", "--model", model.to_str().unwrap()];
    Program::try_parse_from(fixed.into_iter().chain(more.iter().copied())).map(|line| line.certify)
}

fn fingerprint(name: &str) -> ModelFingerprint {
    ModelFile::open(&model(name)).unwrap().fingerprint()
}

/// A certificate of the draft, written to `path`.
fn written(path: &Path) -> Certificate {
    let certificate = measure(&setup("draft"), &task(&LOSSY)).unwrap();
    let destination = Destination::claim("the certificate", path).unwrap();
    destination.write(certificate.facts()).unwrap();
    certificate
}

#[test]
fn the_command_writes_a_file_that_says_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.json");
    let out = path.to_str().unwrap();
    let options = ["--out", out, "--context", "32", "--chunks", "1", "--codecs", "int8,f16,int8"];
    certify(line(&model("draft"), &options).unwrap()).unwrap();
    let certificate = Certificate::load(&path, fingerprint("draft"), KvFormat::F16).unwrap();
    let codecs: Vec<WireCodec> = certificate.costs(1).map(|cost| cost.codec).collect();
    assert_eq!(codecs, [WireCodec::F16, WireCodec::Int8]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no neighbour is left");
}

#[test]
fn a_file_says_the_same_when_it_is_read_and_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.json");
    std::fs::write(&path, "an older one").unwrap();
    let certificate = written(&path);
    let read = Certificate::load(&path, fingerprint("draft"), KvFormat::F16).unwrap();
    assert_eq!(read, certificate);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no neighbour is left");
    let table = read.to_string();
    assert!(table.contains(&fingerprint("draft").to_string()), "{table}");
    assert!(table.contains("\n       1  int8 "), "{table}");
}

#[test]
fn a_certificate_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.json");
    written(&path);
    let refusal = |model, kv| Certificate::load(&path, model, kv).unwrap_err().to_string();
    let (draft, target) = (fingerprint("draft"), fingerprint("target"));
    let other = refusal(target, KvFormat::F16);
    assert!(other.contains(&format!("certifies the model {draft}")), "{other}");
    assert!(other.contains(&format!("the target is {target}")), "{other}");
    let other = refusal(draft, KvFormat::Q8);
    assert!(other.contains("KV in f16") && other.contains("certify it with `--kv q8`"), "{other}");

    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(kernels::NUMERICS_CLASS, "causeway-1")).unwrap();
    let other = refusal(draft, KvFormat::F16);
    assert!(other.contains("\"causeway-1\"") && other.contains(kernels::NUMERICS_CLASS), "{other}");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.json");
    let whole = serde_json::to_value(written(&path).facts()).unwrap();
    let refusal = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let loaded = Certificate::load(&path, fingerprint("draft"), KvFormat::F16);
        settings::chain(&loaded.unwrap_err())
    };
    let with = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).expect(pointer) = value;
        refusal(&changed.to_string())
    };
    let cut = whole.to_string();
    for (said, expected) in [
        (refusal(&cut[..cut.len() / 2]), "no certificate or a damaged one"),
        (refusal("[]"), "no certificate or a damaged one"),
        (with("/version", json!(9)), "version 9, this program reads 1"),
        (with("/model", json!("abc")), "no certificate or a damaged one"),
        (with("/text", json!({ "title": "x" })), "unknown field `title`"),
        (with("/layers", json!(0)), "a model of 0 layers"),
        (with("/layers", json!(5000)), "a model of 5000 layers"),
        (with("/layers", json!(1)), "boundary 2 where 2 to 1 may follow"),
        (with("/boundaries/1/boundary", json!(0)), "boundary 0 where 1 to 2 may follow"),
        (with("/boundaries/1/costs/1/codec", json!("f16")), "f16 twice at boundary 1"),
        (with("/boundaries/1/costs/1/codec", json!("f15")), "there is no codec \"f15\""),
        (with("/boundaries/1/scales", json!([])), "0 scales at boundary 1; a row has 256 channels"),
        (with("/width", json!(255)), "256 scales at boundary 0; a row has 255 channels"),
        (with("/boundaries/1/costs/1/top1_agreement", json!(1.01)), "top1_agreement is 1.01"),
        (with("/boundaries/1/costs/1/kl_mean", json!(-1e-9)), "kl_mean is -0.000000001"),
        (with("/boundaries/1/costs/1/kl_p99", json!(null)), "no certificate or a damaged one"),
        (with("/boundaries/1/costs/1/bits_per_value", json!(0)), "bits_per_value is 0"),
    ] {
        assert!(said.contains("draft.json"), "{said}");
        assert!(said.contains(expected), "{said} has no {expected:?}");
    }
    std::fs::File::create(&path).unwrap().set_len((32 << 20) + 1).unwrap();
    let large = Certificate::load(&path, fingerprint("draft"), KvFormat::F16).unwrap_err();
    assert!(matches!(large, CertificateError::TooLarge { .. }), "{large}");
    let missing = Certificate::load(&folder.path().join("no"), fingerprint("draft"), KvFormat::F16);
    assert!(matches!(missing, Err(CertificateError::Read { .. })), "{missing:?}");
}

/// Goal: nobody waits for hours to hear that there is no such folder. Method: the model is missing too,
/// and the folder is what is complained about.
#[test]
fn a_place_that_cannot_be_written_to_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |out: &Path| {
        let arguments = line(Path::new("no.gguf"), &["--out", out.to_str().unwrap()]).unwrap();
        format!("{:#}", certify(arguments).unwrap_err())
    };
    let missing = refusal(&folder.path().join("missing/draft.json"));
    assert!(missing.contains("missing/draft.json: there is no folder "), "{missing}");
    assert!(missing.ends_with("missing; make it first"), "{missing}");
    let taken = refusal(folder.path());
    assert!(taken.ends_with("it is a folder; name a file in it"), "{taken}");
    let right = refusal(&folder.path().join("draft.json"));
    assert!(right.starts_with("cannot open the model"), "{right}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn the_command_line_knows_codecs_and_needs_a_place() {
    let line = |more: &[&str]| line(Path::new("no.gguf"), more);
    let arguments = line(&["--out", "x", "--codecs", "f32,int8", "--boundaries", "1,3"]).unwrap();
    assert_eq!(arguments.codecs, Some(vec![WireCodec::F32, WireCodec::Int8]));
    assert_eq!(arguments.boundaries, Some(vec![1, 3]));
    let refusal = line(&["--out", "x", "--codecs", "int9"]).unwrap_err().to_string();
    assert!(refusal.contains("there is no codec \"int9\"; codecs are f32, "), "{refusal}");
    let refusal = line(&[]).unwrap_err().to_string();
    assert!(refusal.contains("--out <OUT>"), "{refusal}");
}
