//! Numbers with their units, short enough for an axis.

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Of its own: tokens a second, passes, money.
    Plain,
    /// Shown in ms, s or min.
    Ms,
    /// Shown in B, kB or MB.
    Bytes,
}

impl Unit {
    /// Three significant digits, or all of a whole number, with the unit.
    pub(super) fn say(self, value: f64) -> String {
        let (value, unit) = self.scaled(value);
        format!("{}{unit}", digits(value))
    }

    /// The same without zeros at the end, as ticks have it.
    pub(super) fn say_tick(self, value: f64) -> String {
        let (value, unit) = self.scaled(value);
        let digits = digits(value);
        let short = match digits.contains('.') {
            true => digits.trim_end_matches('0').trim_end_matches('.'),
            false => &digits,
        };
        format!("{short}{unit}")
    }

    /// Both in the unit that is shown.
    fn scaled(self, value: f64) -> (f64, &'static str) {
        match self {
            Self::Plain => (value, ""),
            Self::Ms if value < 999.5 => (value, " ms"),
            Self::Ms if value < 99_950.0 => (value / 1e3, " s"),
            Self::Ms => (value / 6e4, " min"),
            Self::Bytes if value < 999.5 => (value, " B"),
            Self::Bytes if value < 999_500.0 => (value / 1e3, " kB"),
            Self::Bytes => (value / 1e6, " MB"),
        }
    }
}

/// Three significant digits, or all of a whole number; not in exponents.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 {
        return grouped(&format!("{value:.0}"));
    }
    // Nine decimals are a thousandth of a millionth: below that it is nothing.
    let wanted = (0..9).find(|decimals| value.abs() * 10f64.powi(*decimals) >= 99.95);
    let decimals = usize::try_from(wanted.unwrap_or(9)).expect("not negative");
    match decimals {
        0 => grouped(&format!("{value:.0}")),
        _ => format!("{value:.decimals$}"),
    }
}

/// Whole digits in groups of three.
fn grouped(text: &str) -> String {
    let mut said = String::new();
    for (i, digit) in text.chars().enumerate() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_the_unit_that_keeps_them_short() {
        let said = |unit: Unit, value| unit.say(value);
        assert_eq!(said(Unit::Plain, 12.345), "12.3");
        assert_eq!(said(Unit::Plain, 0.012_345), "0.0123");
        assert_eq!(said(Unit::Plain, 1e-12), "0.000000000");
        assert_eq!(said(Unit::Plain, 96.0), "96");
        assert_eq!(said(Unit::Plain, 1_234.5), "1,234");
        assert_eq!(said(Unit::Plain, 999.0), "999");
        assert_eq!(said(Unit::Plain, 123_456.0), "123,456");
        assert_eq!(said(Unit::Ms, 999.4), "999 ms");
        assert_eq!(said(Unit::Ms, 999.6), "1.00 s");
        assert_eq!(said(Unit::Ms, 153_000.0), "2.55 min");
        assert_eq!(said(Unit::Bytes, 0.0), "0 B");
        assert_eq!(said(Unit::Bytes, 4_321.0), "4.32 kB");
    }

    #[test]
    fn ticks_have_no_zeros_at_the_end() {
        assert_eq!(Unit::Ms.say_tick(1_000.0), "1 s");
        assert_eq!(Unit::Plain.say_tick(0.5), "0.5");
        assert_eq!(Unit::Plain.say_tick(200.0), "200");
    }
}
