//! Recorded links.

use super::{ms, quantile};
use crate::{Emulation, LinkProfile, ProfileError};
use std::path::Path;

fn traced(trace: &str) -> Result<Emulation, ProfileError> {
    let profile = "about = ''\n[up]\ndelay_ms = 5\ntrace = 'a.up'\n[down]\ndelay_ms = 0";
    LinkProfile::parse(profile)?.resolve(|path| {
        assert_eq!(path, Path::new("a.up"));
        Ok(trace.to_owned())
    })
}

#[test]
fn packets_leave_at_the_recorded_times_and_again_after_the_last() {
    let mut up = traced("10\n20\n20\n50\n").unwrap().start(1).up;
    let mut send = |at, bytes| up.offer(ms(at), bytes).iter().next().map(|at| at - ms(5));
    // Two share an opportunity where both fit, the third waits for the next.
    assert_eq!(send(0, 700), Some(ms(10)));
    assert_eq!(send(0, 800), Some(ms(10)));
    assert_eq!(send(0, 1), Some(ms(20)));
    // More than one opportunity's worth.
    assert_eq!(send(21, 3_000), Some(ms(60)), "50 of the first round, 10 of the second");
    // 70, 70 and 100 follow; what nobody used at 70 is gone.
    assert_eq!(send(71, 100), Some(ms(100)));
    assert_eq!(send(100, 1_400), Some(ms(100)), "the same opportunity has room");
    assert_eq!(send(100, 1), Some(ms(110)));
    assert_eq!(send(1_000_003, 100), Some(ms(1_000_010)));
}

#[test]
fn a_trace_that_is_none_is_refused_with_its_line() {
    for (trace, expected) in [
        ("10\nten\n", "a.up, line 2: a line is one whole number"),
        ("10\n9\n", "a.up, line 2: times never fall"),
        ("", "nothing would ever leave"),
        ("0\n0\n", "nothing would ever leave"),
    ] {
        let error = traced(trace).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

fn table(columns: &str, text: &str) -> Result<Emulation, ProfileError> {
    let profile = format!(
        "about = ''\n[up]\ndelay_ms = 5\n[down]\ndelay_ms = 0\n[seconds]\nfile = 't.csv'\n{columns}"
    );
    LinkProfile::parse(&profile)?.resolve(|_| Ok(text.to_owned()))
}

#[test]
fn a_table_gives_each_second_its_rates_delay_and_loss() {
    let text = "up_mbps,down_mbps,rtt_ms,loss_percent\n8,80,20,0\n0,80,-,0\n8,80,40,100\n";
    let link = table("", text).unwrap();
    let sent = |at| link.start(1).up.offer(ms(at), 1_000).iter().next();
    // 1 ms to send, half of 20 ms to arrive.
    assert_eq!(sent(0), Some(ms(11)));
    // The second has no rate; the next loses everything; the table begins again.
    assert_eq!(sent(1_500), None);
    assert_eq!(sent(3_000), Some(ms(3_011)));
    let down = link.start(1).down.offer(ms(1_000), 10_000).iter().next();
    // A delay that was not measured is the one before.
    assert_eq!(down, Some(ms(1_011)));
}

#[test]
fn a_delay_beyond_all_measure_is_a_minute() {
    let link = table("", "up_mbps,down_mbps,rtt_ms,loss_percent\n8,8,1e300,0\n").unwrap();
    let arrives = link.start(1).down.offer(ms(0), 1_000).iter().next();
    assert_eq!(arrives, Some(ms(60_001)));
}

#[test]
fn a_table_may_name_its_columns_and_units() {
    let columns = "columns = { down_kbps = 'DL_bitrate', rtt_ms = 'PINGAVG' }";
    let link = table(columns, "Timestamp,DL_bitrate,PINGAVG\nx,8000,20\n").unwrap();
    assert_eq!(link.start(1).down.offer(ms(0), 1_000).iter().next(), Some(ms(11)));
    assert_eq!(link.start(1).up.offer(ms(0), 1_000).iter().next(), Some(ms(10)), "no bound");
}

#[test]
fn a_table_without_what_was_named_is_refused() {
    for (text, expected) in [
        ("a,b\n1,2\n", "no column `DL`; it has a, b"),
        ("DL\n-\n", "column `DL` holds no number"),
        ("DL\n", "column `DL` holds no number"),
    ] {
        let error = table("columns = { down_mbps = 'DL' }", text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

/// The recordings that are beside the project, where they are.
fn recording(name: &str) -> Option<String> {
    let data = std::env::var("CAUSEWAY_DATA");
    let data = data
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data").to_owned());
    let path = Path::new(&data).join("links").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("skipped: no {}", path.display());
    }
    text
}

#[test]
fn a_recorded_drive_carries_what_was_recorded() {
    let Some(trace) = recording("ATT-LTE-driving-2016.up") else { return };
    let mut up = traced(&trace).unwrap().start(1).up;
    // 12 Mbit/s for two minutes: more than there is.
    let arrivals: Vec<_> =
        (0..120_000).flat_map(|i| up.offer(ms(1) * i, 1_500).iter().collect::<Vec<_>>()).collect();
    let mut seconds = vec![0.0; 120];
    for at in arrivals {
        if let Some(second) = seconds.get_mut(usize::try_from((at - ms(5)).as_secs()).unwrap()) {
            *second += 1_500.0 * 8.0 / 1e6;
        }
    }
    let median = quantile(seconds.clone(), 0.5);
    assert!((median - 1.57).abs() < 0.05, "{median} Mbit/s at the median");
    let recorded = trace.lines().filter(|line| line.parse::<u64>().unwrap() < 120_000).count();
    let carried = seconds.iter().sum::<f64>() * 1e6 / 8.0 / 1_500.0;
    assert!((carried / recorded as f64 - 1.0).abs() < 0.005, "{carried} of {recorded} packets");
}
