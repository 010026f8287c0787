//! What was said before counts: changes, remembered values, questions and their answers.

use super::*;
use crate::{Action, Context, Lack, Means, SlotValue};

const HEATING: &str = r#"
about = "Heating."
fillers = ["please", "could you", "hey"]
elsewhere = ["what is the capital of france", "who painted this", "tell me a story"]

[slots.temperature]
type = "number"
min = 15
max = 25
units = [{ words = ["degree", "degrees"] }]
ask = "To how many degrees?"

[slots.delta]
type = "number"
min = 0.5
max = 5
units = [{ words = ["degree", "degrees"] }]
relative_to = "temperature"

[slots.less]
type = "number"
min = 0.5
max = 5
units = [{ words = ["degree", "degrees"] }]
relative_to = "temperature"
lowers = true

[slots.room]
type = "choice"
remembered = true
values = { kitchen = ["the kitchen"], bedroom = ["the bedroom", "my room"] }

[slots.task]
type = "text"

[slots.time]
type = "time"

[[intent]]
name = "heat"
examples = ["set the heating", "change the temperature", "heating please", "adjust the thermostat"]
templates = ["(set|turn) the heating [in {room}] to {temperature}", "heat {room} to {temperature}"]
defaults = { room = "kitchen" }
responses = ["{room} at {temperature}.", "Done: {temperature}."]
action = { kind = "mqtt", topic = "home/{room}", payload = { celsius = "{temperature}", by = ["{room}"] }, qos = 1 }

[[intent]]
name = "warmer"
follows = ["heat", "warmer", "colder"]
templates = ["make it {delta} warmer"]
defaults = { delta = "1" }
examples = ["a bit warmer", "warmer please", "still too cold"]
action = { kind = "http", url = "http://127.0.0.1/heat/{delta}", body = { by = "{delta}" } }

[[intent]]
name = "colder"
follows = ["heat", "warmer", "colder"]
templates = ["make it {less} colder"]
examples = ["a bit colder", "colder please", "still too warm"]
action = { kind = "socket", address = "127.0.0.1:1", line = { by = "{less}" } }

[[intent]]
name = "remind"
templates = ["remind me to {task} at {time}", "remind me at {time} to {task}"]
examples = ["set a reminder", "i need a reminder", "do not let me forget"]
responses = ["{time}: {task}"]
action = { kind = "http", url = "http://127.0.0.1/remind?what={task}", body = { task = "{task}", note = "at {time}: {task}" } }
"#;

fn say(sets: &Recognizer, context: &mut Context, text: &str) -> Recognition {
    let recognition = sets.recognize(text, context).unwrap();
    context.note(&recognition);
    recognition
}

fn number(slots: &crate::Slots, name: &str) -> Option<f64> {
    match slots.get(name)? {
        SlotValue::Number { value, .. } => Some(*value),
        SlotValue::Choice(_) | SlotValue::Time(_) | SlotValue::Text(_) => None,
    }
}

#[test]
fn a_phrase_becomes_an_action_and_a_response() {
    let sets = recognizer(HEATING);
    let found = say(
        &sets,
        &mut Context::default(),
        "Hey, could you turn the heating to 21 degrees, please?",
    );
    let found = understood(found);
    assert_eq!((found.intent.as_str(), found.means), ("heat", Means::Exact));
    assert_eq!(found.responses, ["kitchen at 21 degrees.", "Done: 21 degrees."]);
    let Action::Mqtt { topic, payload, qos: 1, retain: false } = found.action else { panic!() };
    let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
    let wanted = serde_json::json!({ "by": ["kitchen"], "celsius": 21 });
    assert_eq!((topic.as_str(), payload), ("home/kitchen", wanted));
}

