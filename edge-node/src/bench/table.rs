//! A report for people.

use super::report::{Limit, Measured, Report};
use super::samples::Spread;
use super::setup::kv_name;
use std::fmt::Write as _;

/// The report as aligned text.
pub(super) fn of(report: &Report) -> String {
    let mut text = head(report);
    let _ = writeln!(
        text,
        "\n{:<30} {:<9} {:>9} {:>9} {:>9}",
        "this machine", "", "median", "min", "max"
    );
    line(&mut text, "read bandwidth", "GB/s", &report.read_gb_per_s, "");
    line(&mut text, "int8 products in cache", "GMAC/s", &report.int8_gmac_per_s, "");
    line(&mut text, "float products in cache", "GMAC/s", &report.float_gmac_per_s, "");
    text.push_str("\nthis model\n");
    let rate = if report.weights.is_quantized() { "int8 rate" } else { "float rate" };
    for measured in &report.figures {
        let (label, unit) = measured.figure.label();
        line(&mut text, &label, unit, &measured.spread, &note(measured, rate));
    }
    for skipped in &report.skipped {
        let _ = writeln!(text, "no {}: {}", skipped.key, skipped.why);
    }
    text
}

// Writing to a string does not fail, here and below.
fn head(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", report.model.display());
    let _ = writeln!(
        text,
        "threads {}, kernels {}, KV {}, repeats {}",
        report.threads,
        report.kernels,
        kv_name(report.kv),
        report.repeats
    );
    let file = report.file_bytes.map(|bytes| format!("file {bytes}, ")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{file}weights read for a token {}, {:.2} bits each",
        report.weights.read, report.weights.bits
    );
    let _ = write!(text, "load {:.0} ms", report.load_ms);
    if let (Some(loaded), Some(end)) =
        (report.resident_after_load_bytes, report.resident_at_end_bytes)
    {
        let _ = write!(text, ", resident {loaded} after it, {end} at the end");
    }
    let _ = writeln!(text, ", KV {}", report.kv_bytes);
    text
}

fn line(text: &mut String, label: &str, unit: &str, spread: &Spread, note: &str) {
    let Spread { median, min, max } = spread;
    let line = format!("{label:<30} {unit:<9} {median:>9.2} {min:>9.2} {max:>9.2}   {note}");
    let _ = writeln!(text, "{}", line.trim_end());
}

fn note(measured: &Measured, rate: &str) -> String {
    let limit = match measured.limit {
        Limit::ReadBandwidth => "read bandwidth",
        Limit::ArithmeticRate => rate,
    };
    let share = format!("{:.0} % of the {limit}", 100.0 * measured.share_of_limit);
    match measured.ratio_to_one_row {
        Some(ratio) => format!("{share}, {ratio:.2} x one row"),
        None => share,
    }
}
