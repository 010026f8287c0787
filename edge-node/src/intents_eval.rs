//! `edge-node intents eval`: how well intents are told apart that are learnt from labelled phrases.
//!
//! Reads CLINC150's JSON, or CSV of two columns, phrase and intent (`oos` for out of scope).

use anyhow::Context as _;
use intents::{Labelled, Part, Parts, SentenceEncoder, evaluate};
use sentence_encoder::SentenceModel;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The command line of `edge-node intents`.
#[derive(Debug, clap::Args)]
pub struct IntentsArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Learn from one file of labelled phrases and measure with another.
    Eval(EvalArguments),
}

#[derive(Debug, clap::Args)]
struct EvalArguments {
    /// Phrases to learn from: CLINC150's JSON (its part `train`), or CSV of phrase and intent.
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Phrases to measure with: CLINC150's JSON (`test` and `oos_test`), or CSV.
    #[arg(long, value_name = "FILE")]
    test: PathBuf,
    /// Phrases to fit thresholds on: CLINC150's JSON (`val`), or CSV. Default: phrases of `--train` are
    /// held out in turns.
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// Count what phrases mean, too: a folder with a BERT model, such as all-MiniLM-L6-v2.
    #[arg(long, value_name = "FOLDER")]
    encoder: Option<PathBuf>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

/// Far above any set of labelled phrases that fits a classifier.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Runs the command.
///
/// # Errors
///
/// Where a file cannot be read, or there is nothing to learn.
pub fn intents(arguments: IntentsArguments) -> anyhow::Result<()> {
    let What::Eval(arguments) = arguments.what;
    let EvalArguments { train, test, validation, encoder, json } = arguments;
    let parts = Parts {
        train: read(&train, Part::Train)?,
        validation: validation.map(|path| read(&path, Part::Validation)).transpose()?,
        test: read(&test, Part::Test)?,
    };
    let encoder = encoder.map(|folder| {
        SentenceModel::open(&folder).with_context(|| format!("cannot use {}", folder.display()))
    });
    let encoder = encoder.transpose()?;
    let encoder = encoder.as_ref().map(|encoder| -> &dyn SentenceEncoder { encoder });
    let started = Instant::now();
    let report = evaluate(&parts, encoder, || started.elapsed())?;
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        false => write!(out, "{report}")?,
    }
    Ok(())
}

fn read(path: &Path, part: Part) -> anyhow::Result<Vec<Labelled>> {
    let place = || format!("cannot read {}", path.display());
    let bytes = std::fs::metadata(path).with_context(place)?.len();
    anyhow::ensure!(
        bytes <= FILE_BYTES_MAX,
        "{} has {bytes} bytes; labelled phrases have at most {FILE_BYTES_MAX}",
        path.display()
    );
    let text = std::fs::read_to_string(path).with_context(place)?;
    Labelled::read(&text, part).with_context(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eval(train: &str, test: &str) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let [train, test] = [("train.csv", train), ("test.csv", test)].map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        });
        let arguments = EvalArguments { train, test, validation: None, encoder: None, json: true };
        intents(IntentsArguments { what: What::Eval(arguments) })
    }

    #[test]
    fn files_that_cannot_be_learnt_from_are_refused_by_name() {
        let refused = |train: &str| format!("{:#}", eval(train, "light on,a\n").unwrap_err());
        assert!(refused("only one column\n").contains("train.csv"));
        assert!(refused("light on,a\nlamp on,a\n").contains("at least two intents"));
        let missing = read(Path::new("/nowhere.json"), Part::Train).unwrap_err();
        assert!(format!("{missing:#}").contains("/nowhere.json"));
    }

    #[test]
    fn phrases_are_learnt_and_measured() {
        let train = "light on,a\nlamp on,a\nturn on the light,a\nwill it rain,b\nrain today,b\nany rain,b\n";
        eval(train, "light,a\nrain,b\nxyzzy,oos\n").unwrap();
    }
}
