//! Files that are wrong: each fault is found, at its place, and all of them at once.

use super::*;

const SOUND: &str = r#"
about = "Lamps."
[slots.room]
type = "choice"
values = { kitchen = [] }
[slots.note]
type = "text"
[slots.level]
type = "number"
min = 0
max = 10
[[intent]]
name = "on"
examples = ["light on", "lamp on"]
templates = ["turn on [the] {room} light"]
defaults = { room = "kitchen" }
action = { kind = "mqtt", topic = "home/{room}", payload = "on" }
[[intent]]
name = "off"
examples = ["light off", "lamp off"]
responses = ["Off."]
"#;

/// Replaces `from` in a sound file and expects what is said of it.
fn check(from: &str, to: &str, expected: &str) {
    assert!(SOUND.contains(from), "{from:?} is not in the file");
    let said = refusal(&SOUND.replacen(from, to, 1));
    assert!(said.contains(expected), "{said:?} does not say {expected:?}");
}

#[test]
fn a_sound_file_is_sound() {
    assert_eq!(recognizer(SOUND).intents().collect::<Vec<_>>(), ["on", "off"]);
}

#[test]
fn each_fault_says_where_it_is_and_what_would_be_right() {
    const TEMPLATE: &str = "turn on [the] {room} light";
    for (from, to, expected) in [
        ("about", "abuot", "unknown field `abuot`"),
        ("name = \"off\"", "name = \"on\"", "intent `on`: two intents have this name"),
        ("name = \"off\"", "name = \"Off!\"", "small letters"),
        (TEMPLATE, "turn on [the {room} light", "a `]` is missing"),
        (TEMPLATE, "turn (on the", "a `)` is missing"),
        (TEMPLATE, "turn on)", "this `)` closes nothing"),
        (TEMPLATE, "turn }", "this `}` closes nothing"),
        (TEMPLATE, "turn {room", "a `}` is missing"),
        (TEMPLATE, "{hall} light", "no slot `hall` in this file; there are: level, note, room"),
        (TEMPLATE, "{room} and {room}", "slot `room` stands here twice"),
        (TEMPLATE, "[please] (|now)", "may be left out"),
        ("\"light on\", ", "\"?!\", ", "an example has 1 to 64 words"),
        ("\"light off\"", "\"Light on.\"", "`Light on.` is also an example of `on`"),
        ("responses = [\"Off.\"]", "", "without an action has a response"),
        ("\"Off.\"", "\"{hall} off\"", "response `{hall} off`: no slot `hall`"),
        ("\"Off.\"", "\"off}\"", "closes nothing"),
        (
            "defaults = { room = \"kitchen\" }",
            "defaults = { room = \"moon\" }",
            "`moon` is no value of slot `room`",
        ),
        ("home/{room}", "home/{note}", "slots in it are choices or numbers"),
        ("home/{room}", "home/#", "no `+`, `#`"),
        ("kitchen = []", "\"a/b\" = [], kitchen = []", "slots in it are choices"),
        ("payload = \"on\"", "payload = \"on\", qos = 3", "qos is 0, 1 or 2"),
        ("payload = \"on\"", "payload = { a = [\"{hall}\"] }", "action: no slot `hall`"),
        (
            "kind = \"mqtt\", topic = \"home/{room}\", payload = \"on\"",
            "kind = \"http\", url = \"http://{room}/\"",
            "has no slot in them",
        ),
        (
            "kind = \"mqtt\", topic = \"home/{room}\", payload = \"on\"",
            "kind = \"http\", url = \"file:///etc\"",
            "begins with http",
        ),
        ("kitchen = []", "", "a choice has 1 to"),
        ("kitchen = []", "kitchen = [\"x\"], hall = [\"X\"]", "means two values"),
        ("max = 10", "max = -1", "between min and max"),
        ("max = 10", "max = nan", "between min and max"),
        ("max = 10", "max = 10\nunit_required = true", "needs `units`"),
        ("max = 10", "max = 10\nunits = [{ words = [] }]", "a unit has words"),
        ("max = 10", "max = 10\nunits = [{ words = [\"a\"], factor = 0 }]", "positive factor"),
        ("max = 10", "max = 10\nrelative_to = \"room\"", "`room` is none"),
        ("responses = [\"Off.\"]", "responses = [\"Off.\"]\nfollows = [\"in\"]", "`in` is none"),
        ("examples = [\"light off\", \"lamp off\"]", "", "an intent has examples or templates"),
    ] {
        check(from, to, expected);
    }
}

#[test]
fn all_faults_are_said_at_once() {
    let text = SOUND
        .replace("turn on [the]", "turn on (the")
        .replace("Off.", "{hall}")
        .replace("10", "-3");
    assert_eq!(refusal(&text).lines().count(), 4, "{}", refusal(&text));
}

#[test]
fn a_classifier_needs_two_intents_with_examples() {
    let one = SOUND.replace("examples = [\"light off\", \"lamp off\"]", "templates = [\"off\"]");
    assert!(refusal(&one).contains("at least two intents; here are 1"));
}

#[test]
fn limits_hold_at_their_edge() {
    use crate::limits::{TEMPLATE_BYTES_MAX, TEMPLATE_DEPTH_MAX, TEMPLATE_STATES_MAX};
    let with = |template: String| {
        let file = IntentFile::parse(&SOUND.replace("turn on [the] {room} light", &template));
        let made = Recognizer::new(vec![("test".to_owned(), file.unwrap())], 0.05, None);
        made.map(|_| ()).map_err(|error| error.to_string())
    };
    let deep = |depth: usize| format!("x {}y{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(with(deep(TEMPLATE_DEPTH_MAX)), Ok(()));
    assert!(with(deep(TEMPLATE_DEPTH_MAX + 1)).unwrap_err().contains("deep"));
    assert_eq!(with("a ".repeat(TEMPLATE_STATES_MAX - 1)), Ok(()));
    assert!(with("a ".repeat(TEMPLATE_STATES_MAX)).unwrap_err().contains("states"));
    assert!(with("a".repeat(TEMPLATE_BYTES_MAX + 1)).unwrap_err().contains("bytes"));
    let long = " ".repeat(crate::limits::FILE_BYTES_MAX + 1);
    assert!(matches!(IntentFile::parse(&long), Err(IntentError::FileSize { .. })));
    let share =
        Recognizer::new(vec![("test".to_owned(), IntentFile::parse(SOUND).unwrap())], 0.6, None);
    assert!(share.unwrap_err().to_string().contains("from 0 to 0.5"));
}
