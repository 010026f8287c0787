//! What a page of metrics says of itself, as the rows of a table in a document.

use std::collections::BTreeSet;

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As a query names it: a counter with `_total`, a histogram without `_bucket`.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What tells its values apart.
    pub labels: BTreeSet<String>,
    /// What it counts.
    pub help: String,
}

/// The metrics of a `page`, in its order.
pub fn rows(page: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in page.lines() {
        if let Some((name, help)) = after(line, "# HELP ") {
            let help = help.trim_end_matches('.').to_owned();
            let (name, kind, labels) = (name.to_owned(), String::new(), BTreeSet::new());
            rows.push(Row { name, kind, labels, help });
        } else if let (Some((_, kind)), Some(row)) = (after(line, "# TYPE "), rows.last_mut()) {
            kind.clone_into(&mut row.kind);
            if kind == "counter" {
                row.name.push_str("_total");
            }
        } else if let (false, Some(row)) = (line.starts_with('#'), rows.last_mut()) {
            row.labels.extend(labels(line));
        }
    }
    rows
}

/// The same as a table in Markdown, without its head.
pub fn table(page: &str) -> String {
    let line = |row: &Row| {
        let labels: Vec<_> = row.labels.iter().map(|label| format!("`{label}`")).collect();
        format!("| `{}` | {} | {} | {} |\n", row.name, row.kind, labels.join(", "), row.help)
    };
    rows(page).iter().map(line).collect()
}

fn after<'a>(line: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    line.strip_prefix(start)?.split_once(' ')
}

/// The labels of a sample, but for a histogram's own.
fn labels(sample: &str) -> impl Iterator<Item = String> {
    let within = sample.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
    let pairs = within.map_or("", |(labels, _)| labels).split(',');
    let names = pairs.filter_map(|pair| Some(pair.split_once("=\"")?.0.to_owned()));
    names.filter(|name| name != "le")
}

#[cfg(test)]
mod tests {
    use crate::{Page, histogram_of};

    #[test]
    fn a_table_says_what_the_page_says() {
        let mut page = Page::default();
        let of = |way: &str| vec![("peer", "cloud".to_owned()), ("way", way.to_owned())];
        page.counters("causeway_bytes", "Bytes, both ways", [(of("up"), 3.0), (of("down"), 4.0)]);
        page.gauge("causeway_load", "Share of time", 0.25);
        let seconds = histogram_of(&[0.1, 1.0]);
        seconds.observe(0.5);
        page.histogram("causeway_pass_seconds", "Of a pass", &seconds);
        let text = page.text();
        assert!(text.contains("causeway_bytes_total{peer=\"cloud\",way=\"up\"} 3.0\n"), "{text}");
        assert!(text.contains("causeway_pass_seconds_bucket{le=\"1.0\"} 1\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
        assert_eq!(
            super::table(&text),
            "| `causeway_bytes_total` | counter | `peer`, `way` | Bytes, both ways |\n\
             | `causeway_load` | gauge |  | Share of time |\n\
             | `causeway_pass_seconds` | histogram |  | Of a pass |\n"
        );
    }
}
