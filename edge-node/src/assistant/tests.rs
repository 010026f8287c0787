//! An assistant on real nodes in virtual time: what it does while the link is there, while it is not, and after.

mod budgets;
mod deferred;
mod offline;
mod planned;
mod private;
mod week;

use super::{Acts, Answer, Ask, AskError, Assistant};
use crate::acting::ActionSettings;
use crate::config::{AssistantSettings, IntentSettings, JournalSettings, RoutingSettings};
use crate::demo::models;
use crate::experiment::{World, WorldConfig, delayed, in_virtual_time};
use crate::{Notice, Show};
use intents::{Action, IntentFile};
use journal::{ConversationId, Limits, Turn, UnixTime};
use link_emulator::Emulation;
use partitioner::Mode;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use transport::clock;

/// 2024-02-28, noon.
const NOON: UnixTime = UnixTime(1_709_121_600);

/// Of each reply.
const TOKENS: u32 = 12;

/// Seconds after which a link that is cut in the third second is surely cut.
const CUT_OFF: u64 = 8;

/// Notes what is done, and refuses the first few.
#[derive(Debug, Clone, Default)]
struct Recorder {
    done: Arc<Mutex<Vec<(Action, u128)>>>,
    refuses: Arc<AtomicU64>,
}

impl Acts for Recorder {
    async fn act(&self, action: &Action, id: u128) -> Result<(), String> {
        let refuse = |left: u64| left.checked_sub(1);
        if self.refuses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, refuse).is_ok() {
            return Err("nobody is there".to_owned());
        }
        self.done.lock().unwrap().push((action.clone(), id));
        Ok(())
    }
}

impl Recorder {
    fn done(&self) -> Vec<(Action, u128)> {
        self.done.lock().unwrap().clone()
    }
}

/// What a scene is played with.
struct Stage {
    settings: AssistantSettings,
    config: WorldConfig,
    recorder: Recorder,
    /// Seconds by which the clock on the wall runs ahead of the time that passes.
    ahead: Arc<AtomicU64>,
    folder: TempDir,
}

/// What is shown, and nothing else.
#[derive(Default)]
struct Shown(String);

impl Show for Shown {
    fn piece(&mut self, text: &str, _: bool) {
        self.0.push_str(text);
    }

    fn notice(&mut self, notice: &Notice) {
        assert!(!matches!(notice, Notice::Alone { .. }), "no scene loses its target: {notice:?}");
    }
}

/// A link that is cut at those seconds, for so many.
fn link(cuts: &[(u64, u64)]) -> Emulation {
    let cuts = cuts.iter().map(|(at, length)| format!("{{ at_s = {at}, for_s = {length} }}"));
    let cuts = cuts.collect::<Vec<_>>().join(", ");
    delayed(25, &format!("[outages]\nscheduled = [{cuts}]"))
}

impl Stage {
    /// A car with a journal, whose cloud streams over a link with these cuts.
    fn new(cuts: &[(u64, u64)]) -> Self {
        let mut config =
            WorldConfig::new(models::find(None).unwrap(), Mode::Remote, Some(link(cuts)), 1);
        config.patience.metered = true;
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/intents/car.toml");
        let set = IntentFile::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = AssistantSettings {
            intents: Some(IntentSettings {
                files: vec![("car".to_owned(), set)],
                reject: 0.05,
                encoder: None,
            }),
            routing: None,
            journal: Some(JournalSettings {
                path: folder.path().join("journal"),
                limits: Limits::default(),
            }),
            actions: ActionSettings::default(),
        };
        let (recorder, ahead) = (Recorder::default(), Arc::default());
        Self { settings, config, recorder, ahead, folder }
    }

    /// The same, where the device's own answers are as good as the target's with this chance.
    fn alike(mut self, likeness: f64) -> Self {
        self.settings.routing =
            Some(RoutingSettings { likeness: Some(likeness), ..RoutingSettings::default() });
        self
    }

    fn limits(&mut self) -> &mut Limits {
        &mut self.settings.journal.as_mut().unwrap().limits
    }

    /// Plays a scene, in virtual time.
    fn play<T>(&self, scene: impl AsyncFnOnce(&mut Assistant<Recorder>) -> T) -> T {
        let play = async {
            let world = World::start(&self.config).await.unwrap();
            let (mut device, others) = world.part();
            device.config.assistant = self.settings.clone();
            let (began, ahead) = (clock::now(), Arc::clone(&self.ahead));
            let wall = move || {
                let passed = (clock::now() - began).as_secs();
                UnixTime(NOON.0 + passed + ahead.load(Ordering::Relaxed))
            };
            let recorder = self.recorder.clone();
            let mut assistant = Assistant::over(device, recorder, Box::new(wall)).unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            let result = scene(&mut assistant).await;
            assistant.close().await;
            others.end().await;
            result
        };
        in_virtual_time(play).unwrap()
    }
}

/// Something said in `conversation`, with a short answer and a seed of its own.
fn said(conversation: Option<ConversationId>, text: &str) -> Ask {
    Ask { conversation, tokens_max: Some(TOKENS), ..Ask::new(text) }
}

async fn ask(assistant: &mut Assistant<Recorder>, ask: Ask) -> Result<Answer, AskError> {
    let mut shown = Shown::default();
    let answer = assistant.ask(ask, &mut shown, &CancellationToken::new()).await?;
    assert_eq!(shown.0, answer.text, "what is said is shown");
    Ok(answer)
}

/// The whole conversation.
fn turns(assistant: &Assistant<Recorder>, conversation: ConversationId) -> Vec<Turn> {
    assistant.mind.memory.history(conversation).unwrap()
}

/// Until so many seconds of virtual time are over.
async fn seconds(count: u64) {
    tokio::time::sleep(Duration::from_secs(count)).await;
}
