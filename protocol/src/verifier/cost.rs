//! Which measurements of passes are worth their bytes.

use crate::Cost;
use std::collections::BTreeMap;

/// What the device was told last, by rows.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<u32, u32>);

impl Told {
    /// The measurement, where it differs by more than an eighth from what was told of as many rows.
    pub(super) fn news(&mut self, cost: Cost) -> Option<Cost> {
        let known = self.0.get(&cost.rows);
        let is_news = known.is_none_or(|us| us.abs_diff(cost.us) > us / 8);
        is_news.then(|| {
            self.0.insert(cost.rows, cost.us);
            cost
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_that_took_as_long_as_told_is_no_news() {
        let mut told = Told::default();
        let mut news = |rows, us| told.news(Cost { rows, us }).is_some();
        assert!(news(1, 1000));
        assert!(!news(1, 1000) && !news(1, 1125) && !news(1, 875));
        assert!(news(5, 1000), "of other rows nothing was told");
        assert!(news(1, 1126));
        assert!(!news(1, 1126) && news(1, 900));
    }
}
