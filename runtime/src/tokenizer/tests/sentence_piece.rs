//! SentencePiece vocabularies: merging by score, spaces, bytes, markers, hostile input.

use super::*;

/// The definition, as slow as it is plain: characters; then, as long as any neighbours make a
/// piece, the pair of the best score, of equals the leftmost; what is no piece then becomes its bytes.
pub(super) fn emulate(pieces: &[(String, f32)], text: &str) -> Vec<String> {
    let score = |text: &str| pieces.iter().find(|(name, _)| name == text).map(|(_, score)| *score);
    let text = text.replace(' ', "▁");
    let mut symbols: Vec<String> = text.chars().map(String::from).collect();
    loop {
        let mut best: Option<(f32, usize)> = None;
        for at in 1..symbols.len() {
            let joined = score(&(symbols[at - 1].clone() + &symbols[at]));
            if let Some(score) = joined.filter(|&score| best.is_none_or(|(most, _)| score > most)) {
                best = Some((score, at));
            }
        }
        let Some((_, at)) = best else { break };
        let right = symbols.remove(at);
        symbols[at - 1].push_str(&right);
    }
    let spell = |symbol: String| match score(&symbol) {
        Some(_) => vec![symbol],
        None => symbol.bytes().map(|byte| format!("<0x{byte:02X}>")).collect(),
    };
    symbols.into_iter().flat_map(spell).collect()
}

/// Goal: the heap finds what the definition finds. Method: random vocabularies over few letters
/// with many equal scores, letters that are pieces only together, characters that are none.
#[test]
fn merging_equals_its_definition_on_random_vocabularies() {
    let mut random = Random(1);
    for round in 0..150 {
        let letters = ['a', 'b', 'c', '▁', 'é'];
        let mut pieces: Vec<(String, f32)> = Vec::new();
        for _ in 0..3 + random.below(40) {
            let length = 1 + random.below(5);
            let name: String = (0..length).map(|_| letters[random.below(5)]).collect();
            if !pieces.iter().any(|(other, _)| *other == name) {
                pieces.push((name, -(random.below(6) as f32)));
            }
        }
        let listed: Vec<(&str, f32)> =
            pieces.iter().map(|(name, score)| (name.as_str(), *score)).collect();
        let mut vocabulary = sentence_piece(&listed, &[]);
        vocabulary.add_space_prefix = Some(false);
        let tokenizer = build(vocabulary);
        for _ in 0..20 {
            let alphabet = ['a', 'b', 'c', ' ', 'é', 'x', '☃'];
            let text: String = (0..random.below(40)).map(|_| alphabet[random.below(7)]).collect();
            let actual = names(&tokenizer, &text, Markers::AsText);
            assert_eq!(actual, emulate(&pieces, &text), "round {round}: {text:?}");
            // Where the vocabulary has no space, the bytes of its stand-in are spelled.
            let decoded = tokenizer.decode(&tokenizer.encode(&text, Markers::AsText));
            assert_eq!(decoded.replace('▁', " "), text);
        }
    }
}

/// Pieces joined by score cannot be had from pair merges ranked by the score of what they make:
/// here `ab` is the better piece, but `b` and `c` are no pieces of their own.
#[test]
fn a_piece_can_be_made_of_halves_that_are_no_pieces() {
    let tokenizer = build(sentence_piece(&[("bc", -1.0), ("abc", -2.0)], &[]));
    assert_eq!(names(&tokenizer, "abc", Markers::AsText), ["<0xE2>", "<0x96>", "<0x81>", "abc"]);
    assert_eq!(names(&tokenizer, "ab", Markers::AsText)[3..], ["<0x61>", "<0x62>"]);
}

#[test]
fn a_space_comes_before_text_where_the_vocabulary_says_so() {
    let pieces = [("▁", -1.0), ("▁a", -2.0), ("a", -3.0)];
    let mut vocabulary = sentence_piece(&pieces, &["<|x|>"]);
    let with = build(vocabulary.clone());
    assert_eq!(names(&with, "a<|x|>a", Markers::Parse), ["▁a", "<|x|>", "▁a"]);
    assert_eq!(names(&with, " a", Markers::AsText), ["▁", "▁a"]);
    assert_eq!(names(&with, "", Markers::AsText), [""; 0]);
    for text in ["a", " a", "  a ", "a a"] {
        assert_eq!(with.decode(&with.encode(text, Markers::AsText)), text);
    }
    vocabulary.add_space_prefix = Some(false);
    let without = build(vocabulary);
    assert_eq!(names(&without, "a<|x|>a", Markers::Parse), ["a", "<|x|>", "a"]);
    assert_eq!(without.decode(&without.encode(" a", Markers::AsText)), " a");
    // The ids mean the same, however text becomes them.
    assert_eq!(with.fingerprint(), without.fingerprint());
}

