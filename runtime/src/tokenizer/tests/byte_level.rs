//! Byte-level BPE from a GGUF's metadata.

use super::*;

const MERGES: [&str; 7] = ["h e", "l l", "he ll", "hell o", "Ġ w", "Ġw o", "1 2"];

#[test]
fn merges_apply_in_the_order_of_their_ranks_within_words() {
    let tokenizer = build(byte_level("gpt-2", &MERGES, &[]));
    assert_eq!(names(&tokenizer, "hello wo12", Markers::AsText), ["hello", "Ġwo", "12"]);
    assert_eq!(names(&tokenizer, "hellw", Markers::AsText), ["hell", "w"]);
    assert_eq!(names(&tokenizer, "llell", Markers::AsText), ["ll", "e", "ll"]);
    let digits = build(byte_level("smollm", &MERGES, &[]));
    assert_eq!(names(&digits, "12", Markers::AsText), ["1", "2"]);
}

#[test]
fn any_text_comes_back() {
    for pre in ["default", "gpt-2", "llama-bpe", "smollm", "tekken", "qwen2"] {
        let tokenizer = build(byte_level(pre, &MERGES, &["<|im_end|>"]));
        for text in ["", " ", "héllo\r\n\n 日本 ☃ I'LL 12345", "\0\u{fdd0}\u{10ffff}", "<|im_end|>"]
        {
            let tokens = tokenizer.encode(text, Markers::AsText);
            assert_eq!(tokenizer.decode(&tokens), text, "{pre}");
        }
    }
}

#[test]
fn a_word_that_is_a_piece_stays_whole_for_llama_3() {
    // No merge leads to the piece `lo`.
    let vocabulary = |pre| {
        let mut vocabulary = byte_level(pre, &["h e"], &[]);
        vocabulary.tokens.push("lo".into());
        vocabulary.kinds.push(1);
        vocabulary
    };
    assert_eq!(names(&build(vocabulary("llama-bpe")), "lo", Markers::AsText), ["lo"]);
    assert_eq!(names(&build(vocabulary("gpt-2")), "lo", Markers::AsText), ["l", "o"]);
}

#[test]
fn bos_and_end_tokens_follow_the_file_then_the_family() {
    let vocabulary = |pre| {
        let mut vocabulary = byte_level(pre, &MERGES, &["<|begin|>", "<|eot_id|>", "<|eom_id|>"]);
        vocabulary.bos = Some(264);
        vocabulary
    };
    assert!(build(vocabulary("llama-bpe")).adds_bos());
    assert!(!build(vocabulary("smollm")).adds_bos());
    let tokenizer = build(GgufVocabulary { add_bos: Some(true), ..vocabulary("smollm") });
    assert_eq!(tokenizer.prompt("<|eot_id|>")[0], TokenId(264));
    assert_eq!(tokenizer.prompt("<|eot_id|>").len(), 11);
    assert_eq!(tokenizer.end_tokens(), ids(&[0, 265, 266]));
}

/// Goal: models that share a tokenizer and pad it to different widths make a pair. Method: pieces that
/// were never trained behind the others, as converters write them, and one between them.
#[test]
fn what_a_vocabulary_is_padded_with_is_no_part_of_it() {
    let padded = |pads: usize| {
        let mut vocabulary = byte_level("qwen2", &MERGES, &["<|im_end|>"]);
        vocabulary.kinds[260] = 5;
        let known = vocabulary.tokens.len();
        vocabulary.tokens.extend((0..pads).map(|pad| format!("[PAD{}]", known + pad)));
        vocabulary.kinds.resize(known + pads, 5);
        build(vocabulary)
    };
    let plain = padded(0);
    for pads in [1, 100] {
        let padded = padded(pads);
        assert_eq!(padded.fingerprint(), plain.fingerprint());
        assert_eq!(padded.vocab_size(), plain.vocab_size());
        assert_eq!(padded.decode(&ids(&[265])), "");
    }
    let other = build(byte_level("qwen2", &MERGES, &["<|im_start|>"]));
    assert_ne!(other.fingerprint(), plain.fingerprint());
}

/// Qwen's publisher has text composed first: an accent of its own is part of its letter.
#[test]
fn letters_and_their_accents_are_one_where_the_family_has_it_so() {
    let tokens =
        |pre, text: &str| build(byte_level(pre, &MERGES, &[])).encode(text, Markers::AsText);
    assert_eq!(tokens("qwen2", "e\u{301}"), tokens("qwen2", "é"));
    assert_ne!(tokens("gpt-2", "e\u{301}"), tokens("gpt-2", "é"));
}

#[test]
fn vocabularies_that_do_not_fit_together_are_refused() {
    let check = |expected: &str, spoil: &dyn Fn(&mut GgufVocabulary)| {
        let mut vocabulary = byte_level("gpt-2", &MERGES, &[]);
        spoil(&mut vocabulary);
        let error = Tokenizer::from_vocabulary(vocabulary).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("pre-tokenizer \"new\" is unknown; known are default, gpt-2,", &|v| {
        v.pre = Some("new".into());
    });
    check("merges\" is missing", &|v| v.merges.clear());
    check("merge 0 (\"hell\") does not join", &|v| v.merges[0] = "hell".into());
    check("merge 6 (\"hello Ġwo\") does not join", &|v| v.merges[6] = "hello Ġwo".into());
    check("merge 6 (\" \") does not join", &|v| v.merges[6] = " ".into());
}
