//! What is learnt from few examples, and what is known to be none of them.

use super::*;

const EXAMPLES: [(&str, usize); 24] = [
    ("turn on the light", 0),
    ("switch on the lights please", 0),
    ("lights on in the kitchen", 0),
    ("turn the lamp on", 0),
    ("switch the bedroom light on", 0),
    ("make it bright in here", 0),
    ("could you put the light on", 0),
    ("light up the hall", 0),
    ("what is the weather like", 1),
    ("will it rain today", 1),
    ("weather forecast for tomorrow", 1),
    ("is it going to snow", 1),
    ("do i need an umbrella today", 1),
    ("how is the weather in rome", 1),
    ("tell me the forecast", 1),
    ("will it be sunny tomorrow", 1),
    ("play some music", 2),
    ("play the next song", 2),
    ("put on a jazz record", 2),
    ("i want to hear some music", 2),
    ("play a song by the beatles", 2),
    ("start the music", 2),
    ("music please", 2),
    ("play my favourite songs", 2),
];

fn examples() -> Vec<Example> {
    EXAMPLES.map(|(text, class)| Example { text: text.to_owned(), class: Some(class) }).to_vec()
}

fn learn() -> Classifier {
    Classifier::learn(&examples(), None, 3, None).unwrap()
}

fn guess(classifier: &Classifier, text: &str) -> Guess {
    classifier.classify(text, None, |_| true).unwrap().unwrap()
}

#[test]
fn phrases_that_were_not_learnt_are_told_apart() {
    let classifier = learn();
    for (text, class) in [
        ("please turn on the light in the bedroom", 0),
        ("will it rain tomorrow", 1),
        ("play some jazz music", 2),
    ] {
        let guess = guess(&classifier, text);
        assert_eq!(guess.class, class, "{text:?}");
        assert!(guess.known >= classifier.threshold(0.05), "{text:?}: {guess:?}");
        assert!(guess.margin > 0.0 && guess.confidence > 0.5, "{text:?}: {guess:?}");
    }
}

#[test]
fn what_is_like_no_example_is_out_of_scope() {
    let classifier = learn();
    for text in ["xylophone quiz", "gym membership", "calories of an egg"] {
        let guess = guess(&classifier, text);
        assert!(guess.known < classifier.threshold(0.1), "{text:?}: {guess:?}");
    }
}

#[test]
fn phrases_of_no_class_are_learnt_as_such() {
    let text = "how many calories are in an egg";
    let with = |none: &[&str]| {
        let none = none.iter().map(|text| Example { text: (*text).to_owned(), class: None });
        let examples: Vec<_> = examples().into_iter().chain(none).collect();
        let classifier = Classifier::learn(&examples, None, 3, None).unwrap();
        guess(&classifier, text).known - classifier.threshold(0.1)
    };
    let taught =
        with(&["how many people live in an igloo", "how old is an egg", "are there aliens"]);
    assert!(taught < with(&[]) && taught < 0.0, "{taught} {}", with(&[]));
}

#[test]
fn more_is_rejected_where_more_may_be() {
    let classifier = learn();
    let [low, high] = [0.0, 0.3].map(|rejected| classifier.threshold(rejected));
    assert!(low < high, "{low} {high}");
}

/// Goal: thresholds come from the phrases that are given for it. Method: phrases that the classifier is
/// unsure of make it accept more.
#[test]
fn given_phrases_are_held_out_in_place_of_examples() {
    let unsure = ["sunny jazz", "umbrella hall", "record rain"]
        .map(|text| Example { text: text.to_owned(), class: Some(0) });
    let given = Classifier::learn(&examples(), Some(&unsure), 3, None).unwrap();
    let least = unsure.iter().map(|example| guess(&given, &example.text).known);
    assert_eq!(given.threshold(0.0), least.fold(f32::INFINITY, f32::min));
}

#[test]
fn a_class_that_may_not_be_meant_is_not_guessed() {
    let classifier = learn();
    let guess =
        classifier.classify("turn on the light", None, |class| class != 0).unwrap().unwrap();
    assert_ne!(guess.class, 0);
    assert_eq!(classifier.classify("turn on the light", None, |_| false).unwrap(), None);
    assert_eq!(classifier.classify("?!", None, |_| true).unwrap(), None);
}

#[test]
fn one_class_is_too_few_and_too_many_weights_are_too_many() {
    let one = &examples()[..8];
    let refused = Classifier::learn(one, None, 3, None).unwrap_err();
    assert!(matches!(refused, IntentError::TooFew { intents: 1 }), "{refused}");
    let refused = Classifier::learn(&examples(), None, WEIGHTS_MAX, None).unwrap_err();
    assert!(matches!(refused, IntentError::TooLarge { .. }), "{refused}");
}

/// An encoder that knows two meanings.
#[derive(Debug)]
struct Meanings;

impl SentenceEncoder for Meanings {
    fn encode(&self, text: &str) -> Result<Vec<f32>, crate::EncodeError> {
        let wet = ["rain", "snow", "umbrella", "weather", "drizzle"];
        let is_wet = wet.iter().any(|word| text.contains(word));
        Ok(if is_wet { vec![1.0, 0.0] } else { vec![0.0, 1.0] })
    }
}

/// Goal: embeddings count. Method: a word that no example has, but that the encoder knows.
#[test]
fn an_encoder_knows_words_that_no_example_has() {
    let probability = |encoder: Option<&dyn SentenceEncoder>| {
        let classifier = Classifier::learn(&examples(), None, 3, encoder).unwrap();
        let guess = classifier.classify("drizzle", encoder, |class| class == 1).unwrap().unwrap();
        guess.known
    };
    assert!(probability(Some(&Meanings)) > probability(None) + 0.5);
}
