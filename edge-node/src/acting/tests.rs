//! Real sockets, with somebody at the other end who answers well, badly, or not at all.

use super::*;
use intents::HttpMethod;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

fn hands(mqtt: Option<Broker>) -> Hands {
    Hands::new(ActionSettings { timeout_ms: 1_000, mqtt })
}

/// A server for one connection; what `serve` makes of it.
async fn server<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    (address, served)
}

/// Answers an HTTP request; its head and its body.
async fn http(mut stream: TcpStream, answer: &'static str) -> (String, String) {
    let (reading, mut writing) = stream.split();
    let mut reading = BufReader::new(reading);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reading.read_line(&mut line).await.unwrap();
        if line == "\r\n" {
            break;
        }
        if let Some(bytes) = line.to_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reading.read_exact(&mut body).await.unwrap();
    let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    writing.write_all(answer.as_bytes()).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

fn post(address: SocketAddr, body: &str) -> Action {
    let url = format!("http://{address}/heating?room=living%20room");
    Action::Http { method: HttpMethod::Post, url, body: Some(body.to_owned()) }
}

#[tokio::test]
async fn an_http_action_is_sent_once_with_its_id() {
    let (address, served) = server(|stream| http(stream, "204 No Content")).await;
    hands(None).carry_out(&post(address, r#"{"degrees":21}"#), 0x2a).await.unwrap();
    let (head, body) = served.await.unwrap();
    assert!(head.starts_with("POST /heating?room=living%20room HTTP/1.1\r\n"), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains(&format!("idempotency-key: {:032x}\r\n", 0x2a)), "{head}");
    assert!(head.contains("content-type: application/json\r\n"), "{head}");
    assert_eq!(body, r#"{"degrees":21}"#);
}

/// Goal: what went wrong is told, of whom, and nothing of what was said. A redirect is an answer, not a way.
#[tokio::test]
async fn an_answer_that_is_no_success_is_an_error() {
    for (answer, status) in
        [("500 Oh", 500), ("404 Not Found", 404), ("302 Found\r\nLocation: http://evil/", 302)]
    {
        let (address, served) = server(move |stream| http(stream, answer)).await;
        let error = hands(None).carry_out(&post(address, "{}"), 1).await.unwrap_err();
        served.await.unwrap();
        assert_eq!(error.to_string(), format!("{address} answers {status}"));
    }
}

#[test]
fn who_is_called_is_named_without_what_is_said_or_secret() {
    for (url, host) in [
        ("http://home:81/set?to=the%20doctor", "home:81"),
        ("https://me:s3cret@hub.local/x@y", "hub.local"),
        ("http://hub#p@q", "hub"),
    ] {
        assert_eq!(http::host(url), host);
    }
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_is_set() {
    let (address, served) = server(|mut stream| async move {
        // Until the other end has had enough.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let hands = Hands::new(ActionSettings { timeout_ms: 100, mqtt: None });
    let began = std::time::Instant::now();
    let error = hands.carry_out(&post(address, "{}"), 1).await.unwrap_err().to_string();
    assert!(began.elapsed() < Duration::from_secs(5), "{error}");
    assert!(error.starts_with(&address.to_string()), "{error}");
    assert!(!error.contains("living"), "what was said stays out of it: {error}");
    served.await.unwrap();
    let nobody = hands.carry_out(&post("127.0.0.1:1".parse().unwrap(), "{}"), 1).await;
    assert!(nobody.unwrap_err().to_string().starts_with("127.0.0.1:1 cannot be reached"));
}

#[tokio::test]
async fn a_line_goes_to_a_port_or_to_a_path() {
    let read = |mut stream: TcpStream| async move {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let (address, served) = server(read).await;
    let line = r#"{"wipers":"on"}"#.to_owned();
    let action = |address: String| Action::Socket { address, line: line.clone() };
    hands(None).carry_out(&action(address.to_string()), 1).await.unwrap();
    assert_eq!(served.await.unwrap(), format!("{line}\n"));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body.socket").display().to_string();
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let served = tokio::spawn(async move {
        let mut text = String::new();
        listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
        text
    });
    hands(None).carry_out(&action(path.clone()), 1).await.unwrap();
    assert_eq!(served.await.unwrap(), format!("{line}\n"));
    let gone = hands(None).carry_out(&action(format!("{path}x")), 1).await.unwrap_err();
    assert!(gone.to_string().starts_with(&format!("{path}x cannot be reached")), "{gone}");
}

/// A packet of MQTT 3.1.1: its first byte, and what follows its length.
async fn packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.ok()?;
    Some((first, rest))
}

/// A broker for one connection, which takes everything: all packets that came.
async fn broker(mut stream: TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut came = Vec::new();
    while let Some((first, rest)) = packet(&mut stream).await {
        let answer: Option<Vec<u8>> = match (first >> 4, first >> 1 & 3) {
            (1, _) => Some(vec![0x20, 2, 0, 0]),
            (3, 1) => Some([&[0x40, 2], id_of(&rest)].concat()),
            (3, 2) => Some([&[0x50, 2], id_of(&rest)].concat()),
            (6, _) => Some([&[0x70, 2], &rest[..2]].concat()),
            _ => None,
        };
        came.push((first, rest));
        if let Some(answer) = answer {
            stream.write_all(&answer).await.unwrap();
        }
    }
    came
}

/// The packet identifier of a publish, which stands behind its topic.
fn id_of(publish: &[u8]) -> &[u8] {
    let topic = usize::from(u16::from_be_bytes([publish[0], publish[1]]));
    &publish[2 + topic..4 + topic]
}

/// Goal: a message arrives as it was meant, by any quality of service, and the broker is told goodbye.
#[tokio::test]
async fn a_message_is_published_as_surely_as_it_says() {
    for qos in 0..=2 {
        let (address, served) = server(broker).await;
        let folder = tempfile::tempdir().unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "s3cret\n").unwrap();
        let settings = Broker {
            host: "127.0.0.1".to_owned(),
            port: address.port(),
            user: Some("car".to_owned()),
            password: Some(password),
        };
        let (topic, payload) = ("car/heating/set".to_owned(), "21".to_owned());
        let action = Action::Mqtt { topic, payload, qos, retain: true };
        hands(Some(settings)).carry_out(&action, 7).await.unwrap();
        let came = served.await.unwrap();
        let connect = &came[0].1;
        assert!(connect.ends_with(b"\x00\x03car\x00\x06s3cret"), "{connect:?}");
        let (first, publish) = &came[1];
        assert_eq!((first >> 4, first >> 1 & 3, first & 1), (3, qos, 1), "retained");
        assert!(publish.starts_with(b"\x00\x0fcar/heating/set") && publish.ends_with(b"21"));
        assert_eq!(came.last().unwrap().0 >> 4, 14, "goodbye");
    }
}

#[tokio::test]
async fn a_message_without_a_broker_says_what_is_missing() {
    let (topic, payload) = ("a".to_owned(), "1".to_owned());
    let action = Action::Mqtt { topic, payload, qos: 0, retain: false };
    let error = hands(None).carry_out(&action, 7).await.unwrap_err();
    assert!(matches!(error, ActionError::NoBroker), "{error}");
    let nobody = Broker { host: "127.0.0.1".to_owned(), port: 1, user: None, password: None };
    let error = hands(Some(nobody)).carry_out(&action, 7).await.unwrap_err().to_string();
    assert!(error.starts_with("the broker 127.0.0.1 cannot be reached"), "{error}");
}
