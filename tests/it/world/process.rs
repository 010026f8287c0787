//! One program that runs beside the test, and never longer than it.
//!
//! Its standard output is read as it comes, each piece with its time; its log goes to a file that a
//! failing test prints.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How much of a log a failing test prints.
const LOG_BYTES_SHOWN: usize = 6_000;

/// What was read at once.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) at: Instant,
    pub(crate) bytes: Vec<u8>,
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    what: String,
    child: Child,
    log: PathBuf,
    said: Arc<Mutex<Vec<Piece>>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`, with its standard error in `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let file = std::fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let what = format!("{command:?}");
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stdout, pieces) = (child.stdout.take().unwrap(), Arc::clone(&said));
        let reader = std::thread::spawn(move || read(stdout, &pieces));
        Self { what, child, log: log.to_owned(), said, reader: Some(reader) }
    }

    /// What it wrote so far.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.said.lock().unwrap().clone()
    }

    /// What it wrote so far, as one text.
    pub(crate) fn text(&self) -> String {
        let pieces = self.pieces();
        let bytes = pieces.iter().flat_map(|piece| &piece.bytes).copied().collect();
        String::from_utf8(bytes).unwrap()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read(&self.log).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap()
    }

    /// Waits until what it wrote satisfies `holds`; panics where it ends before or takes too long.
    pub(crate) fn wait_until(&mut self, within: Duration, holds: impl Fn(&[Piece]) -> bool) {
        let deadline = Instant::now() + within;
        while !holds(&self.pieces()) {
            let ended = self.child.try_wait().unwrap();
            // What was written last may still be on its way through the reader.
            let settled = ended.is_some() && self.reader.as_ref().is_none_or(|r| r.is_finished());
            if settled && !holds(&self.pieces()) {
                panic!("{} ended with {ended:?} after saying {:?}", self.what, self.text());
            }
            assert!(Instant::now() < deadline, "{} took too long: {:?}", self.what, self.text());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for its own end.
    pub(crate) fn end(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "{} did not end: {:?}", self.what, self.text());
            std::thread::sleep(Duration::from_millis(5));
        };
        self.reader.take().map(JoinHandle::join).transpose().unwrap();
        status
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own kill: no crate, no unsafe, and there wherever a shell is.
        let command = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// `kill -9`, until it is gone.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = std::fs::read(&self.log).unwrap_or_default();
            let shown = &log[log.len().saturating_sub(LOG_BYTES_SHOWN)..];
            eprintln!("--- log of {}\n{}", self.what, String::from_utf8_lossy(shown));
        }
    }
}

fn read(mut from: ChildStdout, pieces: &Mutex<Vec<Piece>>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        pieces.lock().unwrap().push(Piece { at: Instant::now(), bytes: buffer[..len].to_vec() });
    }
}