#[test]
fn text_becomes_a_marker_only_on_request() {
    let pieces = [("</s", -1.0), ("s>", -1.0), ("<s>", -1.0), ("<", -2.0), ("</", -1.0)];
    let mut vocabulary = sentence_piece(&pieces, &["<|user|>", "<|user|>!", "<|end|>"]);
    vocabulary.add_space_prefix = Some(false);
    let tokenizer = build(vocabulary);
    let parsed = names(&tokenizer, "<s><|user|>!<|user|>é<|end|>", Markers::Parse);
    assert_eq!(parsed, ["<s>", "<|user|>!", "<|user|>", "<0xC3>", "<0xA9>", "<|end|>"]);
    for text in ["<s></s><unk><0x41>", "<|user|>", "a<|end|>"] {
        let tokens = tokenizer.encode(text, Markers::AsText);
        let hidden =
            |&&token: &&TokenId| tokenizer.parts.vocabulary.get(token).unwrap().kind.is_hidden();
        assert_eq!(tokens.iter().find(hidden), None, "{text}");
        assert_eq!(tokenizer.decode(&tokens), text);
    }
    assert_eq!(tokenizer.end_tokens(), ids(&[2, 266]));
    assert_eq!(tokenizer.decode(&tokenizer.encode("<s>a<|end|>b", Markers::Parse)), "ab");
}

#[test]
fn prompts_start_with_bos_where_the_model_wants_one() {
    let mut vocabulary = sentence_piece(&[("▁a", -1.0)], &[]);
    assert_eq!(build(vocabulary.clone()).prompt("a"), ids(&[1, 259]));
    assert_eq!(build(vocabulary.clone()).prompt(""), ids(&[1]));
    vocabulary.add_bos = Some(false);
    let tokenizer = build(vocabulary);
    assert_eq!((tokenizer.prompt("a"), tokenizer.bos()), (ids(&[259]), Some(TokenId(1))));
}

#[test]
fn of_equal_pieces_the_lowest_id_counts_and_empty_ones_never() {
    let tokenizer =
        build(sentence_piece(&[("▁", -5.0), ("", -1.0), ("▁", -1.0)], &["", "<m>", "<m>"]));
    assert_eq!(tokenizer.encode("", Markers::Parse), []);
    assert_eq!(tokenizer.encode(" ", Markers::AsText), ids(&[259, 259]));
    assert_eq!(tokenizer.encode("<m>", Markers::Parse), ids(&[263]));
}

#[test]
fn what_has_neither_piece_nor_bytes_is_unknown() {
    let mut vocabulary = sentence_piece(&[("▁", -1.0), ("a", -1.0)], &[]);
    vocabulary.kinds[3..259].fill(5);
    let tokenizer = build(vocabulary);
    assert_eq!(names(&tokenizer, "aé", Markers::AsText), ["▁", "a", "<unk>"]);
    assert_eq!(tokenizer.decode(&ids(&[260, 0, 260])), "aa");
}

#[test]
fn kinds_are_told_from_names_where_the_file_has_none() {
    let mut vocabulary = sentence_piece(&[("▁", -1.0)], &[]);
    let listed = build(vocabulary.clone()).encode("é", Markers::AsText);
    vocabulary.kinds.clear();
    let told = build(vocabulary);
    assert_eq!(told.encode("é", Markers::AsText), listed);
    assert_eq!(told.encode("<s>", Markers::Parse), ids(&[1]));
    assert_eq!(told.decode(&ids(&[0, 1, 2])), "");
}

#[test]
fn vocabularies_that_do_not_fit_together_are_refused() {
    let check = |expected: &str, spoil: &dyn Fn(&mut GgufVocabulary)| {
        let mut vocabulary = sentence_piece(&[("▁", -1.0)], &[]);
        spoil(&mut vocabulary);
        let error = Tokenizer::from_vocabulary(vocabulary).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("known are llama, gpt2", &|v| v.model = "bert".into());
    check("scores has 259 entries for 260 pieces", &|v| v.scores.truncate(259));
    check("token_type has 1 entries for 260", &|v| v.kinds.truncate(1));
    check("\"tokenizer.ggml.scores\" is missing", &|v| v.scores.clear());
    check("piece 259 has a score that is not a number", &|v| v.scores[259] = f32::NAN);
    check("piece 4 has an unknown token type", &|v| v.kinds[4] = 9);
    check("EOS is token 260, but", &|v| v.eos = Some(260));
    check("length of a piece in bytes is 4097", &|v| v.tokens[259] = "x".repeat(4097));
    check("number of pieces is 1048577, above the limit of 1048576", &|v| {
        v.tokens.resize((1 << 20) + 1, String::new());
        v.scores.clear();
        v.kinds.clear();
    });
}

#[test]
fn infinite_scores_and_an_empty_vocabulary_do_no_harm() {
    let pieces = [("▁", f32::NEG_INFINITY), ("aa", f32::INFINITY), ("▁a", 0.0), ("a", -0.0)];
    let tokenizer = build(sentence_piece(&pieces, &[]));
    assert_eq!(names(&tokenizer, "aaa", Markers::AsText), ["▁", "aa", "a"]);
    let nothing = build(GgufVocabulary {
        model: "llama".into(),
        tokens: vec!["a".into()],
        scores: vec![0.0],
        ..GgufVocabulary::default()
    });
    assert_eq!((nothing.encode("bab", Markers::Parse), nothing.bos()), (ids(&[0]), None));
    assert_eq!(nothing.decode(&ids(&[0, 7, u32::MAX])), "a");
}

/// A long text without spaces is one word: the heap keeps it far from quadratic.
#[test]
fn a_megabyte_of_one_letter_is_merged() {
    let tokenizer = build(sentence_piece(&[("a", -3.0), ("aa", -2.0), ("aaaa", -1.0)], &[]));
    let tokens = tokenizer.encode(&"a".repeat(1 << 20), Markers::AsText);
    assert_eq!(tokens.len(), 3 + (1 << 18));
}
