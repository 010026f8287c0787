//! Files as people write them, right and wrong.

use super::*;
use base::DraftLength;
use std::fs;

const MINIMAL: &str =
    "[node]\nname = 'car'\n[models]\ndraft = 'draft.gguf'\n[plan]\nmode = 'local'\n";

fn load(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.toml");
    fs::write(&path, text).unwrap();
    Config::load(&path)
}

fn refused(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn a_device_needs_a_name_a_model_and_a_mode() {
    let config = load(MINIMAL).unwrap();
    assert_eq!((config.plan.mode, config.plan.local), (Mode::Local, LocalChoice::Draft));
    assert_eq!(
        (config.plan.draft_length, config.generation),
        (DraftLength::Auto, Generation::default())
    );
    assert!(config.models.draft.unwrap().ends_with("draft.gguf"));
    assert!(refused(&MINIMAL.replace("draft = 'draft.gguf'", "")).contains("`draft`, `target`"));
}

/// What ships for real pairs of models is read as it stands, with a certificate of the CA three folders up.
#[test]
fn the_files_of_pairs_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let authority = transport::ca::Authority::create(&folder.path().join("pki")).unwrap();
    let name = NodeName::new("device").unwrap();
    authority.issue(base::Role::Device, &name, &folder.path().join("pki")).unwrap();
    let pairs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/pairs");
    for pair in fs::read_dir(&pairs).unwrap().map(|pair| pair.unwrap().file_name()) {
        let copies = folder.path().join("configs/pairs").join(&pair);
        fs::create_dir_all(&copies).unwrap();
        let (text, copy) = (pairs.join(&pair).join("device.toml"), copies.join("device.toml"));
        let text = fs::read_to_string(text).unwrap();
        // In an empty store, so that nothing here depends on what was pulled.
        let models = format!("[models]\nstore = {:?}", folder.path().join("store"));
        fs::write(&copy, text.replacen("[models]", &models, 1)).unwrap();
        let missing = Config::load(&copy).unwrap_err().to_string();
        assert!(missing.contains("`edge-node pull hf:"), "{missing}");
        fs::write(&copy, text.replace("\"hf:", "\"")).unwrap();
        let config = Config::load(&copy).unwrap();
        assert_eq!((config.plan.mode, config.engine.positions_max), (Mode::Speculative, 4096));
        assert!(config.models.draft.is_some() && config.models.target.is_none());
    }
}

#[test]
fn unknown_keys_and_values_are_refused_with_what_would_be_right() {
    let unknown = refused(&MINIMAL.replace("mode =", "mod ="));
    assert!(unknown.contains("did you mean `mode`?"), "{unknown}");
    assert!(refused(&MINIMAL.replace("'local'", "'lokal'")).contains("speculative"));
    assert!(refused(&MINIMAL.replace("'car'", "'My Car'")).contains("node name"));
    assert!(refused(&format!("{MINIMAL}draft_length = 65\n")).contains("at most 64"));
    assert!(refused(&format!("{MINIMAL}draft_length = 'some'\n")).contains("or \"auto\""));
    assert!(refused(&format!("{MINIMAL}after_outage = 'drop'\n")).contains("`revise`"));
}

#[test]
fn a_device_tells_of_itself_where_it_serves_and_nowhere_else() {
    assert!(load(&format!("{MINIMAL}[telemetry]\nlog = 'json'\n")).is_ok());
    let elsewhere = refused(&format!("{MINIMAL}[telemetry]\nlisten = '127.0.0.1:9464'\n"));
    assert!(elsewhere.contains("`telemetry.listen`: is for gateways and clouds"), "{elsewhere}");
    let nowhere = refused(&format!("{MINIMAL}[telemetry]\notlp = 'collector'\n"));
    assert!(nowhere.contains("`telemetry.otlp`: "), "{nowhere}");
}

#[test]
fn a_drain_is_no_longer_than_ten_minutes() {
    let with = |seconds: u32| format!("{MINIMAL}[serve]\ndrain_s = {seconds}\n");
    assert!(load(&with(600)).is_ok());
    let refused = refused(&with(601));
    assert!(refused.contains("`serve.drain_s`: is at most 600"), "{refused}");
}

#[test]
fn what_was_said_alone_is_kept_unless_the_plan_says_revise() {
    let with = |line: &str| load(&format!("{MINIMAL}{line}")).unwrap().plan.after_outage;
    assert_eq!(with(""), AfterOutage::Keep);
    assert_eq!(with("after_outage = 'keep'\n"), AfterOutage::Keep);
    assert_eq!(with("after_outage = 'revise'\n"), AfterOutage::Revise);
}

