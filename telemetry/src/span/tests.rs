//! What log lines and the next node learn of a span.

use super::{SPANS, join};
use crate::{LogFormat, Logging, TraceParent};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::Span;
use tracing::field::{Empty, Field, Value};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Held by whoever makes spans: whether any subscriber wants one is kept for all threads, and known late to some.
static SPANS_ARE_MINE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    SPANS_ARE_MINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lines in memory.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What is logged of a request below `parent`, and what the next node is told.
fn logged(
    format: LogFormat,
    filter: &str,
    parent: Option<TraceParent>,
) -> (String, Option<TraceParent>) {
    let (_alone, lines) = (alone(), Lines::default());
    let logging = Logging { format, default_filter: "error", otlp: None };
    let (subscriber, _telling) =
        logging.subscriber(EnvFilter::new(filter), false, lines.clone()).unwrap();
    let told = tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!(
            target: SPANS,
            "request",
            trace_id = Empty,
            span_id = Empty,
            parent_id = Empty
        );
        let told = join(&span, parent, || [0xab; 24]);
        span.in_scope(|| tracing::error!("something happens"));
        told
    });
    (lines.text(), told)
}

fn parent() -> TraceParent {
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap()
}

#[test]
fn a_line_within_a_span_says_trace_span_and_parent() {
    let (line, told) = logged(LogFormat::Json, "info", Some(parent()));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let span = &line["span"];
    assert_eq!(span["name"], "request");
    assert_eq!(span["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parent_id"], "00f067aa0ba902b7");
    assert_eq!(span["span_id"], "abababababababab");
    let told = told.unwrap();
    assert_eq!((told.trace(), told.span()), (parent().trace(), [0xab; 8]));

    let (line, told) = logged(LogFormat::Text, "info", None);
    assert!(line.contains("trace_id=abababababababababababababababab span_id=ab"), "{line}");
    assert!(!line.contains("parent_id"), "{line}");
    assert_eq!(told, Some(TraceParent::begin(None, [0xab; 24])));
}

#[test]
fn who_records_nothing_passes_on_what_he_was_told() {
    let (line, told) = logged(LogFormat::Text, "error", Some(parent()));
    assert!(line.contains("something happens") && !line.contains("trace_id"), "{line}");
    assert_eq!(told, Some(parent()));
    assert_eq!(logged(LogFormat::Text, "error", None).1, None);
}

#[test]
fn a_span_that_goes_nowhere_is_nobody_s_parent() {
    let _alone = alone();
    let told = tracing::subscriber::with_default(NoSubscriber::new(), || {
        let span = tracing::info_span!(target: SPANS, "elsewhere", span_id = Empty);
        join(&span, Some(parent()), || unreachable!("nobody needs a number"))
    });
    assert_eq!(told, Some(parent()));
    // As the macro makes it where somebody on another thread always wants it.
    let somewhere = tracing::subscriber::with_default(
        tracing_subscriber::registry(),
        || tracing::info_span!(target: SPANS, "elsewhere", span_id = Empty),
    );
    let of = somewhere.metadata().unwrap();
    let nothing: [(&Field, Option<&dyn Value>); 0] = [];
    let enabled = tracing::subscriber::with_default(NoSubscriber::new(), || {
        Span::new(of, &of.fields().value_set(&nothing))
    });
    assert!(!enabled.is_disabled());
    assert_eq!(join(&enabled, Some(parent()), || unreachable!("nor here")), Some(parent()));
}

#[test]
fn a_program_without_the_feature_says_so_and_one_with_it_wants_an_address() {
    let check = crate::Otlp::check;
    match crate::OTLP_IS_BUILT {
        true => {
            assert!(check("http://127.0.0.1:4318").is_ok());
            for wrong in ["https://collector:4318", "127.0.0.1:4318", "http://"] {
                assert!(check(wrong).unwrap_err().to_string().contains(wrong));
            }
        }
        false => {
            let error = check("http://127.0.0.1:4318").unwrap_err().to_string();
            assert!(error.contains("without the feature `otlp`"), "{error}");
        }
    }
}
