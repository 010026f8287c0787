//! What the demo's requests cost, side by side.

use crate::demo::Scene;
use std::fmt::Write as _;

/// The table that the demo ends with.
pub(super) fn of(scenes: &[Scene]) -> String {
    let mut table = format!(
        "\n{:<10} {:>6} {:>9} {:>8} {:>9} {:>7} {:>8} {:>8} {:>8} {:>8}\n",
        "scene",
        "tokens",
        "verified",
        "drafted",
        "accepted",
        "passes",
        "TTFT ms",
        "gap ms",
        "sent",
        "received"
    );
    for Scene { name, reply, gap_ms_max, .. } in scenes {
        let usage = &reply.usage;
        let verified = reply.verified.iter().filter(|verified| **verified).count();
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{name:<10} {:>6} {verified:>9} {:>8} {:>9} {:>7} {:>8.0} {gap_ms_max:>8.0} {:>8} {:>8}",
            usage.completion_tokens,
            usage.drafted,
            usage.accepted,
            usage.target_passes,
            usage.ttft_ms.unwrap_or(0.0),
            usage.bytes_sent,
            usage.bytes_received,
        );
    }
    table.push_str(
        "gap: the longest time between two tokens; sent, received: bytes of UDP payload\n",
    );
    table
}
