//! The command: reads the file, sweeps, writes.

use super::cell::Cell;
use super::design::Experiment;
use super::progress::Progress;
use super::record::{Record, Versions};
use super::report;
use super::runner::RunCell;
use super::sweep::{FinishedCell, FinishedRun, Follow, sweep};
use super::tables::Tables;
use anyhow::Context as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// The command line of `edge-node experiment`.
#[derive(Debug, clap::Args)]
pub struct ExperimentArguments {
    /// What to run: a file like those of configs/experiments.
    pub(super) file: PathBuf,
    /// Folder for report.html, results.csv, tokens.csv and results.json; made where it is missing.
    #[arg(long)]
    pub(super) out: PathBuf,
}

/// Runs the command. `start` makes what runs the experiment's cells.
///
/// # Errors
///
/// Where the file is wrong, nothing can be run, or results cannot be written; and, once all is
/// written, where a run failed.
pub fn experiment<R: RunCell>(
    arguments: &ExperimentArguments,
    start: impl FnOnce(&Experiment) -> anyhow::Result<R>,
) -> anyhow::Result<()> {
    let ExperimentArguments { file, out } = arguments;
    let experiment = Experiment::load(file)?;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for name in ["results.json", "report.html"] {
        anyhow::ensure!(
            !out.join(name).exists(),
            "{} has results already; name another folder with --out",
            out.display()
        );
    }
    let mut runner = start(&experiment).context("cannot start what runs the experiment")?;
    let runs = experiment.cells().len() as u64 * u64::from(experiment.repetitions);
    let mut follow = Noting { tables: Tables::create(out)?, progress: Progress::new(runs) };
    let cells = sweep(&experiment, &mut runner, &mut follow)?;
    follow.progress.finish();
    write_all(&experiment, &cells, out)?;
    let failed = cells.iter().flat_map(|cell| &cell.runs).filter(|run| run.result.is_err()).count();
    anyhow::ensure!(failed == 0, "{failed} of {runs} runs failed; results.csv says why");
    Ok(())
}

/// Notes runs as they end.
struct Noting {
    tables: Tables<File>,
    progress: Progress,
}

impl Follow for Noting {
    fn begins(&mut self, cell: &Cell) {
        self.progress.begins(cell);
    }

    fn ended(&mut self, cell: &Cell, run: &FinishedRun) -> anyhow::Result<()> {
        self.progress.ended(cell, run);
        self.tables.add(cell, run)
    }
}

/// What can be written when everything is there.
fn write_all(experiment: &Experiment, cells: &[FinishedCell], out: &Path) -> anyhow::Result<()> {
    let versions = Versions::ours();
    let path = out.join("results.json");
    let cannot = || format!("cannot write {}", path.display());
    let mut json = BufWriter::new(File::create_new(&path).with_context(cannot)?);
    serde_json::to_writer(&mut json, &Record::of(experiment, versions, cells))
        .with_context(cannot)?;
    json.write_all(b"\n").and_then(|()| json.flush()).with_context(cannot)?;
    let path = out.join("report.html");
    let page = report::page(experiment, versions, cells)?;
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(std::io::stdout(), "{}", path.display())?;
    Ok(())
}
