//! Watches a reply of the demo, and kills and restarts the cloud where the script says so.

use crate::demo::paint::Paint;
use crate::demo::tiers::Tiers;
use crate::show::{Notice, Show};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// When the cloud goes and comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    /// Killed after this many tokens.
    pub(super) killed_after: usize,
    /// Started again after this many tokens that the device said alone.
    pub(super) restarted_after: usize,
}

/// Shows a reply and keeps count.
pub(super) struct Stage {
    paint: Paint,
    tiers: Arc<Mutex<Tiers>>,
    script: Option<Script>,
    tokens: usize,
    alone: usize,
    restarting: Option<JoinHandle<anyhow::Result<()>>>,
    last: Option<Instant>,
    /// The longest time between two tokens.
    pub(super) gap_ms_max: f64,
    /// What happened, in words.
    pub(super) events: Vec<String>,
}

impl Stage {
    /// A reply on `paint`; with a `script`, one with an outage.
    pub(super) fn new(paint: Paint, tiers: Arc<Mutex<Tiers>>, script: Option<Script>) -> Self {
        Self {
            paint,
            tiers,
            script,
            tokens: 0,
            alone: 0,
            restarting: None,
            last: None,
            gap_ms_max: 0.0,
            events: Vec::new(),
        }
    }

    /// Waits for a restart that is under way.
    ///
    /// # Errors
    ///
    /// Where the cloud could not be started again.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        match self.restarting.take().map(JoinHandle::join) {
            Some(Ok(restarted)) => restarted,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Ok(()),
        }
    }

    fn follow_script(&mut self) {
        let Some(script) = self.script else { return };
        if self.tokens == script.killed_after {
            self.tiers.lock().unwrap_or_else(PoisonError::into_inner).kill_cloud();
            self.happened("the cloud is killed".to_owned());
        }
        if self.alone == script.restarted_after && self.restarting.is_none() {
            let tiers = Arc::clone(&self.tiers);
            self.restarting = Some(std::thread::spawn(move || {
                tiers.lock().unwrap_or_else(PoisonError::into_inner).restart_cloud()
            }));
            self.happened("the cloud is started again".to_owned());
        }
    }

    fn happened(&mut self, what: String) {
        self.paint.event(&what);
        self.events.push(what);
    }

    fn measure(&mut self) {
        let now = Instant::now();
        let gap = self.last.replace(now).map_or(0.0, |last| (now - last).as_secs_f64() * 1e3);
        self.gap_ms_max = self.gap_ms_max.max(gap);
    }
}

impl Show for Stage {
    fn piece(&mut self, text: &str, verified: bool) {
        if text.is_empty() {
            return;
        }
        self.measure();
        self.paint.token(text, verified);
        self.tokens += 1;
        self.alone += usize::from(!verified);
        self.follow_script();
    }

    fn notice(&mut self, notice: &Notice) {
        let what = match notice {
            Notice::Alone { why, .. } => format!("alone: {why}"),
            Notice::Switched { plan } => format!("from here on {plan}"),
            Notice::Stayed { why } => format!("goes on as before: {why}"),
            Notice::Rejoined { peer } => format!("{peer} is back and gets the log"),
            Notice::Judged { said, agreed } => {
                format!("the target agrees with {agreed} of {said} tokens said alone")
            }
            Notice::Revised { removed, .. } => format!("the target takes {removed} tokens back"),
        };
        self.happened(what);
    }
}
