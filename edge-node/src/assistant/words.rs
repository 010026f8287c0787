//! What the device itself says, and what is written down of an action.

use intents::{Incomplete, Lack, Slots};
use journal::Outcome;

/// Of an action's reason to fail, in bytes: the journal takes 2 KiB of an action, slots and name included.
const REASON_BYTES_MAX: usize = 256;

/// And of its slots.
const SLOTS_BYTES_MAX: usize = 1_280;

/// One of the responses of an intent that was acted on, chosen by `chance`; or why it was not.
pub(super) fn spoken(responses: &[String], outcome: &Outcome, chance: u128) -> String {
    match outcome {
        Outcome::Failed(why) => format!("That did not work: {why}."),
        Outcome::Done => {
            let count = responses.len().max(1) as u128;
            let chosen = usize::try_from(chance % count).expect("below a count");
            responses.get(chosen).cloned().unwrap_or_else(|| "Done.".to_owned())
        }
    }
}

/// What is asked where an intent lacks something.
pub(super) fn question(lacking: &Incomplete) -> String {
    let ask = lacking.ask.clone().unwrap_or_else(|| format!("{}?", lacking.slot));
    match lacking.lack {
        Lack::Missing => ask,
        Lack::OutOfRange { min, max } => format!("{ask} ({min} to {max})"),
    }
}

/// As much of `why` as is written down.
pub(super) fn clipped(why: &str) -> String {
    let mut end = why.len().min(REASON_BYTES_MAX);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    why[..end].to_owned()
}

/// Slots as JSON; none of them where they are more than is written down.
pub(super) fn slots_json(slots: &Slots) -> String {
    let json = serde_json::to_string(slots).expect("slots are strings and finite numbers");
    if json.len() > SLOTS_BYTES_MAX { "{}".to_owned() } else { json }
}

#[cfg(test)]
mod tests {
    use super::*;
    use intents::SlotValue;

    #[test]
    fn one_of_the_responses_is_said_where_it_was_done() {
        let responses = ["One.".to_owned(), "Two.".to_owned()];
        let said = |chance| spoken(&responses, &Outcome::Done, chance);
        assert_eq!([said(0), said(1), said(2)], ["One.", "Two.", "One."]);
        assert_eq!(spoken(&[], &Outcome::Done, 7), "Done.");
        let failed = Outcome::Failed("no heater".to_owned());
        assert_eq!(spoken(&responses, &failed, 0), "That did not work: no heater.");
    }

    #[test]
    fn what_is_out_of_range_is_asked_for_with_its_range() {
        let lacking = |lack, ask: Option<&str>| Incomplete {
            intent: "heat".to_owned(),
            slots: Slots::new(),
            slot: "temperature".to_owned(),
            lack,
            ask: ask.map(str::to_owned),
        };
        let range = Lack::OutOfRange { min: 15.0, max: 28.5 };
        assert_eq!(question(&lacking(range, Some("How warm?"))), "How warm? (15 to 28.5)");
        assert_eq!(question(&lacking(Lack::Missing, None)), "temperature?");
    }

    #[test]
    fn an_action_fits_into_the_journal_whatever_was_said() {
        let long = "é".repeat(600);
        assert_eq!(clipped(&long).len(), REASON_BYTES_MAX);
        assert_eq!(clipped("short"), "short");
        let slots = |text: &str| [("title".to_owned(), SlotValue::Text(text.to_owned()))].into();
        assert_eq!(slots_json(&slots("x")), r#"{"title":{"text":"x"}}"#);
        assert_eq!(slots_json(&slots(&"\"".repeat(1_000))), "{}");
    }
}
