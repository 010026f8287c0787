//! The sets that ship: they understand their own examples, and phrases that nobody taught them.

use super::*;
use crate::Context;

const CAR: &str = include_str!("../../../configs/intents/car.toml");
const HOME: &str = include_str!("../../../configs/intents/home.toml");

fn sets(texts: &[&str]) -> Recognizer {
    let file = |text: &&str| ("shipped".to_owned(), IntentFile::parse(text).unwrap());
    let sets = Recognizer::new(texts.iter().map(file).collect(), 0.05, None);
    sets.unwrap_or_else(|error| panic!("{error}"))
}

/// The intent that `text` is taken for, right after `before`.
fn intent(sets: &Recognizer, text: &str, context: &Context) -> Option<String> {
    match sets.recognize(text, context).unwrap() {
        Recognition::Understood(understood) => Some(understood.intent),
        Recognition::Incomplete(incomplete) => Some(incomplete.intent),
        Recognition::OutOfScope { .. } => None,
    }
}

/// A context in which every intent may be meant that says so.
fn after(sets: &Recognizer, intent: &str) -> Context {
    let mut context = Context::default();
    let before = match intent {
        "home_heating_more" | "home_heating_fewer" => "set the heating to 20 degrees",
        _ => return context,
    };
    context.note(&sets.recognize(before, &context).unwrap());
    assert!(context.last_intent().is_some());
    context
}

#[test]
fn there_are_about_forty_intents_with_good_examples() {
    for text in [CAR, HOME] {
        let file = IntentFile::parse(text).unwrap();
        assert!((20..=25).contains(&file.intents.len()), "{}", file.intents.len());
        for intent in file.intents {
            let least = if intent.follows.is_empty() { 8 } else { 5 };
            assert!(intent.examples.len() >= least, "{}", intent.name);
            assert!(!intent.templates.is_empty(), "{}", intent.name);
        }
    }
}

#[test]
fn every_example_means_its_own_intent() {
    for (text, other) in [(CAR, HOME), (HOME, CAR)] {
        let (alone, both) = (sets(&[text]), sets(&[text, other]));
        for entry in IntentFile::parse(text).unwrap().intents {
            for example in &entry.examples {
                for sets in [&alone, &both] {
                    let found = intent(sets, example, &after(sets, &entry.name));
                    assert_eq!(found.as_deref(), Some(entry.name.as_str()), "{example:?}");
                }
            }
        }
    }
}

/// A phrase that a template says: the first of alternatives, with what is optional where `whole`, and a
/// value in each slot.
fn phrase_of(template: &str, whole: bool) -> String {
    fn say(part: &crate::template::Part, whole: bool, said: &mut Vec<String>) {
        use crate::template::Part;
        match part {
            Part::Word(word) => said.push(word.clone()),
            Part::Slot(name) => said.push(value_of(name).to_owned()),
            Part::Sequence(parts) => parts.iter().for_each(|part| say(part, whole, said)),
            Part::Either(parts) => {
                let optional = parts.last().is_some_and(|part| part.shortest() == 0);
                let chosen = if optional && !whole { parts.last() } else { parts.first() };
                chosen.into_iter().for_each(|part| say(part, whole, said));
            }
        }
    }
    let mut said = Vec::new();
    say(&crate::template::parse(template).unwrap(), whole, &mut said);
    said.join(" ")
}

fn value_of(slot: &str) -> &'static str {
    match slot {
        "temperature" | "warmth" => "twenty degrees",
        "delta" | "less" | "more" | "fewer" => "two degrees",
        "seat" => "passenger",
        "window" => "the windows",
        "level" | "brightness" => "40 percent",
        "speed" => "100 kilometres an hour",
        "fan" => "three",
        "station" => "98.5",
        "contact" => "grandma",
        "place" => "munich",
        "message" => "hello there",
        "title" => "abba",
        "room" => "kitchen",
        "colour" => "red",
        "duration" => "5 minutes",
        "time" => "half past seven",
        "door" => "back",
        "device" => "tv",
        "item" => "olive oil",
        "task" => "feed the fish",
        other => panic!("no value for {other}"),
    }
}

#[test]
fn every_template_means_its_own_intent_with_all_of_its_slots() {
    for text in [CAR, HOME] {
        let sets = sets(&[text]);
        for entry in IntentFile::parse(text).unwrap().intents {
            for template in &entry.templates {
                for whole in [false, true] {
                    let phrase = phrase_of(template, whole);
                    let context = after(&sets, &entry.name);
                    let found = understood(sets.recognize(&phrase, &context).unwrap());
                    assert_eq!(found.intent, entry.name, "{phrase:?} of {template:?}");
                    assert_eq!(found.means, crate::Means::Exact, "{phrase:?} of {template:?}");
                }
            }
        }
    }
}

