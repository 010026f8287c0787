//! CLINC150's test part: how well and how fast a classifier does that learnt from its training part and
//! was fitted on its validation part.
//!
//! `cargo bench -p intents`; the data set is `clinc150/data_full.json` under `CAUSEWAY_DATA`.

use intents::{Labelled, Part, Parts, evaluate};
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "what is measured is the time")]
fn main() -> Result<(), Box<dyn Error>> {
    let data = std::env::var_os("CAUSEWAY_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(data.join("clinc150/data_full.json"))?;
    let read = |part| Labelled::read(&text, part);
    let test = read(Part::Test)?;
    let started = Instant::now();
    let mut out = std::io::stdout();
    for validation in [Some(read(Part::Validation)?), None] {
        let fitted =
            if validation.is_some() { "validation part" } else { "training part, in turns" };
        let parts = Parts { train: read(Part::Train)?, validation, test: test.clone() };
        let report = evaluate(&parts, None, || started.elapsed())?;
        writeln!(out, "fitted on the {fitted}\n{report}")?;
    }
    Ok(())
}