#[test]
fn a_change_is_of_what_was_said_before_and_stays_in_range() {
    let sets = recognizer(HEATING);
    let context = &mut Context::default();
    say(&sets, context, "set the heating in my room to 21");
    let warmer = understood(say(&sets, context, "make it two degrees warmer"));
    assert_eq!(number(&warmer.slots, "delta"), Some(2.0));
    assert_eq!(number(&warmer.slots, "temperature"), Some(23.0));
    let Action::Http { url, body, .. } = warmer.action else { panic!() };
    assert_eq!((url.as_str(), body.as_deref()), ("http://127.0.0.1/heat/2", Some(r#"{"by":2}"#)));
    let warmer = understood(say(&sets, context, "make it 5 degrees warmer"));
    assert_eq!(number(&warmer.slots, "temperature"), Some(25.0));
    let colder = understood(say(&sets, context, "make it half a degree colder"));
    assert_eq!(number(&colder.slots, "less"), Some(-0.5));
    assert_eq!(number(&colder.slots, "temperature"), Some(24.5));
    let Action::Socket { line, .. } = colder.action else { panic!() };
    assert_eq!(line, r#"{"by":-0.5}"#);
    // The room is remembered until another is said.
    let again = understood(say(&sets, context, "set the heating to 18"));
    assert_eq!(again.slots["room"], SlotValue::Choice("bedroom".to_owned()));
}

#[test]
fn what_only_follows_is_not_understood_by_itself() {
    let sets = recognizer(HEATING);
    for text in ["make it two degrees warmer", "a bit warmer", "still too warm"] {
        let found = sets.recognize(text, &Context::default()).unwrap();
        let intent = match found {
            Recognition::Understood(understood) => understood.intent,
            Recognition::Incomplete(incomplete) => incomplete.intent,
            Recognition::OutOfScope { nearest } => nearest.unwrap(),
        };
        assert!(!["warmer", "colder"].contains(&intent.as_str()), "{text:?} is {intent}");
    }
    let context = &mut Context::default();
    say(&sets, context, "heat the kitchen to 20");
    say(&sets, context, "who was napoleon and what did he do");
    assert_eq!(context.last_intent(), None);
}

#[test]
fn what_is_missing_is_asked_for_and_the_answer_is_understood() {
    let sets = recognizer(HEATING);
    let context = &mut Context::default();
    let Recognition::Incomplete(asked) = say(&sets, context, "set the heating") else { panic!() };
    assert_eq!((asked.slot.as_str(), asked.lack), ("temperature", Lack::Missing));
    assert_eq!(asked.ask.as_deref(), Some("To how many degrees?"));
    let answered = understood(say(&sets, context, "twenty, please"));
    assert_eq!((answered.intent.as_str(), answered.means), ("heat", Means::Answer));
    assert_eq!(number(&answered.slots, "temperature"), Some(20.0));
    // An answer to nothing is none.
    assert!(!matches!(say(&sets, context, "twenty"), Recognition::Understood(_)));
}

#[test]
fn a_number_out_of_range_is_said_to_be_so() {
    let sets = recognizer(HEATING);
    let context = &mut Context::default();
    let found = say(&sets, context, "set the heating in the bedroom to 90 degrees");
    let Recognition::Incomplete(asked) = found else { panic!("{found:?}") };
    assert_eq!(asked.lack, Lack::OutOfRange { min: 15.0, max: 25.0 });
    let answered = understood(say(&sets, context, "19 please"));
    assert_eq!(answered.slots["room"], SlotValue::Choice("bedroom".to_owned()));
}

#[test]
fn times_and_texts_are_told_apart_whatever_comes_first() {
    let sets = recognizer(HEATING);
    for text in [
        "remind me to call at the garage at half past seven",
        "remind me at 7:30 to call at the garage",
    ] {
        let found = understood(sets.recognize(text, &Context::default()).unwrap());
        assert_eq!(found.responses, ["07:30: call at the garage"], "{text:?}");
    }
}

/// Goal: a phrase is data wherever it goes. Method: a task full of what is special elsewhere.
#[test]
fn a_slot_is_escaped_for_where_it_stands() {
    let sets = recognizer(HEATING);
    let text = "remind me to say \"hi\" & bye/../?x=1#%00 {time} at noon";
    let found = understood(sets.recognize(text, &Context::default()).unwrap());
    let Action::Http { url, body, .. } = found.action else { panic!() };
    assert!(url.strip_prefix("http://127.0.0.1/remind?what=").is_some_and(|rest| {
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte))
    }));
    let body: serde_json::Value = serde_json::from_str(&body.unwrap()).unwrap();
    assert!(body["note"].as_str().unwrap().starts_with("at 12:00: say hi bye"), "{body}");
}

#[test]
fn a_caller_may_know_a_value_from_elsewhere() {
    let sets = recognizer(HEATING);
    let context = &mut Context::default();
    let heat = understood(say(&sets, context, "heat the kitchen to 20"));
    let SlotValue::Number { .. } = &heat.slots["temperature"] else { panic!() };
    let by_hand =
        SlotValue::Number { value: 16.0, spoken: "16 degrees".to_owned(), relative_to: None };
    context.set("temperature", by_hand);
    let warmer = understood(say(&sets, context, "make it 1 degree warmer"));
    assert_eq!(number(&warmer.slots, "temperature"), Some(17.0));
}