/// Phrases that no example or template says.
const HELD_OUT: [(&str, &str); 52] = [
    ("could you turn the heating to 21", "car_temperature"),
    ("i want it to be 22 degrees in here", "car_temperature"),
    ("it is really cold", "car_warmer"),
    ("make it two degrees warmer please", "car_warmer"),
    ("it is so hot in the car", "car_cooler"),
    ("three degrees colder", "car_cooler"),
    ("set the ventilation to level four", "car_fan"),
    ("the windscreen is all steamed up", "car_defrost"),
    ("switch on the seat heating for me", "car_seat_heating"),
    ("please roll the windows down", "car_window_open"),
    ("shut all of the windows", "car_window_close"),
    ("volume to 35 percent please", "car_volume"),
    ("could you make the music a bit louder", "car_louder"),
    ("turn the music down a little", "car_quieter"),
    ("switch the music off", "car_mute"),
    ("i want to listen to some jazz", "car_play"),
    ("skip to the next song", "car_next_track"),
    ("please tune the radio to 102.1", "car_station"),
    ("call my mother", "car_call"),
    ("ok hang up now", "car_hang_up"),
    ("send a text message to paul", "car_message"),
    ("navigate to the nearest charging station", "car_navigate"),
    ("stop the route guidance", "car_stop_navigation"),
    ("put the cruise control at 115", "car_cruise_control"),
    ("how much battery do we have left", "car_range"),
    ("how far can i still drive", "car_range"),
    ("turn on the lights in the kitchen please", "home_light_on"),
    ("could you switch the bedroom light on", "home_light_on"),
    ("switch off all the lights", "home_light_off"),
    ("lights out please", "home_light_off"),
    ("dim the kitchen light to 20 percent", "home_dim"),
    ("make the bedroom lights green", "home_light_colour"),
    ("set the thermostat in the office to 21 degrees", "home_heating"),
    ("please raise the blinds", "home_blinds_up"),
    ("close the shutters in the living room", "home_blinds_down"),
    ("lock the back door please", "home_lock"),
    ("unlock the garage door", "home_unlock"),
    ("please switch on the alarm system", "home_alarm_arm"),
    ("switch the television on", "home_device_on"),
    ("please start the vacuum cleaner", "home_device_on"),
    ("turn the tv off please", "home_device_off"),
    ("set a timer for twenty five minutes", "home_timer"),
    ("start a timer for one hour and ten minutes", "home_timer"),
    ("wake me at quarter past six", "home_wake_up"),
    ("put cheese on the shopping list", "home_list_add"),
    ("tell me what is on my shopping list", "home_list_read"),
    ("remind me to call mum at 5 pm", "home_remind"),
    ("what temperature is it in the bathroom", "home_indoor_temperature"),
    ("good night everyone", "home_good_night"),
    ("we are going to bed", "home_good_night"),
    ("we are off", "home_leave"),
    ("bye house", "home_leave"),
];

/// What a model should answer.
const OUT_OF_SCOPE: [&str; 24] = [
    "who wrote the magic mountain",
    "explain quantum entanglement to a child",
    "what is the capital of australia",
    "how many ounces are in a pound",
    "translate good morning into italian",
    "write a poem about autumn leaves",
    "what is seven times eight",
    "why is the sky blue",
    "who won the world cup in 1990",
    "recommend a book about philosophy",
    "how do vaccines work",
    "what does serendipity mean",
    "summarize the news about the election",
    "how old is the universe",
    "compare rust and python for embedded systems",
    "give me a recipe for lasagna",
    "is it ethical to eat meat",
    "when was napoleon born",
    "draft an apology letter to my landlord",
    "what causes inflation in an economy",
    "tell me a joke about penguins",
    "how does photosynthesis work",
    "spell accommodation",
    "debug this function that returns the wrong sum",
];

/// Goal: the sets are worth shipping. Method: phrases that were written without looking at the
/// classifier; at most one in ten may be taken for another intent or for none, and at most one in
/// eight out of scope for an intent.
#[test]
fn phrases_that_nobody_taught_are_understood_or_rejected() {
    let sets = sets(&[CAR, HOME]);
    let context = Context::default();
    let wrong: Vec<_> = HELD_OUT
        .iter()
        .map(|(text, expected)| (text, expected, intent(&sets, text, &context)))
        .filter(|(_, expected, found)| found.as_deref() != Some(**expected))
        .collect();
    assert!(wrong.len() * 10 <= HELD_OUT.len(), "{wrong:#?}");
    let taken: Vec<_> = OUT_OF_SCOPE
        .iter()
        .filter_map(|text| Some((text, intent(&sets, text, &context)?)))
        .collect();
    assert!(taken.len() * 8 <= OUT_OF_SCOPE.len(), "{taken:#?}");
}
