//! A hub that means well: one repository, whole files, on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

const COMMIT: &str = "00112233445566778899aabbccddeeff00112233";

/// Its threads end with the test.
pub(super) struct TestHub {
    pub(super) address: String,
}

type Files = [(String, Vec<u8>); 2];

impl TestHub {
    pub(super) fn new(files: Files) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let files = Arc::new(files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let files = Arc::clone(&files);
                // A client that goes away is none of the hub's business.
                std::thread::spawn(move || stream.and_then(|stream| serve(&stream, &files)));
            }
        });
        Self { address }
    }
}

fn serve(mut stream: &TcpStream, files: &Files) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let file = files.iter().find(|(name, _)| path.ends_with(&format!("/resolve/{COMMIT}/{name}")));
    let body = match file {
        Some((_, bytes)) => bytes.clone(),
        None => listing(files).into_bytes(),
    };
    let head =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)?;
    stream.shutdown(Shutdown::Write)
}

/// As hubs list large files.
fn listing(files: &Files) -> String {
    let listed = files.iter().map(|(name, bytes)| {
        let sum = sha256(bytes);
        serde_json::json!({ "rfilename": name, "lfs": { "sha256": sum, "size": bytes.len() } })
    });
    let siblings: Vec<_> = listed.collect();
    serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string()
}

fn sha256(bytes: &[u8]) -> String {
    let sum = ring::digest::digest(&ring::digest::SHA256, bytes);
    sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