#[test]
fn other_modes_in_mid_reply_come_in_order() {
    let with = |list: &str| load(&format!("{MINIMAL}switches = [{list}]\n"));
    let (first, second) = ("{ after = 4, mode = 'remote' }", "{ after = 9, mode = 'split' }");
    let config = with(&format!("{first}, {second}")).unwrap();
    assert_eq!(config.plan.switches[1], Switch { after: 9, mode: Mode::Split, stages: None });
    let modes: Vec<_> = config.requests().map(|request| request.mode).collect();
    assert_eq!(modes, [Mode::Local, Mode::Remote, Mode::Split]);
    for wrong in [format!("{second}, {first}"), format!("{first}, {first}")] {
        assert!(with(&wrong).unwrap_err().to_string().contains("in the order"), "{wrong}");
    }
    assert!(with("{ after = 4, mode = 'cloud' }").unwrap_err().to_string().contains("speculative"));
}

#[test]
fn generation_defaults_are_checked() {
    let with = |line: &str| refused(&format!("{MINIMAL}[generation]\n{line}\n"));
    assert!(with("temperature = -1.0").contains("temperature -1"));
    assert!(with("tokens_max = 0").contains("above 0"));
    assert!(with("stop = ['']").contains("empty string"));
}

#[test]
fn the_longest_conversation_stays_below_the_wires_limit() {
    let with = |positions: u32| load(&format!("{MINIMAL}[engine]\npositions_max = {positions}\n"));
    let most = protocol::limits::POSITIONS_MAX;
    assert_eq!(with(most).unwrap().engine.positions_max, most);
    assert!(with(most + 1).unwrap_err().to_string().contains("engine.positions_max"));
    assert!(with(1).is_err());
}

#[test]
fn the_first_peer_is_the_first_stage_that_is_not_the_device() {
    let stages = "stages = [{ node = 'car', layers = [0, 2] }, { node = 'site', layers = [2, 4] }]";
    let config = load(&format!("{MINIMAL}target = 'cloud'\n{stages}\n")).unwrap();
    let stages = &config.plan.stages;
    let first = |mode| {
        let request = config.plan_request(mode, stages);
        request.first_peer().map(|name| name.as_str().to_owned())
    };
    assert_eq!(first(Mode::Local), None);
    assert_eq!(first(Mode::Speculative).as_deref(), Some("cloud"));
    assert_eq!(first(Mode::Split).as_deref(), Some("site"));
}

#[test]
fn without_a_draft_model_nothing_is_drafted() {
    let mut config = load(MINIMAL).unwrap();
    assert_eq!(config.plan_request(Mode::Split, &[]).draft_length, DraftLength::Auto);
    config.models.draft = None;
    assert_eq!(config.plan_request(Mode::Split, &[]).draft_length, DraftLength::NONE);
}

#[test]
fn kv_is_kept_as_the_file_says_and_nothing_else_is_taken() {
    let with = |line: &str| load(&format!("{MINIMAL}[kv]\n{line}\n"));
    assert_eq!(load(MINIMAL).unwrap().kv, KvSettings::default());
    let kv =
        with("target = 'f32'\ndraft = 'q4'\nstream = { sinks = 4, length = 1024 }").unwrap().kv;
    assert_eq!((kv.target, kv.draft), (KvFormat::F32, KvFormat::Q4));
    assert_eq!(kv.stream, Some(StreamWindow::new(4, 1024).unwrap()));
    let refused = |line: &str| with(line).unwrap_err().to_string();
    assert!(refused("target = 'f8'").contains("`q8`"), "{}", refused("target = 'f8'"));
    assert!(refused("tarlet = 'q8'").contains("did you mean `target`?"));
    assert!(refused("stream = { sinks = 65, length = 1024 }").contains("65 sinks"));
    assert!(refused("stream = { sinks = 4, length = 63 }").contains("64 to"));
    assert!(refused("stream = { sinks = 4, lenght = 64 }").contains("lenght"));
}

#[test]
fn segments_are_asked_for_as_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("tenant.key");
    let with = |lines: &str| load(&format!("{MINIMAL}[segments]\n{lines}"));
    assert_eq!(load(MINIMAL).unwrap().segments, SegmentSettings::default());
    fs::write(&secret, "of all trucks of the fleet").unwrap();
    let tenant = format!("tenant = '{}'\n", secret.display());
    let all =
        with(&format!("prefill = 'both'\nfrom = 'cloud'\nformat = 'q8'\nstandby = true\n{tenant}"));
    let segments = all.unwrap().segments;
    assert_eq!((segments.prefill, segments.format), (Prefill::Both, SegmentFormat::Q8));
    assert_eq!(segments.from.unwrap().as_str(), "cloud");
    assert!(segments.standby && segments.tenant.is_some());
    assert!(
        with("format = 'q5'\n")
            .unwrap_err()
            .to_string()
            .contains("exact, q8, coded-fine, q4, coded-coarse")
    );
    assert!(with("prefill = 'cloud'\n").unwrap_err().to_string().contains("both"));
    fs::write(&secret, "short").unwrap();
    assert!(with(&tenant).unwrap_err().to_string().contains("at least 16"));
    fs::remove_file(&secret).unwrap();
    assert!(with(&tenant).unwrap_err().to_string().contains("tenant.key"));
}
