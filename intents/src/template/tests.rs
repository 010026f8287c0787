//! Templates and the phrases that they say.

use super::*;
use crate::phrase::Phrase;
use crate::slot::{Slot, SlotFile};

fn slots() -> Vec<Slot> {
    let text = r#"
        n = { type = "number", min = 0, max = 100, units = [{ words = ["degree", "degrees"] }] }
        room = { type = "choice", values = { kitchen = ["cooking room"], bath = [] } }
        t = { type = "time" }
        what = { type = "text" }
        who = { type = "text" }
    "#;
    let files: std::collections::BTreeMap<String, SlotFile> = toml::from_str(text).unwrap();
    files.into_iter().map(|(name, file)| Slot::check(&name, file).unwrap()).collect()
}

/// What `phrase` says by the first of `templates` that does, as `slot=value` in the slots' order.
fn said(templates: &[&str], phrase: &str) -> Option<(usize, String)> {
    let slots = slots();
    let mut matcher = Matcher::default();
    for (intent, template) in templates.iter().enumerate() {
        let program = Program::of(&parse(template).unwrap(), &slots).unwrap();
        matcher.add(program, intent);
    }
    let phrase = Phrase::of(phrase).unwrap();
    let ends = [phrase.words.len()];
    let found = matcher.find(&mut Spans::of(&phrase, &slots), [&[0], &ends], |_| true)?;
    let value = |(slot, value): (&usize, &crate::SlotValue)| {
        format!("{}={}", slots[*slot].name, value.plain())
    };
    Some((found.intent, found.slots.iter().map(value).collect::<Vec<_>>().join(" ")))
}

fn check(template: &str, phrase: &str, expected: Option<&str>) {
    let found = said(&[template], phrase).map(|(_, slots)| slots);
    assert_eq!(found.as_deref(), expected, "{template:?} of {phrase:?}");
}

#[test]
fn words_optional_parts_and_alternatives_match() {
    let template = "turn on [the [big|small]] (light|lamp and fan)";
    for phrase in ["turn on light", "turn on the light", "Turn on the BIG lamp and fan!"] {
        check(template, phrase, Some(""));
    }
    for phrase in ["turn on", "turn on big light", "turn on the light now", "please turn on light"]
    {
        check(template, phrase, None);
    }
    check("a|b c|d", "b c", Some(""));
    check("a|b c|d", "a c", None);
    check("((a))", "a", Some(""));
    check("(a|)b", "b", Some(""));
}

#[test]
fn slots_take_what_they_may_be() {
    check("to {n} [degrees]", "to 21", Some("n=21"));
    check("to {n}", "to twenty one degrees", Some("n=21"));
    check("to {n} degrees", "to 21 degrees", Some("n=21"));
    check("to {n}", "to the moon", None);
    check("{room} at {t}", "cooking room at half past seven pm", Some("room=kitchen t=19:30"));
    check("{room}{n}", "bath 7", Some("n=7 room=bath"));
    check("({room} {n}|{n} {room})", "7 bath", Some("n=7 room=bath"));
}

#[test]
fn free_text_takes_no_more_than_it_must() {
    check("tell {who} {what}", "tell anna hello there", Some("what=hello there who=anna"));
    check("remind me to {what} [at {t}]", "remind me to call at six", Some("t=06:00 what=call"));
    check("remind me to {what} [at {t}]", "remind me to call at home", Some("what=call at home"));
    check("{what} now", "now", None);
}

#[test]
fn the_template_that_spells_more_wins_and_then_the_first() {
    let templates = ["play {what}", "play [the] {room} radio", "play the radio", "play the radio"];
    assert_eq!(said(&templates, "play the radio"), Some((2, String::new())));
    assert_eq!(said(&templates, "play kitchen radio"), Some((1, "room=kitchen".to_owned())));
    assert_eq!(said(&templates, "play a radio"), Some((0, "what=a radio".to_owned())));
}

/// Goal: the simulation finds what trying all ways finds. Method: every phrase of up to five words of
/// three, against a naive expansion of each template.
#[test]
fn a_program_says_exactly_the_phrases_that_its_template_stands_for() {
    fn expand(part: &Part) -> Vec<Vec<String>> {
        match part {
            Part::Word(word) => vec![vec![word.clone()]],
            Part::Slot(name) => panic!("no slot {name} here"),
            Part::Either(parts) => parts.iter().flat_map(expand).collect(),
            Part::Sequence(parts) => parts.iter().fold(vec![Vec::new()], |before, part| {
                let after = expand(part);
                let joined = before
                    .iter()
                    .flat_map(|a| after.iter().map(move |b| [a.as_slice(), b].concat()));
                joined.collect()
            }),
        }
    }
    let mut phrases = vec![Vec::new()];
    for _ in 0..5 {
        let longer = phrases.iter().flat_map(|phrase: &Vec<&str>| {
            ["a", "b", "c"].map(|word| [phrase.as_slice(), &[word]].concat())
        });
        phrases = longer.chain(phrases.iter().cloned()).collect();
    }
    phrases.sort();
    phrases.dedup();
    let mut matched = 0;
    for template in
        ["a [b] (c|a b) [c [b|a]]", "[a|b] [a b] c", "a|b|c|a (b|c) a", "(a|b a) (a|b [b]) b"]
    {
        let all = expand(&parse(template).unwrap());
        for phrase in phrases.iter().filter(|phrase| !phrase.is_empty()) {
            let expected = all.iter().any(|words| words == phrase);
            matched += usize::from(expected);
            check(template, &phrase.join(" "), expected.then_some(""));
        }
    }
    assert!(matched > 20, "{matched}");
}
