//! The whole command but its argument parsing, on small models and with small sizes.

use super::*;
use base::KvFormat;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

fn small() -> Plan {
    Plan {
        repeats: 2,
        rounds: 2,
        prefill: vec![8, 16],
        decode_tokens: 4,
        decode_contexts: vec![0, 40],
        pass_rows: vec![1, 4],
        pass_context: 40,
        batch_sessions: vec![2, 3],
        batch_context: 16,
        read_bytes_per_thread: 1 << 20,
        rate_time: Duration::from_micros(10),
    }
}

fn setup(kv: KvFormat) -> Setup {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    Setup { model: models.join("causeway-demo-draft-q8_0.gguf"), threads: 2, kv }
}

fn assert_plausible(figure: &Value, key: &str) {
    let [min, median, max] = ["min", "median", "max"].map(|part| figure[part].as_f64().expect(key));
    assert!(0.0 < min && min <= median && median <= max && max.is_finite(), "{key}: {figure}");
}

#[test]
fn every_figure_is_there_and_plausible() {
    let report = measure(&setup(KvFormat::Q8), &small()).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    for key in [
        "read_gb_per_s",
        "int8_gmac_per_s",
        "float_gmac_per_s",
        "prefill_8_tokens_per_s",
        "prefill_16_tokens_per_s",
        "decode_4_at_0_tokens_per_s",
        "decode_4_at_40_tokens_per_s",
        "pass_1_rows_at_40_ms",
        "pass_4_rows_at_40_ms",
        "batch_2_sessions_at_16_tokens_per_s",
        "batch_3_sessions_at_16_tokens_per_s",
    ] {
        assert_plausible(&json[key], key);
    }
    for key in
        ["prefill_8_tokens_per_s", "pass_4_rows_at_40_ms", "batch_3_sessions_at_16_tokens_per_s"]
    {
        assert!(json[key]["share_of_limit"].as_f64().unwrap() > 0.0, "{key}");
    }
    let [read, bandwidth, decode] = [
        &json["weights_read_bytes"],
        &json["read_gb_per_s"]["max"],
        &json["decode_4_at_0_tokens_per_s"]["median"],
    ]
    .map(|value| value.as_f64().unwrap());
    let of_bandwidth = read * decode / 1e9 / bandwidth;
    let decode = &json["decode_4_at_0_tokens_per_s"];
    let (share, limit) = (decode["share_of_limit"].as_f64().unwrap(), &decode["limit"]);
    match limit.as_str().unwrap() {
        "read_bandwidth" => assert!((share / of_bandwidth - 1.0).abs() < 1e-9, "{decode}"),
        "arithmetic_rate" => assert!(share >= of_bandwidth, "{decode}"),
        _ => panic!("{decode}"),
    }
    assert_eq!(json["pass_1_rows_at_40_ms"]["ratio_to_one_row"], 1.0);
    assert!(json["pass_4_rows_at_40_ms"]["ratio_to_one_row"].as_f64().unwrap() > 0.0);
    assert_eq!(json["skipped"], serde_json::json!({}));
    assert_eq!((&json["threads"], &json["kv"]), (&2.into(), &"q8".into()));
    assert!(json["load_ms"].as_f64().unwrap() > 0.0);
    // Q8_0 has a scale of 16 bits for 32 weights of 8; norms are left unquantized.
    let bits = json["weight_bits"].as_f64().unwrap();
    assert!((8.5..9.0).contains(&bits), "{bits}");
    assert!(json["weights_read_bytes"].as_u64() < json["file_bytes"].as_u64());
    assert!(json["kv_bytes"].as_u64().unwrap() > 0);
    #[cfg(target_os = "linux")]
    assert!(json["resident_at_end_bytes"].as_u64() > json["file_bytes"].as_u64());
}

#[test]
fn what_the_context_has_no_room_for_is_said_and_not_run() {
    let long = Plan { prefill: vec![8, 1 << 20], batch_context: 1 << 20, ..small() };
    let report = measure(&setup(KvFormat::F16), &long).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json.get("prefill_1048576_tokens_per_s"), None);
    let why = json["skipped"]["prefill_1048576_tokens_per_s"].as_str().unwrap();
    assert!(why.starts_with("needs 1048576 positions, the model's context is "), "{why}");
    assert_plausible(&json["prefill_8_tokens_per_s"], "prefill_8_tokens_per_s");
    let table = table::of(&report);
    assert!(table.contains("no batch_3_sessions_at_1048576_tokens_per_s: needs "), "{table}");
    assert!(table.contains("pass of 4 rows at 40 "), "{table}");
}

#[test]
fn figures_of_the_kinds_asked_for_are_all_that_is_measured() {
    let plan = small().only(&[Kind::Decode, Kind::Pass]);
    let keys = plan.figures(1 << 10).0.into_iter().map(figures::Figure::key);
    let expected = [
        "decode_4_at_0_tokens_per_s",
        "decode_4_at_40_tokens_per_s",
        "pass_1_rows_at_40_ms",
        "pass_4_rows_at_40_ms",
    ];
    assert_eq!(keys.collect::<Vec<_>>(), expected);
}
