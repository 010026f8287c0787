//! The assistant's sections as people write them, right and wrong.

use super::*;
use crate::config::Config;
use base::Privacy;
use journal::BudgetPolicy;
use std::fs;
use tempfile::TempDir;

const MINIMAL: &str =
    "[node]\nname = 'car'\n[models]\ndraft = 'draft.gguf'\n[plan]\nmode = 'local'\n";

const LIGHTS: &str = "about = 'lights'\n[[intent]]\nname = 'on'\nexamples = ['lights on']\n\
                      [[intent]]\nname = 'off'\nexamples = ['lights off']\n";

/// A folder with what the sections name.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policy =
        "alone_from = 0.9\n[[rules]]\nname = 'health'\nsays = ['pills']\nclass = 'device'\n";
    for (name, text) in [
        ("lights.toml", LIGHTS),
        ("policy.toml", policy),
        ("crossed.toml", "wait_below = 0.9\nalone_from = 0.1\n"),
        ("unknown.toml", "alone_form = 0.9\n"),
        ("broken.toml", "about = 7\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn load(lines: &str) -> Result<Config, ConfigError> {
    let folder = folder();
    let path = folder.path().join("device.toml");
    fs::write(&path, format!("{MINIMAL}{lines}\n")).unwrap();
    Config::load(&path)
}

fn refused(lines: &str) -> String {
    load(lines).unwrap_err().to_string()
}

#[test]
fn a_device_without_the_sections_only_asks() {
    assert!(!load("").unwrap().assistant.is_configured());
    for one in ["[intents]\nfiles = ['lights.toml']", "[routing]", "[journal]\npath = 'j'"] {
        assert!(load(one).unwrap().assistant.is_configured(), "{one}");
    }
}

#[test]
fn sections_are_read_with_what_they_name() {
    let lines = "[intents]\nfiles = ['lights.toml']\nreject = 0.1\n\
                 [routing]\npolicy = 'policy.toml'\nlikeness = 0.4\nwait_hours = 2\n\
                 [journal]\npath = 'kept/journal'\nfile_mib = 8\ntext_kib = 32\nconversation_kib = 128\n\
                 conversation_days = 3\ndeferred_max = 9\ndeferred_kib = 256\nended_hours = 5\ncallback_hours = 6\n\
                 fired_max = 7\n\
                 [budgets]\nutc_offset_minutes = -90\nrequest = { money = 1.5 }\nday = { metered_mb = 0.25 }\n\
                 month = { tokens = 100000 }";
    let AssistantSettings { intents, routing, journal, .. } = load(lines).unwrap().assistant;
    let (intents, routing, journal) = (intents.unwrap(), routing.unwrap(), journal.unwrap());
    assert!(intents.files[0].0.ends_with("lights.toml"));
    assert_eq!((intents.files.len(), intents.reject), (1, 0.1));
    assert_eq!((routing.likeness, routing.wait), (Some(0.4), Duration::from_secs(7_200)));
    assert_eq!(routing.policy.class("my pills", None, Privacy::Anywhere), Privacy::Device);
    assert!(journal.path.ends_with("kept/journal") && journal.path.is_absolute());
    let caps = Caps::default();
    let limits = Limits {
        file_bytes_max: ByteCount(8 << 20),
        text_bytes_max: 32 << 10,
        conversation_bytes_max: 128 << 10,
        conversation_kept: Duration::from_secs(3 * 86_400),
        deferred_max: 9,
        deferred_bytes_max: 256 << 10,
        ended_kept: Duration::from_secs(5 * 3_600),
        callback_kept: Duration::from_secs(6 * 3_600),
        fired_max: 7,
        reservations_max: Limits::default().reservations_max,
        budgets: BudgetPolicy {
            utc_offset_s: -5_400,
            request: Caps { money_micro: Some(1_500_000), ..caps },
            day: Caps { metered_bytes: Some(250_000), ..caps },
            month: Caps { tokens: Some(100_000), ..caps },
            ..BudgetPolicy::default()
        },
    };
    assert_eq!(journal.limits, limits);
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_what_would_be_right() {
    for (lines, parts) in [
        ("[intents]\nfiles = []", ["intents.files", "one file"]),
        ("[intents]\nfiles = ['none.toml']", ["intents.files", "none.toml"]),
        ("[intents]\nfiles = ['broken.toml']", ["broken.toml", "not a file of intents"]),
        ("[intents]\nfiles = ['lights.toml']\nreject = 0.6", ["intents.reject", "0 to 0.5"]),
        ("[intents]\nfile = []", ["intents.file", "did you mean `files`"]),
        ("[routing]\nlikeness = 1.1", ["routing.likeness", "0 to 1"]),
        ("[routing]\nwait_hours = 0", ["routing.wait_hours", "1 to"]),
        ("[routing]\npolicy = 'none.toml'", ["none.toml", "read"]),
        ("[routing]\npolicy = 'crossed.toml'", ["crossed.toml", "must not be larger"]),
        ("[routing]\npolicy = 'unknown.toml'", ["unknown.toml", "did you mean `alone_from`"]),
        ("[journal]", ["journal", "path"]),
        ("[budgets]\nday = { tokens = 1 }", ["budgets", "need [journal]"]),
        ("[journal]\npath = 'j'\n[budgets]\nday = { money = -1.0 }", ["budgets.day", "0 to"]),
        (
            "[journal]\npath = 'j'\n[budgets]\nmonth = { metered_mb = inf }",
            ["budgets.month", "0 to"],
        ),
        ("[journal]\npath = 'j'\n[budgets]\nutc_offset_minutes = 1081", ["utc_offset", "1080"]),
    ] {
        let refused = refused(lines);
        assert!(parts.iter().all(|part| refused.contains(part)), "{lines}: {refused}");
    }
}

#[test]
fn actions_have_a_time_and_a_broker_a_place_for_its_password() {
    let lines =
        "[actions]\ntimeout_ms = 500\nmqtt = { host = 'broker', user = 'car', password = 'mqtt' }";
    let ActionSettings { timeout_ms, mqtt } = load(lines).unwrap().assistant.actions;
    let broker = mqtt.unwrap();
    assert_eq!((timeout_ms, broker.host.as_str(), broker.port), (500, "broker", 1883));
    assert!(broker.password.unwrap().is_absolute(), "beside the file that names it");
    let nobody = refused("[actions]\nmqtt = { host = 'broker', password = 'mqtt' }");
    assert!(nobody.contains("has a password, and needs a user"), "{nobody}");
    for timeout in [0, 60_001] {
        let refusal = refused(&format!("[actions]\ntimeout_ms = {timeout}"));
        assert!(refusal.contains("is 1 to 60000"), "{refusal}");
    }
}

/// Goal: what `configs/device.toml` shows of these sections is what is read, and the defaults are those that it says.
/// Method: the part of it that is commented out, read.
#[test]
fn the_sections_that_ship_as_comments_are_read_as_they_stand() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs");
    let text = fs::read_to_string(configs.join("device.toml")).unwrap();
    let at = text.find("# [intents]").expect("it is shown");
    let shown = text[at..].lines().filter_map(|line| line.strip_prefix("# "));
    let shown: String = shown.flat_map(|line| [line, "\n"]).collect();
    let here = |name: &str| configs.join(name).display().to_string();
    let shown = shown
        .replace("intents/car.toml", &here("intents/car.toml"))
        .replace("policy.toml", &here("policy.toml"));
    let AssistantSettings { intents, routing, journal, actions } = load(&shown).unwrap().assistant;
    assert_eq!(intents.unwrap().reject, one_in_twenty());
    let routing = routing.unwrap();
    let own = RoutingSettings::default();
    assert_eq!((own.likeness, routing.wait), (None, own.wait));
    assert_eq!(actions.timeout_ms, ActionSettings::default().timeout_ms);
    let rules = routing.policy.rules.clone();
    assert_eq!(routing.policy, Policy { rules, ..Policy::default() });
    let limits = journal.unwrap().limits;
    assert_eq!(Limits { budgets: BudgetPolicy::default(), ..limits.clone() }, Limits::default());
    assert_ne!(limits.budgets, BudgetPolicy::default());
}
