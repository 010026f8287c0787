//! Calls in a model's text: whatever way that is cut into pieces, and whatever else it may be.

use crate::{Called, Said, ToolCallReader, ToolStyle};

const WEATHER: &str =
    r#"{"name": "weather", "arguments": {"city": "Ulm", "days": [1, -2.5e+3, null]}}"#;

fn content(text: &str) -> Said {
    Said::Content(text.to_owned())
}

fn call(name: &str, arguments: &str) -> Said {
    Said::Call(Called { name: name.to_owned(), arguments: arguments.to_owned() })
}

fn weather() -> Said {
    call("weather", r#"{"city": "Ulm", "days": [1, -2.5e+3, null]}"#)
}

/// All that a text says, its content put together.
fn read(style: ToolStyle, pieces: &[&str]) -> Vec<Said> {
    let mut reader = ToolCallReader::new(style);
    let mut said: Vec<Said> = pieces.iter().flat_map(|piece| reader.push(piece)).collect();
    said.extend(reader.finish());
    join(said)
}

fn join(said: Vec<Said>) -> Vec<Said> {
    let mut joined: Vec<Said> = Vec::new();
    for said in said {
        match (joined.last_mut(), said) {
            (Some(Said::Content(before)), Said::Content(more)) => before.push_str(&more),
            (_, said) => joined.push(said),
        }
    }
    joined
}

/// Fails unless the text says this, whole, letter by letter, and cut anywhere.
fn check(style: ToolStyle, text: &str, expected: &[Said]) {
    assert_eq!(read(style, &[text]), expected, "{text}");
    let letters: Vec<&str> = text.split("").collect();
    assert_eq!(read(style, &letters), expected, "{text}, letter by letter");
    for (at, _) in text.char_indices() {
        let (before, behind) = text.split_at(at);
        assert_eq!(read(style, &[before, behind]), expected, "{text}, cut at {at}");
    }
}

#[test]
fn calls_between_tags_are_read() {
    let tagged = format!("<tool_call>\n{WEATHER}\n</tool_call>");
    for (text, expected) in [
        (tagged.clone(), vec![weather()]),
        (tagged.replace('\n', ""), vec![weather()]),
        (format!("{tagged}\n{tagged}\n"), vec![weather(), weather()]),
        (format!("\n\n{tagged}"), vec![weather()]),
        (format!("Let me look.\n{tagged}"), vec![content("Let me look."), weather()]),
        (format!("{tagged} Done. "), vec![weather(), content(" Done. ")]),
        (
            r#"<tool_call>{"arguments":{},"name":"f"}</tool_call>"#.to_owned(),
            vec![call("f", "{}")],
        ),
        (
            r#"<tool_call>{"name": "f", "arguments": {"a": "</tool_call> \" \u00e9 é {["}}</tool_call>"#.to_owned(),
            vec![call("f", r#"{"a": "</tool_call> \" \u00e9 é {["}"#)],
        ),
    ] {
        check(ToolStyle::Hermes, &text, &expected);
    }
}

#[test]
fn text_that_is_no_call_is_content_to_the_letter() {
    for text in [
        "",
        " ",
        "Hi.\n",
        "2 < 3 <tool <tool_call",
        "<tool_call>",
        "<tool_call>\n",
        "<tool_call></tool_call>",
        "<tool_call>[]</tool_call>",
        "<tool_call>{}</tool_call>",
        r#"<tool_call>{"name": "f"}</tool_call>"#,
        r#"<tool_call>{"name": "f", "name": "g", "arguments": {}}</tool_call>"#,
        r#"<tool_call>{"name": 7, "arguments": {}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": "{}"}</tool_call>"#,
        r#"<tool_call>{"name": "f", "parameters": {}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {}, "id": 1}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {}}, </tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {}} and so on"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": 01}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": tru}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": [1,]}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": 1]}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {a: 1}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": "\x"}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": "\u12g4"}}</tool_call>"#,
        r#"<tool_call>{"name": "f\ud800", "arguments": {}}</tool_call>"#,
        r#"<tool_call>{"name": "f", "arguments": {"a": "#,
        r#"<tool_call>é{"name": "f", "arguments": {}}</tool_call>"#,
        r#"<tool_call>{é"name": "f", "arguments": {}}</tool_call>"#,
        r#"<tool_call>{"né": "f", "arguments": {}}</tool_call>"#,
        " \n <tool_call> \n {\"name\": \"f\" ",
    ] {
        let expected: &[Said] = if text.is_empty() { &[] } else { &[content(text)] };
        check(ToolStyle::Hermes, text, expected);
    }
    let deep = format!(r#"<tool_call>{{"name": "f", "arguments": {{"a": {}"#, "[".repeat(4096));
    assert_eq!(read(ToolStyle::Hermes, &[&deep]), [content(&deep)]);
}

#[test]
fn a_call_behind_what_was_none_is_read() {
    for before in [
        "<tool_call>",
        "<tool_call>\n",
        "<tool_call>{",
        "<tool_call>{\"name\": ",
        "<tool_call>{\"name\": \"f\"}",
        "<tool_call>{\"name\": \"f\", \"arguments\": {}} ",
    ] {
        let text = format!("{before}<tool_call>{WEATHER}</tool_call>");
        let expected = [content(before.trim_end()), weather()];
        check(ToolStyle::Hermes, &text, &expected);
    }
}

#[test]
fn an_object_that_is_whole_is_a_call_though_the_tag_was_cut_off() {
    for cut in ["", "\n", "\n</tool", "</tool_call"] {
        check(ToolStyle::Hermes, &format!("<tool_call>\n{WEATHER}{cut}"), &[weather()]);
    }
}

#[test]
fn a_reply_that_is_one_object_is_a_call() {
    let object = WEATHER.replace("arguments", "parameters");
    check(ToolStyle::Llama3, &object, &[weather()]);
    check(ToolStyle::Llama3, &format!(" \n{object}\n"), &[weather()]);
    for text in [
        format!("{object} Done."),
        format!("{object}{object}"),
        format!("Let me look. {object}"),
        WEATHER.to_owned(),
        r#"{"name": "Ann", "age": 7}"#.to_owned(),
        r#"{"city": "Ulm"}"#.to_owned(),
        "[1]".to_owned(),
        "{".to_owned(),
        " \n".to_owned(),
        "é".to_owned(),
    ] {
        check(ToolStyle::Llama3, &text, &[content(&text)]);
    }
}

#[test]
fn no_more_is_withheld_than_what_may_be_a_call() {
    let shown = |style, pieces: &[&str]| {
        let mut reader = ToolCallReader::new(style);
        let said: Vec<Said> = pieces.iter().flat_map(|piece| reader.push(piece)).collect();
        join(said)
    };
    let hermes = |pieces: &[&str]| shown(ToolStyle::Hermes, pieces);
    assert_eq!(hermes(&["Hi. "]), [content("Hi.")]);
    assert_eq!(hermes(&["Hi. <tool"]), [content("Hi.")]);
    assert_eq!(hermes(&["Hi. <tool", "s"]), [content("Hi. <tools")]);
    assert_eq!(hermes(&["<tool_call>", "\n["]), [content("<tool_call>\n[")]);
    assert_eq!(hermes(&["<tool_call>{\"nam", "b"]), [content("<tool_call>{\"namb")]);
    assert_eq!(hermes(&["<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1", ".."]).len(), 1);
    let llama = |pieces: &[&str]| shown(ToolStyle::Llama3, pieces);
    assert_eq!(llama(&["{\"answer"]), [content("{\"answer")]);
    assert_eq!(llama(&["{\"name\": [", "1"]), [content("{\"name\": [1")]);
    assert_eq!(llama(&["He"]), [content("He")]);
    assert_eq!(llama(&["{\"name\": \"f\", \"parameters\": {}}"]), []);
    assert_eq!(llama(&["{\"name\": \"f\", \"parameters\": {}}", " x"]).len(), 1);
}

/// Method: each text is withheld but for its last byte, and with that it is all given out.
#[test]
fn with_the_first_letter_that_is_wrong_all_is_content() {
    for values in [
        r#"1,}"#,
        "[1}",
        "{]",
        "[1,]",
        "\"\u{1f}",
        r#""\u12g"#,
        r#""\u123""#,
        r#""\x"#,
        "01",
        "-,",
        "1.e",
        "1ee",
        "1e+,",
        "nul,",
        "+",
        "{1",
        "{\"b\",",
    ] {
        let text = format!(r#"<tool_call>{{"name": "f", "arguments": {{"a": {values}"#);
        let (withheld, last) = text.split_at(text.len() - 1);
        let mut reader = ToolCallReader::new(ToolStyle::Hermes);
        assert_eq!(reader.push(withheld), [], "{text}");
        assert_eq!(reader.push(last), [content(&text)], "{text}");
    }
    let deep = format!(r#"<tool_call>{{"name": "f", "arguments": {{"a": {}"#, "[".repeat(126));
    let mut reader = ToolCallReader::new(ToolStyle::Hermes);
    assert_eq!(
        (reader.push(&deep[..deep.len() - 1]), reader.push("[")),
        (vec![], vec![content(&deep)])
    );
}

#[test]
fn every_kind_of_value_is_an_argument() {
    for value in [
        "0.5",
        "-0",
        "10e2",
        "1.25E-7",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        r#""\u00e9\/\\""#,
        "[[{}], 1]",
    ] {
        let text =
            format!(r#"<tool_call>{{"name": "f", "arguments": {{"a": {value} }}}}</tool_call>"#);
        check(ToolStyle::Hermes, &text, &[call("f", &format!(r#"{{"a": {value} }}"#))]);
    }
}

#[test]
fn a_text_that_is_cut_back_is_read_anew() {
    let tagged = format!("<tool_call>{WEATHER}</tool_call>");
    let mut reader = ToolCallReader::new(ToolStyle::Hermes);
    assert_eq!(join(reader.push(&format!("One. {tagged} Two."))).len(), 3);
    assert_eq!(reader.rewind("One. <tool_call>{\"name\": \"wea"), [content("One.")]);
    let rest = WEATHER.strip_prefix("{\"name\": \"wea").unwrap();
    assert_eq!(reader.push(&format!("{rest}</tool_call>")), [weather()]);
    assert_eq!(reader.push("<tool_call>{\"na"), []);
    assert_eq!(reader.rewind(""), []);
    assert_eq!(reader.push("Three."), [content("Three.")]);
    assert_eq!(reader.finish(), []);
}
