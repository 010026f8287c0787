//! Decoding token by token.

use super::*;

/// Goal: pushes and finish together equal decoding at once. Method: random bytes as tokens.
#[test]
fn a_stream_gives_what_decoding_at_once_gives() {
    let tokenizer = build(sentence_piece(&[("▁a", -1.0), ("é", -1.0), ("▁", -1.0)], &["<|x|>"]));
    let mut random = Random(2);
    let bytes = [0xe2, 0x98, 0x83, 0xf0, 0x9f, 0x98, 0x80, 0x20, 0x41, 0xff, 0xc3, 0xed, 0xa0];
    for _ in 0..2000 {
        let token = |random: &mut Random| match random.below(4) {
            0 => 259 + u32::try_from(random.below(4)).unwrap(),
            _ => 3 + bytes[random.below(bytes.len())],
        };
        let tokens: Vec<u32> = (0..random.below(12)).map(|_| token(&mut random)).collect();
        let tokens = ids(&tokens);
        let mut stream = tokenizer.stream();
        let pushed: Vec<String> = tokens.iter().map(|&token| stream.push(token)).collect();
        assert_eq!(pushed.concat() + &stream.finish(), tokenizer.decode(&tokens), "{tokens:?}");
        assert_eq!(stream.finish(), "");
    }
}

/// Goal: what the pieces say is what a stream writes within a text, in both families. Method: a letter, then each
/// token behind it.
#[test]
fn pieces_are_what_a_stream_writes() {
    let sentences = sentence_piece(&[("▁a", -1.0), ("é", -1.0)], &["<|x|>"]);
    for vocabulary in [sentences, byte_level("gpt-2", &["Ġ a", "Ã ©"], &["<|x|>"])] {
        let tokenizer = build(vocabulary);
        let pieces: Vec<_> = tokenizer.pieces().collect();
        assert_eq!(pieces.len(), tokenizer.vocab_size());
        let hidden = pieces.iter().filter(|piece| piece.is_none()).count();
        let ends = tokenizer.end_tokens();
        assert!(hidden >= 2 && ends.iter().all(|end| pieces[end.0 as usize].is_none()));
        assert_eq!(tokenizer.piece(TokenId(u32::MAX)), None);
        for (token, piece) in (0..).map(TokenId).zip(&pieces) {
            assert_eq!(tokenizer.piece(token), *piece);
            let mut stream = tokenizer.stream_after(&tokenizer.encode("a", Markers::AsText));
            let text = stream.push(token) + &stream.finish();
            assert_eq!(text, String::from_utf8_lossy(piece.unwrap_or_default()), "{token:?}");
        }
        for text in [" a".as_bytes(), "é".as_bytes(), b"\xff"] {
            assert!(pieces.contains(&Some(text)), "{text:?}");
        }
    }
}

#[test]
fn a_character_is_shown_when_it_is_complete() {
    let tokenizer = build(sentence_piece(&[], &[]));
    let mut stream = tokenizer.stream();
    let shown: Vec<String> =
        [0xe2, 0x98, 0x83, 0xe2, 0x98, 0x41].map(|byte| stream.push(TokenId(3 + byte))).into();
    assert_eq!(shown, ["", "", "☃", "", "", "\u{fffd}A"]);
    assert_eq!(stream.push(TokenId(3 + 0xf0)), "");
    assert_eq!(stream.finish(), "\u{fffd}");
}

#[test]
fn a_stream_after_a_prompt_keeps_the_space_within_a_text() {
    let tokenizer = build(sentence_piece(&[("▁a", -1.0), ("b", -1.0)], &["<|x|>"]));
    let first = |prompt: &[u32]| tokenizer.stream_after(&ids(prompt)).push(TokenId(259));
    assert_eq!(first(&[]), "a");
    assert_eq!(first(&[1]), "a");
    assert_eq!(first(&[1, 260]), " a");
    assert_eq!(first(&[1, 260, 261]), "a");
    assert_eq!(tokenizer.stream().push(TokenId(9999)), "");
}
