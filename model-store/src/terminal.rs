//! How far a pull is, on standard error: a bar on a terminal, and elsewhere only what is out of the ordinary.

use crate::{Environment, Hub, ModelName, NamedError, Patience, Progress, Pulled, pull};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// So often the bar's times are written anew, for a connection may stall.
const TICK: Duration = Duration::from_secs(1);

const TEMPLATE: &str = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left  {wide_msg}";

/// Shows progress to people.
#[derive(Debug, Default)]
pub struct Terminal {
    bar: Option<ProgressBar>,
}

/// Pulls `name` into the store in `folder`, or else where the environment has it, and shows it.
///
/// # Errors
///
/// [`NamedError`] says why it did not come, and who is to blame.
pub fn pull_on_terminal(
    name: &ModelName,
    folder: Option<&Path>,
    environment: &Environment,
) -> Result<Pulled, NamedError> {
    let store = environment.store(folder).ok_or(NamedError::NoStore)?;
    let settings = environment.hub(Patience::default()).map_err(NamedError::Store)?;
    let hub = Hub::new(settings, std::thread::sleep)?;
    let mut terminal = Terminal::default();
    let pulled = pull(&store, &hub, name, &mut terminal);
    terminal.finish();
    Ok(pulled?)
}

impl Terminal {
    /// Clears the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            // Where nobody reads it, the pull goes on all the same.
            None => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
    }
}

impl Progress for Terminal {
    fn begins(&mut self, files: usize, bytes: u64, here: u64) {
        self.bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(TEMPLATE).expect("a template that we wrote");
            let bar = ProgressBar::new(bytes).with_style(style).with_position(here);
            // What is here already did not come at any speed.
            bar.reset_eta();
            bar.enable_steady_tick(TICK);
            bar
        });
        if here > 0 {
            self.line(&format!("{here} of {bytes} bytes in {files} files are here already"));
        }
    }

    fn file(&mut self, path: &str, _bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(path.to_owned());
        }
    }

    fn arrived(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    fn lost(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bar.position().saturating_sub(bytes));
        }
        self.line(&format!("a file starts again; {bytes} bytes of it are of no use"));
    }

    fn waits(&mut self, path: &str) {
        self.line(&format!("another process is pulling {path}; waiting for it"));
    }
}
