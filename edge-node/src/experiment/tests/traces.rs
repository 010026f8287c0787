//! What three tiers in one process tell of a request: one trace over all of them, and nothing of what was said.

#[cfg(feature = "otlp")]
mod exported;
mod privacy;

use crate::Reply;
use crate::demo::models;
use crate::experiment::{World, WorldConfig, in_virtual_time};
use crate::generate::GenerateError;
use crate::request::Request;
use crate::show::Unseen;
use base::{Grammar, Sampling};
use partitioner::Mode;
use protocol::TraceContext;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use telemetry::{LogFormat, Logging, Otlp};
use tokio_util::sync::CancellationToken;
use tracing::dispatcher::Dispatch;
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Whoever asked over HTTP.
const ASKED: TraceContext = TraceContext { trace: [0x11; 16], span: [0x22; 8], sampled: true };

/// Log lines in memory.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

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

/// Where there is one subscriber alone, tracing asks whichever thread comes to a line first whether anybody listens,
/// and remembers the answer for all: that thread may be another test's. So there are two.
static BYSTANDER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// The reply to `prompt` in `mode` of a device behind a gateway, and what was logged by all three, as JSON. All of it
/// happens on this thread, so that nobody else's lines are among them.
fn told(
    mode: Mode,
    prompt: &str,
    filter: (&str, Option<Otlp>),
    trace: Option<TraceContext>,
) -> (Reply, Vec<String>) {
    let (reply, lines) = told_of((mode, prompt), None, filter, trace);
    (reply.unwrap(), lines)
}

/// The same of a reply that is held to `grammar`, or what keeps it.
fn told_of(
    (mode, prompt): (Mode, &str),
    grammar: Option<Grammar>,
    (filter, otlp): (&str, Option<Otlp>),
    trace: Option<TraceContext>,
) -> (Result<Reply, GenerateError>, Vec<String>) {
    LazyLock::force(&BYSTANDER);
    let lines = Lines::default();
    let logging = Logging { format: LogFormat::Json, default_filter: "error", otlp };
    let filter = EnvFilter::new(filter);
    let (subscriber, telling) = logging.subscriber(filter, false, lines.clone()).unwrap();
    let models = models::find(None).unwrap();
    let config = WorldConfig { gateway: true, ..WorldConfig::new(models, mode, None, 1) };
    let run = async {
        let mut world = World::start(&config).await.unwrap();
        let device = world.device();
        let request = Request {
            past_end: true,
            grammar,
            trace,
            ..Request::new(device.raw_prompt(prompt), Sampling::GREEDY, 24)
        };
        let reply = device.generate(&request, &mut Unseen, &CancellationToken::new()).await;
        world.end().await;
        reply
    };
    let reply = tracing::subscriber::with_default(subscriber, || in_virtual_time(run)).unwrap();
    drop(telling);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    (reply, text.lines().map(str::to_owned).collect())
}

/// A span as log lines say it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    node: String,
    trace: String,
    parent: Option<String>,
}

/// All spans that lines are in, by id.
fn spans(lines: &[String]) -> BTreeMap<String, Told> {
    let mut spans = BTreeMap::new();
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        for span in line["spans"].as_array().into_iter().flatten() {
            let text = |key: &str| span[key].as_str().map(str::to_owned);
            if let (Some(id), Some(node), Some(trace)) =
                (text("span_id"), text("node"), text("trace_id"))
            {
                spans.insert(id, Told { node, trace, parent: text("parent_id") });
            }
        }
    }
    spans
}

/// The id of the one span of `node`.
fn of<'a>(spans: &'a BTreeMap<String, Told>, node: &str) -> &'a str {
    let mut found = spans.iter().filter(|(_, told)| told.node == node);
    let (id, _) = found.next().unwrap_or_else(|| panic!("no span of {node} in {spans:?}"));
    assert_eq!(found.next(), None, "{spans:?}");
    id
}

#[test]
fn lines_of_all_three_tiers_have_one_trace_and_each_its_parent() {
    let (_, lines) = told(Mode::Split, "Once upon a time", ("info", None), Some(ASKED));
    let spans = spans(&lines);
    let [device, gateway, cloud] = ["device", "gateway", "cloud"].map(|node| of(&spans, node));
    let parent = |id: &str| spans[id].parent.as_deref();
    assert_eq!(parent(device), Some("2222222222222222"));
    assert_eq!(parent(gateway), Some(device));
    assert_eq!(parent(cloud), Some(gateway));
    let trace = "11111111111111111111111111111111";
    assert!(spans.values().all(|told| told.trace == trace), "{spans:?}");
}

#[test]
fn a_request_that_nobody_traced_begins_a_trace_of_its_own() {
    let (_, lines) = told(Mode::Split, "Once upon a time", ("info", None), None);
    let spans = spans(&lines);
    let [device, gateway, cloud] = ["device", "gateway", "cloud"].map(|node| of(&spans, node));
    assert_eq!(spans[device].parent, None);
    assert_eq!(spans[gateway].parent.as_deref(), Some(device));
    assert_eq!(spans[cloud].parent.as_deref(), Some(gateway));
    assert!(spans.values().all(|told| told.trace == spans[device].trace), "{spans:?}");
}

#[test]
fn passes_are_told_within_their_session_where_somebody_looks_that_closely() {
    let (_, lines) = told(Mode::Speculative, "Once upon a time", ("debug", None), Some(ASKED));
    let passes = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let passes: Vec<_> = passes.filter(|line| line["fields"]["message"] == "pass").collect();
    assert!(!passes.is_empty());
    for pass in passes {
        assert_eq!(pass["span"]["trace_id"], "11111111111111111111111111111111", "{pass}");
    }
}
