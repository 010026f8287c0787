//! One process after the other, over one journal.

use super::super::{NOON, Recorder, Stage};
use super::books::{Books, End};
use super::days::{self, Phase};
use super::process::Process;
use crate::assistant::Ask;
use crate::config::IntentSettings;
use intents::{Action, IntentFile};
use journal::{BudgetPolicy, Caps, ConversationId, RequestId};
use settings::Pace;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// Where answers are wanted.
pub(super) const BACK: &str = "http://127.0.0.1:9/answer";

/// A device whose processes come and go.
pub(super) struct Life {
    folder: TempDir,
    pub(super) recorder: Recorder,
    pub(super) books: Books,
    /// The conversation of the day.
    pub(super) talk: Option<ConversationId>,
    /// What was put off under a key, last.
    pub(super) keyed: Option<(Ask, RequestId)>,
    pub(super) tendings: u64,
}

impl Life {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            recorder: Recorder::default(),
            books: Books::new(budgets()),
            talk: None,
            keyed: None,
            tendings: 0,
        }
    }

    /// Every morning one speaks of something else.
    pub(super) fn begin_day(&mut self) {
        self.talk = None;
    }

    /// Lives through one phase.
    pub(super) fn play(&mut self, phase: &Phase) {
        let mut stage = Stage::new(&[]).alike(phase.likeness);
        let set = IntentFile::parse(include_str!("commuter.toml")).unwrap();
        let files = vec![("commuter".to_owned(), set)];
        stage.settings.intents = Some(IntentSettings { files, reject: 0.05, encoder: None });
        stage.limits().budgets = budgets();
        let kept = stage.settings.journal.as_mut().unwrap();
        kept.path = self.folder.path().join("journal");
        stage.recorder = self.recorder.clone();
        stage.config.link = Some(phase.link.clone());
        stage.config.seed = phase.seed;
        stage.config.mode = phase.mode;
        stage.config.patience.metered = phase.is_metered;
        // No time passes while the device answers: then what crosses a link meanwhile is of that answer.
        stage.config.paces.cloud = Pace { decode_ms: 60.0, per_row_ms: 0.0 };
        stage.ahead.store(phase.begins.0 - NOON.0, Ordering::Relaxed);
        self.books.note(format!("{} at {}", phase.place, phase.begins));
        let life = self;
        stage.play(async |assistant| Process { life, phase, assistant }.live().await);
    }

    /// Two days later all has ended, and everybody who could be called back was.
    pub(super) fn end(mut self, last: &Phase) -> Books {
        self.play(&days::after(last));
        assert_eq!(self.books.count(End::Waits), 0);
        let (mut posted, mut acted) = (BTreeSet::new(), BTreeSet::new());
        for (action, id) in self.recorder.done() {
            match action {
                Action::Http { url, .. } if url == BACK => drop(posted.insert(RequestId(id))),
                Action::Http { .. } | Action::Mqtt { .. } => {
                    assert!(acted.insert(id), "{action:?} is done twice")
                }
                Action::Reply | Action::Socket { .. } => panic!("{action:?} was not asked for"),
            }
        }
        assert!(posted.is_superset(self.books.called()));
        self.books
    }
}

/// So little that some days are over by the afternoon, and the month before the week is.
fn budgets() -> BudgetPolicy {
    let caps = |bytes, tokens| Caps {
        metered_bytes: Some(bytes),
        tokens: Some(tokens),
        ..Caps::default()
    };
    BudgetPolicy { day: caps(64_000, 700), month: caps(220_000, 3_600), ..BudgetPolicy::default() }
}
