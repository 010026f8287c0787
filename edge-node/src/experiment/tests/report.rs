//! The page: that it is whole, safe and legible.

use super::{MINIMAL, page, swept, with};
use crate::experiment::record::Versions;
use crate::experiment::report;
use link_emulator::LinkProfile;
use std::collections::BTreeSet;

/// User units of a CSS pixel in a plot.
const UNITS: f64 = 4.0;

/// Ten links, six modes, prices and an outage: everything that a page may have.
fn everything() -> String {
    let links: Vec<_> = LinkProfile::ladder().map(|name| format!("'{name}'")).collect();
    with(&[
        &format!("links = [{}]", links.join(", ")),
        "modes = ['local', 'remote', 'sync', 'streaming', 'work-conserving', 'split']",
        "sources = ['model', { accept = 0.5 }]",
        "outages = [{ at_ms = 200, for_ms = 100 }]",
        "prices = { currency = 'EUR', gigabyte = 2.0 }",
    ])
}

fn svgs(page: &str) -> impl Iterator<Item = &str> {
    page.split("<svg").skip(1).map(|rest| rest.split("</svg>").next().unwrap())
}

/// The value of `attribute` in a tag.
fn attribute<'a>(tag: &'a str, attribute: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {attribute}=\""))?;
    rest.split('"').next()
}

fn number(tag: &str, name: &str) -> f64 {
    attribute(tag, name).unwrap().parse().unwrap()
}

#[test]
fn the_page_has_all_figures_and_says_what_is_emulated() {
    let page = page(&everything());
    for heading in [
        "What is emulated",
        "Tokens a second",
        "Time between tokens",
        "Time to the first token",
        "The longest silence",
        "Passes of the target",
        "Money",
        "Bytes",
        "Through outages",
        "All cells",
    ] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "no {heading:?}");
    }
    for said in [
        "virtual: nothing but emulated passes and links takes time",
        "draft 8 ms, target 40 ms.",
        "emulated: geostationary satellite.",
        "every link is cut 200 ms after the request, for 100 ms",
        "No model drafts like it",
        "2 EUR for 10⁹ bytes of UDP payload",
    ] {
        assert!(page.contains(said), "does not say {said:?}");
    }
}

#[test]
fn what_was_not_emulated_is_not_said_to_be() {
    let page = page(&with(&["clock = 'real'", "paces = []"]));
    assert!(page.contains("real, of the machine that ran it"));
    assert!(page.contains("own: passes are not slowed down"));
    for absent in ["virtual", "Money", "Through outages", "a test: it knows"] {
        let body = page.split("<summary>The experiment's file").next().unwrap();
        assert!(!body.contains(absent), "says {absent:?}");
    }
}

#[test]
fn nothing_of_a_file_or_a_run_is_markup() {
    let evil = "\"<script>alert(1)</script>&'''";
    let text = with(&[
        &format!("name = \"{}\"", evil.replace('"', "\\\"")),
        &format!("prompts = [\"{}\"]", evil.replace('"', "\\\"")),
        "clock = 'real'",
        "paces = [{ draft = { decode_ms = 1 }, target = { decode_ms = 1 }, label = '<b>1</b>' }, \
                  { draft = { decode_ms = 2 }, target = { decode_ms = 1 }, label = '<b>2</b>' }]",
    ]);
    let page = page(&text);
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("&lt;b&gt;2&lt;"));
    assert!(!page.contains("<script") && !page.contains("<b>"));
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page(&everything());
    let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
}

#[test]
fn no_text_of_a_plot_lies_on_another_or_leaves_it() {
    let two_paces = "paces = [{ draft = { decode_ms = 8 }, target = { decode_ms = 40 } }, \
                     { draft = { decode_ms = 9 }, target = { decode_ms = 40 }, \
                     label = 'a label as long as a label can be, so' }]";
    for text in [everything(), MINIMAL.to_owned(), with(&[two_paces]), with(&["tokens = 700"])] {
        let page = page(&text);
        for svg in svgs(&page) {
            check_texts(svg);
        }
    }
    assert!(texts(&page(&with(&[two_paces])), "Bytes")[0].contains(&"a label as long as a label…"));
}

/// The boxes of a plot's texts, by what a character takes at most on average.
fn check_texts(svg: &str) {
    let (char_width, height) = (6.3 * UNITS, 12.0 * UNITS);
    let mut boxes: Vec<(f64, f64, f64, String)> = Vec::new();
    for tag in svg.split("<text").skip(1) {
        let content = tag.split('>').nth(1).unwrap().split('<').next().unwrap().trim();
        let width = content.chars().count() as f64 * char_width;
        let left = number(tag, "x")
            - match attribute(tag, "text-anchor").unwrap() {
                "start" => 0.0,
                "middle" => width / 2.0,
                "end" => width,
                other => panic!("{other}"),
            };
        boxes.push((left, left + width, number(tag, "y"), content.to_owned()));
    }
    let right = number(svg, "width");
    for (i, (from, to, y, said)) in boxes.iter().enumerate() {
        assert!(*from >= 0.0 && *to <= right, "{said:?} leaves the plot: {from} to {to}");
        for (other_from, other_to, other_y, other) in &boxes[..i] {
            let apart = (y - other_y).abs() >= height || to <= other_from || other_to <= from;
            assert!(apart, "{said:?} lies on {other:?}");
        }
    }
}

