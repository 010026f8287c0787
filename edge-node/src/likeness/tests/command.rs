//! The whole command on a few requests, and the device that uses what it writes.

use super::*;
use crate::likeness::command::{LikenessArguments, Subject, Task, likeness, measure};
use crate::likeness::{Likeness, WeightsError};
use crate::prompt::Prompt;
use crate::{Config, Device, GenerateError, StartError};
use base::Privacy;
use clap::Parser;
use runtime::Turn;
use std::path::{Path, PathBuf};

/// Eight conversations of one request, and one of two.
const TEXT: &str = r#"{"turns": [["user", "I'd like a table for two tonight."]]}
{"turns": [["user", "What's the weather like in San Jose today?"]]}
{"turns": [["user", "Find me a flight to New York."]]}
{"turns": [["user", "I want a large latte."], ["assistant", "With milk?"], ["user", "Yes, please."]]}
{"turns": [["user", "Hi, could you get me a restaurant booking on the 8th please?"]]}
{"turns": [["user", "Help me find a home."]]}
{"turns": [["user", "Make it 7 pm tomorrow at Bird Dog, please."]]}
{"turns": [["user", "Qwx zzyt fnord, 17 plimps of it!"]]}
{"turns": [["user", "That's all, thank you very much. Bye!"]]}
"#;

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    likeness: LikenessArguments,
}

fn text(folder: &Path) -> PathBuf {
    let path = folder.join("text.jsonl");
    std::fs::write(&path, TEXT).unwrap();
    path
}

#[test]
fn a_report_says_what_was_found_on_what() {
    let folder = tempfile::tempdir().unwrap();
    let task = Task { text: text(folder.path()), conversations_max: None };
    let (report, weights) = measure(&Subject::demo().unwrap(), &task).unwrap();
    let found = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&found["conversations"], &found["fitted"], &found["held"]),
        (&9.into(), &5.into(), &5.into())
    );
    let judges = found["judges"].as_array().unwrap();
    let names: Vec<_> = judges.iter().map(|judge| judge["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["fitted", "present", "learning", "entropy", "random", "perfect"]);
    let agreeing =
        |judge: usize, tenth: usize| judges[judge]["quality"]["agreeing"][tenth].as_f64().unwrap();
    for judge in 0..judges.len() {
        assert_eq!(agreeing(judge, 0), 1.0, "the target agrees with itself");
        assert!((agreeing(judge, 10) - agreeing(5, 10)).abs() < 1e-12, "all is local");
        assert!((0..10).all(|at| agreeing(judge, at) >= agreeing(judge, at + 1)), "{found}");
        assert!((0..10).all(|at| agreeing(judge, at) <= 1.0), "{found}");
    }
    let table = report.to_string();
    assert!(
        table.contains("9 conversations, 5 requests fitted to, 5 held out, 0 left out"),
        "{table}"
    );
    assert!(table.contains("\nlocal % ") && table.contains("\nlearning "), "{table}");
    let (again, same) = measure(&Subject::demo().unwrap(), &task).unwrap();
    let judges = serde_json::to_value(&again).unwrap()["judges"].clone();
    assert_eq!((judges, same), (found["judges"].clone(), weights), "what is found is no accident");
}

/// Goal: what the command writes is what a device starts with. Method: it is written, named in a
/// configuration, and asked.
#[test]
fn a_device_asks_the_weights_that_the_command_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("weights.json");
    let [out_text, text] = [&out, &text(folder.path())].map(|path| path.display().to_string());
    let line = ["edge-node", "--text", &text, "--out", &out_text, "--json"];
    likeness(Program::parse_from(line).likeness).unwrap();

    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").canonicalize().unwrap();
    let device = |which: &str| {
        let draft = models.join(format!("causeway-demo-{which}-q8_0.gguf"));
        let file = format!(
            "[node]\nname = 'device'\n[models]\ndraft = '{}'\nlikeness = 'weights.json'\n\
             [plan]\nmode = 'local'\n",
            draft.display()
        );
        let path = folder.path().join("device.toml");
        std::fs::write(&path, file).unwrap();
        Config::load(&path).unwrap()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refusal = runtime.block_on(Device::start(device("target"))).unwrap_err();
    let is_other = matches!(refusal, StartError::Likeness(WeightsError::OtherModel { .. }));
    assert!(is_other, "{refusal}");

    runtime.block_on(async {
        let mut device = Device::start(device("draft")).await.unwrap();
        assert_ne!(device.likeness_weights(), &Weights::shipped());
        let chance = Likeness::new(device.likeness_weights().clone());
        let turn = |content: &str| Turn::said("user", content);
        let prompt = device.chat_prompt(&[turn("Find me a flight to New York.")]).unwrap();
        let features = device.features(&prompt).await.unwrap().unwrap();
        assert!((0.0..1.0).contains(&chance.chance(&features)));
        assert_eq!(
            device.features(&prompt).await.unwrap(),
            Some(features),
            "asking changes nothing"
        );
        let refusal =
            device.features(&Prompt::new(Vec::new(), Privacy::Anywhere)).await.unwrap_err();
        assert!(matches!(refusal, GenerateError::EmptyPrompt));
        let long = device.raw_prompt(&"a flight ".repeat(4_000));
        let refusal = device.features(&long).await.unwrap_err();
        assert!(matches!(refusal, GenerateError::PromptTooLong { .. }));
    });
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |subject: &Subject, text: &str| {
        let path = folder.path().join("text.txt");
        std::fs::write(&path, text).unwrap();
        let task = Task { text: path, conversations_max: None };
        format!("{:#}", measure(subject, &task).unwrap_err())
    };
    let demo = Subject::demo().unwrap();
    let none = refusal(&demo, "\n\n");
    assert!(none.starts_with("cannot use ") && none.ends_with("it has no conversation"), "{none}");
    let one = refusal(&demo, "Find me a flight.");
    assert!(one.starts_with("needs two conversations at least"), "{one}");
    let alike = refusal(&demo, "Find me a flight.\nFind me a flight.");
    assert!(alike.starts_with("of 1 answers all or none are as good"), "{alike}");
    let missing = refusal(&Subject::demo().unwrap().without_target(), "Find me a flight.");
    assert!(missing.starts_with("needs models.draft and models.target"), "{missing}");
}
