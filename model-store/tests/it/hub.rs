//! A hub of the tests' own: one repository over HTTP/1.1, and whatever a test makes of its replies.

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The commit that the repository is at.
pub(crate) const COMMIT: &str = "00112233445566778899aabbccddeeff00112233";

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// How many requests came before.
    pub(crate) nth: usize,
    pub(crate) path: String,
    /// The first byte that is wanted, where not all of them are.
    pub(crate) from: Option<usize>,
    pub(crate) if_range: Option<String>,
    pub(crate) token: Option<String>,
}

impl Asked {
    /// Whether it was for a file, and not for the listing.
    pub(crate) fn is_file(&self) -> bool {
        self.path.contains("/resolve/")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// The length that is said; `None` says none.
    pub(crate) length: Option<usize>,
    /// The connection ends after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// So many bytes at a time, with so much time between them.
    pub(crate) trickle: Option<(usize, Duration)>,
}

impl Reply {
    pub(crate) fn of(status: u16, body: &[u8]) -> Self {
        let (body, length) = (body.to_vec(), Some(body.len()));
        Self { status, headers: Vec::new(), body, length, cut: None, trickle: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// A file of the repository.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    /// Large files lie outside git, and have a SHA-256.
    pub(crate) large: bool,
}

/// What a test makes of an honest reply.
type Twist = Box<dyn Fn(&Asked, Reply) -> Reply + Send + Sync>;

/// The hub. Its threads end with the test.
pub(crate) struct TestHub {
    pub(crate) address: String,
    state: Arc<State>,
}

struct State {
    files: BTreeMap<String, File>,
    twist: Twist,
    asked: Mutex<Vec<Asked>>,
    /// Bytes of files that were sent.
    sent: Mutex<usize>,
}

impl TestHub {
    /// An honest one.
    pub(crate) fn honest(files: &[(&str, Vec<u8>)]) -> Self {
        Self::twisted(files, |_, reply| reply)
    }

    /// One whose replies go through `twist`.
    pub(crate) fn twisted(
        files: &[(&str, Vec<u8>)],
        twist: impl Fn(&Asked, Reply) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let file = |(path, bytes): &(&str, Vec<u8>)| {
            let large = path.ends_with(".gguf") || path.ends_with(".safetensors");
            ((*path).to_owned(), File { bytes: bytes.clone(), large })
        };
        let files = files.iter().map(file).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let twist = Box::new(twist);
        let state = State { files, twist, asked: Mutex::default(), sent: Mutex::default() };
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                // A client that goes away is none of the hub's business.
                std::thread::spawn(move || stream.and_then(|stream| state.serve(&stream)));
            }
        });
        Self { address, state }
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// What of it was for files.
    pub(crate) fn asked_for_files(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(Asked::is_file).collect()
    }

    /// How many bytes of files were sent.
    pub(crate) fn sent(&self) -> usize {
        *self.state.sent.lock().unwrap()
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let asked = self.read(stream)?;
        let reply = (self.twist)(&asked, self.honest(&asked));
        let cut = reply.cut.unwrap_or(usize::MAX).min(reply.body.len());
        if asked.is_file() {
            *self.sent.lock().unwrap() += cut;
        }
        let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", reply.status);
        for (name, value) in &reply.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if let Some(length) = reply.length {
            head += &format!("Content-Length: {length}\r\n");
        }
        let mut to = stream;
        to.write_all(format!("{head}\r\n").as_bytes())?;
        let (piece, between) = reply.trickle.unwrap_or((usize::MAX, Duration::ZERO));
        for bytes in reply.body[..cut].chunks(piece) {
            to.write_all(bytes)?;
            std::thread::sleep(between);
        }
        stream.shutdown(Shutdown::Write)
    }

    fn read(&self, stream: &TcpStream) -> std::io::Result<Asked> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut from, mut if_range, mut token) = (None, None, None);
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let start = value.strip_prefix("bytes=").and_then(|it| it.strip_suffix('-'));
                    from = Some(start.unwrap().parse().unwrap());
                }
                "if-range" => if_range = Some(value.to_owned()),
                "authorization" => token = Some(value.to_owned()),
                _ => {}
            }
        }
        let mut all = self.asked.lock().unwrap();
        let asked = Asked { nth: all.len(), path, from, if_range, token };
        all.push(asked.clone());
        Ok(asked)
    }

    /// What a hub says that means well.
    fn honest(&self, asked: &Asked) -> Reply {
        if asked.path.starts_with("/api/models/org/name/revision/") {
            return Reply::of(200, self.listing().to_string().as_bytes());
        }
        let path = asked.path.strip_prefix(&format!("/org/name/resolve/{COMMIT}/"));
        let Some(File { bytes, .. }) = path.and_then(|path| self.files.get(path)) else {
            return Reply::of(404, b"");
        };
        let mark = "\"mark\"";
        let same = asked.if_range.as_deref().is_none_or(|wanted| wanted == mark);
        match asked.from.filter(|_| same) {
            None => Reply::of(200, bytes).with("ETag", mark),
            Some(from) if from >= bytes.len() => Reply::of(416, b""),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                let reply = Reply::of(206, &bytes[from..]);
                reply.with("ETag", mark).with("Content-Range", range)
            }
        }
    }

    fn listing(&self) -> serde_json::Value {
        let siblings = self.files.iter().map(|(path, file)| listed(path, file));
        json!({ "id": "org/name", "sha": COMMIT, "siblings": siblings.collect::<Vec<_>>() })
    }
}

fn listed(path: &str, File { bytes, large }: &File) -> serde_json::Value {
    let (size, sum) = (bytes.len(), sha256(bytes));
    let git = hex(digest(
        &SHA1_FOR_LEGACY_USE_ONLY,
        &[format!("blob {size}\0").as_bytes(), bytes].concat(),
    )
    .as_ref());
    match large {
        true => json!({ "rfilename": path, "size": size, "blobId": "0".repeat(40),
                        "lfs": { "sha256": sum, "size": size, "pointerSize": 130 } }),
        false => json!({ "rfilename": path, "size": size, "blobId": git }),
    }
}

/// As 64 hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
