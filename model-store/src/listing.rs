//! What a repository holds, as the hub lists it: read within bounds, and doubted.

use crate::PullError;
use crate::checksum::{Checksum, Sha256, unhex};
use crate::download::Tries;
use crate::hub::{Failure, Hub};
use crate::name::{ModelName, is_path, percent_encoded};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Read as _;

/// A listing of ten thousand files has 3 MiB.
const LISTING_BYTES_MAX: u64 = 16 << 20;

/// More than in any repository of a model.
const FILES_MAX: usize = 50_000;

/// Hubs take no larger file.
const FILE_BYTES_MAX: u64 = 1 << 40;

/// A repository at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    /// 40 hexadecimal digits.
    pub(crate) commit: String,
    pub(crate) files: Vec<HubFile>,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HubFile {
    /// Its path there, which stays in its folder.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) checksum: Checksum,
}

#[derive(Debug, Deserialize)]
struct ListingJson {
    sha: String,
    siblings: Vec<SiblingJson>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SiblingJson {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<LfsJson>,
}

#[derive(Debug, Deserialize)]
struct LfsJson {
    sha256: String,
    size: u64,
}

/// Asks the hub what the repository of `name` holds.
pub(crate) fn read(hub: &Hub, name: &ModelName) -> Result<Listing, PullError> {
    let revision = percent_encoded(name.revision(), false);
    let path = format!("/api/models/{}/{}/revision/{revision}?blobs=true", name.org(), name.name());
    let what = format!("{}/{} at {}", name.org(), name.name(), name.revision());
    let mut tries = Tries::new(hub, &what);
    loop {
        match attempt(hub, &path, &what) {
            Ok(json) => {
                return parse(&json).map_err(|problem| PullError::Listing {
                    host: hub.host().to_owned(),
                    repository: what,
                    problem,
                });
            }
            Err(failure) => tries.failed(failure, 0)?,
        }
    }
}

fn attempt(hub: &Hub, path: &str, what: &str) -> Result<Vec<u8>, Failure> {
    let answer = hub.get(path, &[])?;
    if answer.status.as_u16() != 200 {
        return Err(hub.refusal(what, &answer));
    }
    let (said, host) = (answer.length(), answer.host);
    let mut json = Vec::new();
    let read = answer.body.take(LISTING_BYTES_MAX + 1).read_to_end(&mut json);
    let again = |problem| Failure::Again { problem, after: None };
    read.map_err(|error| again(format!("{host}: {error}")))?;
    let bytes = json.len() as u64;
    if bytes > LISTING_BYTES_MAX {
        let problem = format!("a listing of more than {LISTING_BYTES_MAX} bytes");
        return Err(Failure::Final(PullError::Answer { host, what: what.to_owned(), problem }));
    }
    match said {
        Some(said) if said != bytes => Err(again(format!("{host}: {bytes} of {said} bytes came"))),
        Some(_) | None => Ok(json),
    }
}

/// The listing, or what is wrong with it.
fn parse(json: &[u8]) -> Result<Listing, String> {
    let ListingJson { sha, siblings } =
        serde_json::from_slice(json).map_err(|error| error.to_string())?;
    if unhex::<20>(&sha).is_none() {
        return Err(format!("{:?} is no commit", shown(&sha)));
    }
    if siblings.len() > FILES_MAX {
        return Err(format!("it has {} files, more than {FILES_MAX}", siblings.len()));
    }
    let mut paths = BTreeSet::new();
    if let Some(twice) = siblings.iter().find(|sibling| !paths.insert(&sibling.rfilename)) {
        return Err(format!("{:?} is there twice", shown(&twice.rfilename)));
    }
    let files: Result<_, _> = siblings.into_iter().map(SiblingJson::checked).collect();
    Ok(Listing { commit: sha.to_ascii_lowercase(), files: files? })
}

impl SiblingJson {
    fn checked(self) -> Result<HubFile, String> {
        let Self { rfilename: path, size, blob_id, lfs } = self;
        let shown = shown(&path);
        if !is_path(&path) {
            return Err(format!("{shown:?} is no path within a repository"));
        }
        let sum = match &lfs {
            Some(lfs) => Sha256::parse(&lfs.sha256).map(Checksum::Sha256),
            None => blob_id.as_deref().and_then(unhex).map(Checksum::GitBlob),
        };
        let checksum = sum.ok_or_else(|| format!("{shown:?} has no checksum"))?;
        let bytes = lfs.map(|lfs| lfs.size).or(size);
        let bytes = bytes.ok_or_else(|| format!("{shown:?} has no size"))?;
        if bytes > FILE_BYTES_MAX {
            return Err(format!("{shown:?} has {bytes} bytes, more than {FILE_BYTES_MAX}"));
        }
        Ok(HubFile { path, bytes, checksum })
    }
}

/// As much of it as an error needs.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn check(siblings: &str, problem: &str) {
        let error = parse(format!("{{\"sha\":\"{SHA}\",\"siblings\":[{siblings}]}}").as_bytes());
        let error = error.unwrap_err();
        assert!(error.contains(problem), "{siblings}: {error}");
    }

    #[test]
    fn a_listing_is_read_with_sizes_and_sums() {
        let sum = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let json = format!(
            r#"{{"id": "a/b", "sha": "{SHA}", "siblings": [
                {{"rfilename": "config.json", "size": 3, "blobId": "{SHA}"}},
                {{"rfilename": "x.gguf", "size": 9, "blobId": "{SHA}",
                  "lfs": {{"sha256": "{sum}", "size": 9, "pointerSize": 100}}}}]}}"#
        );
        let listing = parse(json.as_bytes()).unwrap();
        assert_eq!(listing.commit, SHA);
        let [config, weights] = &listing.files[..] else { panic!("{listing:?}") };
        assert_eq!((config.path.as_str(), config.bytes), ("config.json", 3));
        assert_eq!(config.checksum, Checksum::GitBlob(unhex(SHA).unwrap()));
        assert_eq!(weights.checksum, Checksum::Sha256(Sha256::parse(sum).unwrap()));
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let names = [
            "../config.json",
            "/etc/passwd",
            "a/../../b",
            "a\\\\..\\\\b",
            "",
            ".",
            "a//b",
            "C:/x",
            "a\\u0000b",
            "a\\nb",
        ];
        for name in names {
            let sibling = format!(r#"{{"rfilename": "{name}", "size": 1, "blobId": "{SHA}"}}"#);
            check(&sibling, "is no path within a repository");
        }
        let deep = "a/".repeat(40) + "b";
        check(&format!(r#"{{"rfilename": "{deep}", "size": 1, "blobId": "{SHA}"}}"#), "no path");
        let long = "a".repeat(2_000);
        check(&format!(r#"{{"rfilename": "{long}", "size": 1, "blobId": "{SHA}"}}"#), "no path");
    }

    #[test]
    fn files_without_size_or_sum_or_with_absurd_ones_are_refused() {
        check(&format!(r#"{{"rfilename": "a", "blobId": "{SHA}"}}"#), "has no size");
        check(r#"{"rfilename": "a", "size": 1, "blobId": "zz"}"#, "has no checksum");
        check(
            r#"{"rfilename": "a", "size": 1, "lfs": {"sha256": "00", "size": 1}}"#,
            "no checksum",
        );
        let vast = format!(r#"{{"rfilename": "a", "size": {}, "blobId": "{SHA}"}}"#, u64::MAX);
        check(&vast, "more than");
        let one = format!(r#"{{"rfilename": "a", "size": 1, "blobId": "{SHA}"}}"#);
        check(&format!("{one},{one}"), "is there twice");
        check(&vec![one.replace("\"a\"", "\"b\""); FILES_MAX + 1].join(","), "more than 50000");
        assert!(parse(b"{\"sha\":\"main\",\"siblings\":[]}").unwrap_err().contains("no commit"));
    }
}
