//! Texts that end at stop strings, and the times between tokens.

use super::*;
use runtime::{GgufVocabulary, Tokenizer};

/// One token a byte of ASCII.
fn tokenizer() -> Tokenizer {
    let letters = (0_u8..=255).map(|byte| format!("<0x{byte:02X}>"));
    let tokens: Vec<_> = ["<unk>".to_owned()].into_iter().chain(letters).collect();
    let kinds = [2].into_iter().chain([6; 256]).collect();
    let scores = vec![0.0; tokens.len()];
    Tokenizer::from_vocabulary(GgufVocabulary {
        model: "llama".to_owned(),
        pre: None,
        tokens,
        scores,
        kinds,
        merges: Vec::new(),
        bos: None,
        eos: None,
        eot: None,
        unk: Some(0),
        add_bos: Some(false),
        add_space_prefix: Some(false),
        chat_template: None,
    })
    .unwrap()
}

fn id(byte: u8) -> TokenId {
    TokenId(u32::from(byte) + 1)
}

fn transcript(stops: &[&str], started: Instant) -> Transcript {
    let stops: Vec<_> = stops.iter().map(|&stop| stop.to_owned()).collect();
    Transcript::new(tokenizer().stream_after(&[id(b'x')]), &stops, started)
}

#[test]
fn a_stop_string_ends_the_text_before_it_and_the_tokens_with_it() {
    let now = Instant::now();
    let mut transcript = transcript(&["END"], now);
    let shown: String = "ok ENough END more".bytes().map(|b| transcript.push(id(b), now)).collect();
    assert_eq!((shown.as_str(), transcript.text()), ("ok ENough ", "ok ENough "));
    assert!(transcript.is_stopped());
    assert_eq!(transcript.tokens().len(), "ok ENough END".len());
    assert_eq!(transcript.finish(), "");
}

#[test]
fn what_was_held_back_comes_out_at_the_end() {
    let now = Instant::now();
    let mut transcript = transcript(&["END"], now);
    let shown: String = "the EN".bytes().map(|b| transcript.push(id(b), now)).collect();
    assert_eq!(shown, "the ");
    assert_eq!(transcript.finish(), "EN");
    assert_eq!(transcript.text(), "the EN");
}

/// Goal: what was taken back leaves nothing behind, neither in the text nor in what is held back for a
/// stop string or a character. Method: a cut after every token of a text that is said wrong first.
#[test]
fn a_text_that_is_cut_and_goes_on_is_as_if_never_cut() {
    let now = Instant::now();
    let said = "an ENd that é was not";
    for cut in 0..said.len() {
        let mut transcript = transcript(&["END"], now);
        let mut shown: String = said.bytes().map(|b| transcript.push(id(b), now)).collect();
        let kept = transcript.cut(cut);
        assert!(said.starts_with(&shown[..kept]) && kept <= cut, "{cut}: {kept}");
        shown.truncate(kept);
        for byte in said.bytes().skip(cut).chain("! END".bytes()) {
            shown += &transcript.push(id(byte), now);
        }
        assert_eq!(shown, "an ENd that é was not! ", "cut at {cut}");
        assert_eq!(transcript.finish(), "");
        assert_eq!(transcript.text(), shown);
        assert_eq!(transcript.latencies().len(), said.len() + "! END".len() - 1);
    }
}

#[test]
fn a_stop_string_that_is_taken_back_stops_nothing() {
    let now = Instant::now();
    let mut transcript = transcript(&["END"], now);
    "the END".bytes().for_each(|b| drop(transcript.push(id(b), now)));
    assert!(transcript.is_stopped());
    assert_eq!(transcript.cut("the E".len()), "the ".len());
    assert!(!transcript.is_stopped());
    assert_eq!(transcript.push(id(b'x'), now), "Ex");
}

#[test]
fn times_are_from_the_request_and_from_token_to_token() {
    let start = Instant::now();
    let mut transcript = transcript(&[], start);
    assert_eq!(transcript.ttft(), None);
    for ms in [30, 30, 70] {
        transcript.push(id(b'a'), start + Duration::from_millis(ms));
    }
    assert_eq!(transcript.ttft(), Some(Duration::from_millis(30)));
    assert_eq!(transcript.latencies(), [0, 40].map(Duration::from_millis));
}
