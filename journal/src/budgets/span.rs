//! What a limit is for: a request, a day, a month; and when the next day or month begins.

use crate::UnixTime;
use serde::{Deserialize, Serialize};
use std::fmt;
use time::{Month, OffsetDateTime};

/// What a limit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Span {
    /// One request.
    Request,
    /// A day, from midnight.
    Day,
    /// A calendar month.
    Month,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Day => "day",
            Self::Month => "month",
        })
    }
}

const DAY_S: i64 = 86_400;

/// The last second of the year 9999, where the calendar ends. Later moments are taken for it.
const END_S: i64 = 253_402_300_799;

/// Local time, in seconds.
fn local(time: UnixTime, utc_offset_s: i32) -> i64 {
    let utc = i64::try_from(time.0).map_or(END_S, |utc| utc.min(END_S));
    (utc + i64::from(utc_offset_s)).min(END_S)
}

fn universal(local: i64, utc_offset_s: i32) -> UnixTime {
    // What lies before 1970 is its first second.
    UnixTime(u64::try_from(local - i64::from(utc_offset_s)).unwrap_or(0))
}

/// The number of the day.
pub(super) fn day(time: UnixTime, utc_offset_s: i32) -> i64 {
    local(time, utc_offset_s).div_euclid(DAY_S)
}

/// When the day after `day` begins.
pub(super) fn day_after(day: i64, utc_offset_s: i32) -> UnixTime {
    universal((day + 1).saturating_mul(DAY_S), utc_offset_s)
}

/// The number of the month, counted from the year 0.
pub(super) fn month(time: UnixTime, utc_offset_s: i32) -> i64 {
    let date = OffsetDateTime::from_unix_timestamp(local(time, utc_offset_s))
        .expect("the calendar reaches from an offset before 1970 to the end of 9999");
    i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1
}

/// When the month after `month` begins.
pub(super) fn month_after(month: i64, utc_offset_s: i32) -> UnixTime {
    let (year, in_year) = ((month + 1).div_euclid(12), (month + 1).rem_euclid(12));
    let first =
        i32::try_from(year).ok().zip(u8::try_from(in_year + 1).ok()).and_then(|(year, month)| {
            let month = Month::try_from(month).ok()?;
            time::Date::from_calendar_date(year, month, 1).ok()
        });
    // Behind the calendar's end there is no month that begins.
    let begins = first.map_or(END_S, |date| date.midnight().assume_utc().unix_timestamp());
    universal(begins, utc_offset_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-02-29, 23:30 UTC.
    const LEAP_EVENING: UnixTime = UnixTime(1_709_249_400);

    #[test]
    fn days_and_months_begin_at_local_midnight() {
        let at = |offset_h: i32| {
            let offset = offset_h * 3_600;
            let (day, month) = (day(LEAP_EVENING, offset), month(LEAP_EVENING, offset));
            (month % 12 + 1, day_after(day, offset), month_after(month, offset))
        };
        let half_an_hour_later = UnixTime(LEAP_EVENING.0 + 1_800);
        assert_eq!(at(0), (2, half_an_hour_later, half_an_hour_later));
        // An hour east it is March already, for 31 days; an hour west it is still an evening in
        // February.
        let next_day = UnixTime(half_an_hour_later.0 + 86_400 - 3_600);
        assert_eq!(at(1), (3, next_day, UnixTime(next_day.0 + 30 * 86_400)));
        let midnight = UnixTime(half_an_hour_later.0 + 3_600);
        assert_eq!(at(-1), (2, midnight, midnight));
    }

    #[test]
    fn a_december_ends_with_its_year() {
        // 2023-12-31, noon.
        let noon = UnixTime(1_704_024_000);
        assert_eq!(month_after(month(noon, 0), 0), UnixTime(1_704_067_200));
    }

    #[test]
    fn any_clock_has_a_day_and_a_month() {
        for time in [UnixTime(0), UnixTime(u64::MAX), UnixTime(END_S as u64)] {
            for offset in [-64_800, 0, 64_800] {
                assert!(day_after(day(time, offset), offset) > UnixTime(0));
                assert!(month_after(month(time, offset), offset) > UnixTime(0));
            }
        }
    }
}