#[test]
fn every_colour_of_a_plot_has_one_for_dark_pages() {
    let page = page(&everything());
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let mut colours = BTreeSet::new();
    for tag in svgs(&page).flat_map(|svg| svg.split('<')) {
        for property in ["fill", "stroke"] {
            let colour = attribute(tag, property).filter(|colour| *colour != "none");
            colours.extend(colour.map(|colour| format!("svg [{property}=\"{colour}\"]")));
        }
    }
    assert!(colours.len() > 10, "{colours:?}");
    for rule in colours {
        assert!(style.contains(&rule), "no rule for {rule}");
    }
}

/// Titles of a figure's plots.
fn panels<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, rest) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap();
    let section = rest.split("</section>").next().unwrap();
    let titles = section.split("<figcaption>").skip(1);
    titles.map(|title| title.split('<').next().unwrap()).collect()
}

/// What is written in a figure's plots, one list a plot.
fn texts<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let (_, rest) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap();
    let section = rest.split("</section>").next().unwrap();
    let of = |svg: &'a str| {
        let texts = svg.split("<text").skip(1);
        texts.map(|tag| tag.split('>').nth(1).unwrap().split('<').next().unwrap().trim()).collect()
    };
    section.split("<figure>").skip(1).map(of).collect()
}

#[test]
fn a_panel_holds_one_value_of_what_varies_besides_and_remote_stands_in_each() {
    let page = page(&with(&[
        "modes = ['remote', 'sync']",
        "links = ['wifi', 'umts']",
        "sources = ['model', { accept = 0.5 }]",
        "temperatures = [0.0, 1.0]",
    ]));
    let expected = [
        "drafter model, temperature 0",
        "drafter accept 0.5, temperature 0",
        "drafter model, temperature 1",
        "drafter accept 0.5, temperature 1",
    ];
    let mut found = panels(&page, "Tokens a second");
    found.sort_unstable();
    let mut wanted = expected.to_vec();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    for plot in texts(&page, "Tokens a second") {
        // Two heads, the axis, its numbers, two links; and a number for each mode on each link.
        let numbers = plot.iter().filter(|text| text.len() == 4 && text.contains('.')).count();
        assert_eq!(numbers, 4, "{plot:?}");
    }
}

#[test]
fn with_one_link_the_next_axis_makes_the_rows() {
    let page = page(&with(&["modes = ['remote', 'sync']", "drafts = [2, 'auto']"]));
    let plots = texts(&page, "Bytes");
    let [plot] = &plots[..] else { panic!("{plots:?}") };
    for row in ["draft length", "no drafts", "2", "auto"] {
        assert!(plot.contains(&row), "no {row:?} in {plot:?}");
    }
}

#[test]
fn timelines_lead_where_the_file_cuts_the_link_and_show_each_kind_of_token() {
    let text = with(&["outages = [{ at_ms = 200, for_ms = 100 }]"]);
    let page = page(&text);
    let places = ["Through outages", "Tokens a second"].map(|heading| page.find(heading).unwrap());
    assert!(places[0] < places[1]);
    assert_eq!(panels(&page, "Through outages"), ["wifi, sync"]);
    assert!(page.contains("1 of 8 tokens never verified"));
    let two = super::page(&format!("{text}prompts = [3, 1]\n"));
    assert_eq!(panels(&two, "Through outages"), ["wifi, sync, prompt 1", "wifi, sync, prompt 2"]);
    let (_, rest) = page.split_once("<div class=\"panels\">").unwrap();
    let plot = svgs(rest).next().unwrap();
    // Six tokens on the target's word, one verified later, and one never: a cross of two lines.
    let count = |tag: &str, colour: &str| {
        let tags = plot.split('<').filter(|found| found.starts_with(tag));
        tags.filter(|found| found.contains(&format!("\"{colour}\""))).count()
    };
    assert_eq!(count("circle", "#0072B2"), 6);
    assert_eq!(count("polygon", "#E69F00"), 1);
    assert_eq!(count("polyline", "#882255"), 2);
    assert_eq!(count("polyline", "#0072B2"), 1);
    assert_eq!(count("rect", "#B4BBC4"), 1);
}

#[test]
fn a_timeline_of_a_long_reply_has_no_more_marks_than_can_be_seen() {
    let of = |tokens: u32| {
        let page = page(&with(&[
            &format!("tokens = {tokens}"),
            "outages = [{ at_ms = 200, for_ms = 100 }]",
        ]));
        let (_, rest) = page.split_once("<div class=\"panels\">").unwrap();
        let marks = svgs(rest).next().unwrap().matches("<circle").count();
        (marks, page)
    };
    let (marks, page) = of(1_500);
    assert_eq!(marks, 1_126);
    assert!(!page.contains("token in"));
    let (marks, page) = of(1_501);
    assert_eq!(marks, 564);
    assert!(page.contains("one token in 2 is drawn"));
}

#[test]
fn a_sweep_without_a_single_outcome_has_a_page_too() {
    let (experiment, mut cells) = swept(MINIMAL);
    for run in cells.iter_mut().flat_map(|cell| &mut cell.runs) {
        run.result = Err("no".to_owned());
    }
    let page = report::page(&experiment, Versions::ours(), &cells).unwrap();
    assert!(page.contains("Runs that failed") && !page.contains("<figure>"));
}
