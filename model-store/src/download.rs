//! One file from the hub, over as many connections as it takes.
//!
//! What has come stays, and the next answer is asked to go on behind it. A file starts again where an
//! answer does not fit what is there: the hub sends all of it anyway, or it is another one by now.

use crate::PullError;
use crate::checksum::Sha256;
use crate::hub::{Answer, Failure, Hub};
use crate::listing::HubFile;
use crate::part::Part;
use crate::pull::Progress;
use std::io::Read as _;
use std::time::Duration;
use ureq::http::{HeaderName, header};

/// What an attempt has to bring for it to count as none that failed.
const HEADWAY_BYTES: u64 = 1 << 20;

const BUFFER_BYTES: usize = 1 << 16;

/// Counts attempts, and waits between them. Only headway beyond all that was reached before starts the
/// count again, so that they end whatever the hub does.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    hub: &'a Hub,
    what: &'a str,
    failed: u32,
    reached: u64,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(hub: &'a Hub, what: &'a str) -> Self {
        Self { hub, what, failed: 0, reached: 0 }
    }

    /// Another attempt ended with so many bytes in all: waits, unless that was the last one.
    pub(crate) fn failed(&mut self, failure: Failure, bytes: u64) -> Result<(), PullError> {
        let (problem, after) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Again { problem, after } => (problem, after),
        };
        if bytes >= self.reached + HEADWAY_BYTES {
            (self.reached, self.failed) = (bytes, 0);
        }
        self.failed += 1;
        let patience = self.hub.patience();
        if self.failed >= patience.tries {
            let (what, tries) = (self.what.to_owned(), self.failed);
            return Err(PullError::GaveUp { what, tries, problem });
        }
        let doubled = patience.backoff.saturating_mul(1 << (self.failed - 1).min(16));
        let backoff = doubled.min(patience.wait_max);
        self.hub.pause(after.map_or(backoff, |after: Duration| after.max(backoff)));
        Ok(())
    }
}

/// Has `part` become the `file` that lies at `address` of the hub.
pub(crate) fn complete(
    part: &mut Part,
    (hub, address): (&Hub, &str),
    file: &HubFile,
    progress: &mut dyn Progress,
) -> Result<Sha256, PullError> {
    let mut tries = Tries::new(hub, &file.path);
    loop {
        if part.missing() > 0 {
            if let Err(failure) = attempt(part, (hub, address), file, progress) {
                tries.failed(failure, part.bytes())?;
            }
            continue;
        }
        if let Some(sum) = part.checked(&file.checksum) {
            return Ok(sum);
        }
        let pointless = part.is_of_one_piece();
        restart(part, None, progress)?;
        if pointless {
            let (host, what) = (hub.host().to_owned(), file.path.clone());
            return Err(PullError::Wrong { host, what });
        }
        tries.failed(again("its parts do not fit each other"), 0)?;
    }
}

/// Asks once for what is missing.
fn attempt(
    part: &mut Part,
    (hub, address): (&Hub, &str),
    file: &HubFile,
    progress: &mut dyn Progress,
) -> Result<(), Failure> {
    let answer = hub.get(address, &wanted(part))?;
    match answer.status.as_u16() {
        200 => {
            fits(answer.length(), file.bytes)?;
            let mark = answer.header(header::ETAG).map(str::to_owned);
            restart(part, mark.as_deref(), progress)?;
        }
        206 if part.bytes() > 0 => {
            if let Err(failure) = goes_on(&answer, part, file.bytes) {
                restart(part, None, progress)?;
                return Err(failure);
            }
            part.goes_on();
        }
        416 if part.bytes() > 0 => {
            restart(part, None, progress)?;
            return Err(again("the hub has nothing behind what is here"));
        }
        _ => return Err(hub.refusal(&file.path, &answer)),
    }
    receive(part, answer, progress)
}

/// The headers that ask for what is missing.
fn wanted(part: &Part) -> Vec<(HeaderName, String)> {
    let mut headers = Vec::new();
    if part.bytes() > 0 {
        headers.push((header::RANGE, format!("bytes={}-", part.bytes())));
        // A weak mark does not stand for bytes.
        if let Some(mark) = part.mark().filter(|mark| !mark.starts_with("W/")) {
            headers.push((header::IF_RANGE, mark.to_owned()));
        }
    }
    headers
}

/// Whether the answer goes on where `part` ends, in the same file.
fn goes_on(answer: &Answer, part: &Part, bytes: u64) -> Result<(), Failure> {
    let range = answer.header(header::CONTENT_RANGE).and_then(parse_range);
    let right = range.is_some_and(|(start, end, all)| {
        start == part.bytes() && end < bytes && all.is_none_or(|all| all == bytes)
    });
    if !right {
        return Err(again("the hub sends other bytes than those that were asked for"));
    }
    match (part.mark(), answer.header(header::ETAG)) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            Err(again("the file has changed in the meantime"))
        }
        _ => fits(answer.length(), part.missing()),
    }
}

/// Of `bytes 5-9/10` the three numbers; the last may be `*`.
fn parse_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, all) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let all = if all == "*" { None } else { Some(all.parse().ok()?) };
    Some((start.parse().ok()?, end.parse().ok()?, all))
}

/// A length that is said is the right one.
fn fits(said: Option<u64>, expected: u64) -> Result<(), Failure> {
    match said {
        Some(said) if said != expected => {
            Err(again(&format!("the hub sends {said} bytes where it lists {expected}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Adds what comes, up to what is missing.
fn receive(
    part: &mut Part,
    mut answer: Answer,
    progress: &mut dyn Progress,
) -> Result<(), Failure> {
    let mut buffer = vec![0; BUFFER_BYTES];
    while part.missing() > 0 {
        let most = usize::try_from(part.missing()).map_or(BUFFER_BYTES, |n| n.min(BUFFER_BYTES));
        let read = answer.body.read(&mut buffer[..most]);
        let read = read.map_err(|error| again(&format!("{}: {error}", answer.host)))?;
        if read == 0 {
            return Err(again(&format!("the connection ended {} bytes early", part.missing())));
        }
        part.append(&buffer[..read]).map_err(|error| Failure::Final(error.into()))?;
        progress.arrived(read as u64);
    }
    Ok(())
}

fn restart(
    part: &mut Part,
    mark: Option<&str>,
    progress: &mut dyn Progress,
) -> Result<(), PullError> {
    if part.bytes() > 0 {
        progress.lost(part.bytes());
    }
    Ok(part.begin(mark)?)
}

fn again(problem: &str) -> Failure {
    Failure::Again { problem: problem.to_owned(), after: None }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        Self::Final(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_strictly() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, 9, None)));
        for text in
            ["", "bytes", "bytes */10", "bytes 5-/10", "5-9/10", "bytes 5-9", "bytes -5-9/10"]
        {
            assert_eq!(parse_range(text), None, "{text}");
        }
    }
}
