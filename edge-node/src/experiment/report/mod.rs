//! `report.html`: one page that needs nothing else, neither a network nor a script.
//!
//! ```text
//!   cells ─▶ layout: rows, modes, panels ─▶ figures ─▶ rows_plot, timeline ─▶ canvas ┐
//!      └───▶ overview: what was emulated, the table ─────────────────────────────────┴▶ page.html
//! ```
//!
//! # Invariants
//!
//! - **Whatever comes from a file or a run is escaped**: by the template engine in the page, by the
//!   plotting library in a plot.
//! - **The page may load nothing**, which its content security policy tells the browser too.

mod canvas;
mod figures;
mod ink;
mod layout;
mod overview;
mod rows_plot;
mod scale;
mod timeline;
mod units;

use super::design::Experiment;
use super::record::Versions;
use super::sweep::FinishedCell;
use anyhow::Context as _;
use figures::{Figure, figures};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use overview::{Fact, Failure, Table};
use serde::Serialize;

/// The name decides that everything is escaped as HTML wants it.
const PAGE_NAME: &str = "report.html";
const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");

/// What the template is given.
#[derive(Debug, Serialize)]
struct Page<'a> {
    name: &'a str,
    about: &'a str,
    /// Ours, and not escaped.
    style: String,
    emulated: Vec<Fact>,
    settings: Vec<Fact>,
    failures: Vec<Failure>,
    figures: Vec<Figure>,
    table: Table,
    file: &'a str,
}

/// The report of a sweep.
///
/// # Errors
///
/// Where the template is wrong.
pub(super) fn page(
    experiment: &Experiment,
    versions: Versions,
    cells: &[FinishedCell],
) -> anyhow::Result<String> {
    let page = Page {
        name: &experiment.name,
        about: &experiment.about,
        style: STYLE.replace("/* dark plots */", &ink::dark_rules()),
        emulated: overview::emulated(experiment),
        settings: overview::settings(experiment, &versions.in_words(), cells),
        failures: overview::failures(cells),
        figures: figures(experiment, cells),
        table: overview::table(experiment, cells),
        file: &experiment.text,
    };
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    let lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    templates.set_syntax(lines.context("the report's template")?);
    templates.add_template(PAGE_NAME, PAGE).context("the report's template")?;
    let template = templates.get_template(PAGE_NAME).context("the report's template")?;
    template.render(Serde(&page)).context("the report")
}
