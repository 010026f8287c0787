//! The same spans at a collector of OpenTelemetry.

use super::{ASKED, told};
use partitioner::Mode;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use telemetry::Otlp;

/// Takes what is sent to it; gives each request's path and body.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (give, taken) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, give) = (stream.unwrap(), give.clone());
            std::thread::spawn(move || take(stream, &give));
        }
    });
    (endpoint, taken)
}

fn take(mut stream: TcpStream, give: &mpsc::Sender<(String, Vec<u8>)>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        while reader.read_line(&mut line).ok()? > 2 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        give.send((first.split(' ').nth(1)?.to_owned(), body)).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

/// A span as OTLP's protocol buffers have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exported {
    name: String,
    parent: Vec<u8>,
}

/// The spans of the trace in a body, by id: `trace_id` is field 1, `span_id` 2, `parent_span_id` 4, `name` 5.
fn spans(body: &[u8]) -> BTreeMap<Vec<u8>, Exported> {
    let begin = [&[0x0a, 0x10][..], &ASKED.trace].concat();
    let mut spans = BTreeMap::new();
    for at in 0..body.len() {
        let Some(mut rest) = body[at..].strip_prefix(&begin[..]) else { continue };
        let mut field = |tag: u8| {
            let value = rest.strip_prefix(&[tag])?;
            let (length, value) = value.split_first()?;
            let (value, after) = value.split_at(usize::from(*length));
            rest = after;
            Some(value.to_vec())
        };
        let id = field(0x12).unwrap();
        let parent = field(0x22).unwrap_or_default();
        let name = String::from_utf8(field(0x2a).unwrap()).unwrap();
        spans.insert(id, Exported { name, parent });
    }
    spans
}

/// Goal: a collector gets a span of each tier, each below the one that caused it, and the ids are those of the log.
#[test]
fn a_collector_finds_the_spans_of_all_three_tiers() {
    let (endpoint, taken) = collector();
    let otlp = Otlp { endpoint, service: "a test".to_owned() };
    let (_, lines) = told(Mode::Split, "Once upon a time", ("info", Some(otlp)), Some(ASKED));
    let (mut found, mut bodies) = (BTreeMap::new(), Vec::new());
    for (path, body) in taken.try_iter() {
        assert_eq!(path, "/v1/traces");
        found.append(&mut spans(&body));
        bodies.extend(body);
    }
    assert_eq!(found.len(), 3, "{found:?}");
    let below = |parent: &[u8]| {
        let (id, span) = found.iter().find(|(_, span)| span.parent == parent).unwrap();
        (id.clone(), span.name.clone())
    };
    let (device, name) = below(&ASKED.span);
    assert_eq!(name, "request");
    let (gateway, name) = below(&device);
    assert_eq!(name, "session");
    let (cloud, name) = below(&gateway);
    assert_eq!(name, "session");
    let logged = super::spans(&lines);
    let id = |node: &str| super::of(&logged, node).to_owned();
    let digits = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        [device, gateway, cloud].map(|id| digits(&id)),
        [id("device"), id("gateway"), id("cloud")]
    );
    let text = String::from_utf8_lossy(&bodies);
    assert!(text.contains("a test") && !text.contains("upon a time"), "{text}");
}
