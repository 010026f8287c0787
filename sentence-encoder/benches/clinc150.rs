//! CLINC150's test part with embeddings beside n-grams: how well a classifier does that learnt from its
//! training part and was fitted on its validation part.
//!
//! `CAUSEWAY_ENCODER=folder cargo bench -p sentence-encoder`; the data set is
//! `clinc150/data_full.json` under `CAUSEWAY_DATA`.

use intents::{Labelled, Part, Parts, evaluate};
use sentence_encoder::SentenceModel;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("CAUSEWAY_ENCODER").ok_or("CAUSEWAY_ENCODER names no folder")?;
    let data = std::env::var_os("CAUSEWAY_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(data.join("clinc150/data_full.json"))?;
    let parts = Parts {
        train: Labelled::read(&text, Part::Train)?,
        validation: Some(Labelled::read(&text, Part::Validation)?),
        test: Labelled::read(&text, Part::Test)?,
    };
    let model = SentenceModel::open(Path::new(&folder))?;
    let started = Instant::now();
    let report = evaluate(&parts, Some(&model), || started.elapsed())?;
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
