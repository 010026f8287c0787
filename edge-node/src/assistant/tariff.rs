//! What an answer costs, and what budgets leave: in exact integers, and without any I/O.

use journal::{Amount, BudgetPolicy, Resource, Standing};
use routing::Left;
use settings::Link;

/// So much more than its forecast may a reply take: that is by a model of a link without losses. What `tests::budgets`
/// sees is at most two thirds of it.
const BYTES_MARGIN: f64 = 2.0;

/// And so many bytes in any case: a link that is lost in the middle is dialled again, perhaps twice, and looks for the
/// longest packets that it takes each time.
pub(super) const BYTES_FLAT: u64 = 32_768;

/// What bytes and tokens of others cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tariff {
    /// Whether somebody counts the bytes.
    metered: bool,
    /// Money for 10^9 of them.
    per_gigabyte: f64,
    /// Millionths of money for a token that peers compute, as far as they say what they cost.
    micros_per_token: f64,
}

/// What is left of one budget, and whose it is.
pub(super) type Budget = Option<(u64, &'static str)>;

impl Tariff {
    /// Of the device's links.
    pub(super) fn of(link: &Link) -> Self {
        let per_gigabyte = link.price_per_gigabyte.unwrap_or(0.0);
        Self { metered: link.is_metered(), per_gigabyte, micros_per_token: 0.0 }
    }

    /// The same, where peers charge so many millionths of money for a token.
    pub(super) const fn with_peers(self, micros_per_token: f64) -> Self {
        Self { micros_per_token, ..self }
    }

    /// What so many bytes and tokens cost. A part of a millionth is a whole one.
    pub(super) fn amount(&self, bytes: u64, prompt_tokens: u64, reply_tokens: u64) -> Amount {
        let link = as_figure(bytes) * self.per_gigabyte / 1e3;
        let peers = as_figure(reply_tokens) * self.micros_per_token;
        Amount {
            money_micro: whole(link + peers),
            metered_bytes: if self.metered { bytes } else { 0 },
            tokens: prompt_tokens.saturating_add(reply_tokens),
        }
    }
}

/// What is set aside for so many bytes of frames.
pub(super) fn with_margin(bytes: f64) -> u64 {
    whole(bytes * BYTES_MARGIN).saturating_add(BYTES_FLAT)
}

/// What may be spent on one request: of money, bytes and tokens the least that its own budget, the day's and the
/// month's leave.
pub(super) fn left(policy: &BudgetPolicy, standing: &Standing) -> (Left, Budget) {
    let Standing { day, month, reserved } = standing;
    let nothing = Amount::default();
    let budgets = [
        (&policy.request, nothing, "the budget of a request"),
        (&policy.day, day.plus(*reserved), "the day's budget"),
        (&policy.month, month.plus(*reserved), "the month's budget"),
    ];
    let least = |resource: Resource| {
        let each = budgets.iter().filter_map(|(caps, taken, whose)| {
            Some((caps.of(resource)?.saturating_sub(taken.of(resource)), *whose))
        });
        each.min_by_key(|(left, _)| *left)
    };
    let (money_micros, metered_bytes) =
        (least(Resource::MoneyMicro), least(Resource::MeteredBytes));
    (Left { money_micros, metered_bytes }, least(Resource::Tokens))
}

#[expect(clippy::cast_precision_loss, reason = "bytes and tokens of a reply are far below 2^52")]
fn as_figure(count: u64) -> f64 {
    count as f64
}

/// The next whole number. Casts from floats saturate, so that nothing impossible comes of an impossible figure.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating, and forecasts are not negative"
)]
fn whole(figure: f64) -> u64 {
    figure.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::Caps;

    #[test]
    fn bytes_and_tokens_cost_what_the_tariff_says() {
        let link = Link { price_per_gigabyte: Some(3.0), ..Link::default() };
        let tariff = Tariff::of(&link).with_peers(0.5);
        // 3 millionths for a thousand bytes, half a one for a token.
        let amount = Amount { money_micro: 31, metered_bytes: 10_001, tokens: 12 };
        assert_eq!(tariff.amount(10_001, 10, 1 + 1), Amount { money_micro: 32, ..amount });
        assert_eq!(tariff.amount(10_001, 12, 0), amount);
        let free = Tariff::of(&Link::default()).amount(10_001, 10, 2);
        assert_eq!(free, Amount { tokens: 12, ..Amount::default() });
        let counted = Tariff::of(&Link { metered: true, ..Link::default() }).amount(10_001, 10, 2);
        assert_eq!(counted, Amount { metered_bytes: 10_001, ..free });
    }

    #[test]
    fn a_reservation_is_more_than_its_forecast() {
        assert_eq!(with_margin(1_000.0), 34_768);
        assert_eq!(with_margin(f64::INFINITY), u64::MAX);
    }

    #[test]
    fn the_tightest_budget_counts_and_what_is_reserved_is_not_there() {
        let caps = |bytes, tokens| Caps { metered_bytes: bytes, tokens, ..Caps::default() };
        let policy = BudgetPolicy {
            request: caps(Some(500), None),
            day: caps(Some(1_000), Some(90)),
            month: caps(Some(9_000), Some(60)),
            ..BudgetPolicy::default()
        };
        let of = |bytes, tokens| Amount { metered_bytes: bytes, tokens, ..Amount::default() };
        let standing = Standing { day: of(300, 20), month: of(300, 50), reserved: of(250, 0) };
        let (rest, tokens) = left(&policy, &standing);
        assert_eq!(rest.metered_bytes, Some((450, "the day's budget")));
        assert_eq!((rest.money_micros, tokens), (None, Some((10, "the month's budget"))));
        let fresh = Standing { day: of(0, 0), month: of(0, 0), reserved: of(0, 0) };
        assert_eq!(left(&policy, &fresh).0.metered_bytes, Some((500, "the budget of a request")));
        let spent = Standing { day: of(2_000, 0), ..fresh };
        assert_eq!(left(&policy, &spent).0.metered_bytes, Some((0, "the day's budget")));
    }
}
