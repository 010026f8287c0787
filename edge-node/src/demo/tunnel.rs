//! The last scene: a car in a tunnel. What is understood acts, what is easy is answered here, and what only the
//! target can answer waits, and arrives after the exit.

use crate::assistant::{Acts, Answer, Ask, Assistant};
use crate::config::{AssistantSettings, Config, IntentSettings, JournalSettings};
use crate::demo::paint::Paint;
use crate::demo::tiers::Tiers;
use crate::show::{Notice, Show};
use anyhow::Context as _;
use intents::{Action, IntentFile};
use journal::{ConversationId, Limits};
use routing::Route;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use transport::clock;

/// The set of intents that ships for cars.
const CAR: &str = include_str!("../../../configs/intents/car.toml");

/// What is said in the tunnel, in this order.
const SAID: [(&str, Follows); 4] = [
    ("Set the heating to 21 degrees", Follows::Nothing),
    ("Make it two degrees warmer", Follows::TheLast),
    ("I'd like a table for two tonight.", Follows::Nothing),
    ("I want to see a movie tonight in Berkeley.", Follows::Nothing),
];

/// Whether something is said in the conversation before it, or begins one.
#[derive(Clone, Copy)]
enum Follows {
    Nothing,
    TheLast,
}

/// How long the exit may take to be noticed, and the answer to come.
const EXIT_PATIENCE: Duration = Duration::from_secs(60);

/// One thing that was said, and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Said {
    said: &'static str,
    /// Which way it went.
    route: &'static str,
    /// The answer.
    text: String,
    /// What was done, as topics and values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<String>,
    /// Whether the answer came after the exit.
    later: bool,
}

/// What the car does, shown in place of a broker.
#[derive(Clone)]
struct Dashboard {
    paint: Paint,
    done: Arc<Mutex<Vec<String>>>,
}

impl Dashboard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Acts for Dashboard {
    async fn act(&self, action: &Action, _: u128) -> Result<(), String> {
        let done = match action {
            Action::Mqtt { topic, payload, .. } => format!("{topic} = {payload}"),
            Action::Socket { line, .. } => line.clone(),
            Action::Http { url, .. } => url.clone(),
            Action::Reply => return Ok(()),
        };
        self.paint.event(&done);
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        Ok(())
    }
}

/// Words as they come.
struct Spoken(Paint);

impl Show for Spoken {
    fn piece(&mut self, text: &str, verified: bool) {
        if !text.is_empty() {
            self.0.token(text, verified);
        }
    }

    fn notice(&mut self, _: &Notice) {}
}

/// A folder that is gone when this is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> anyhow::Result<Self> {
        let path =
            std::env::temp_dir().join(format!("causeway-demo-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is a file of a demo, in a folder for such.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Plays the scene with a device of `config`.
///
/// # Errors
///
/// Where models, sockets or the folder for temporary files fail.
pub(super) async fn play(
    config: Config,
    tiers: &Arc<Mutex<Tiers>>,
    paint: Paint,
) -> anyhow::Result<Vec<Said>> {
    let folder = Folder::new()?;
    let config = Config { assistant: settings(&folder.0)?, ..config };
    let dashboard = Dashboard { paint, done: Arc::default() };
    let mut assistant = Assistant::start(config, dashboard.clone()).await?;
    paint.title("6  Tunnel: the car acts, answers what it can, and keeps the rest for the exit.");
    tiers.lock().unwrap_or_else(PoisonError::into_inner).kill_cloud();
    paint.line("       -- the car is in a tunnel");
    assistant.probe().await;
    let (mut conversation, mut scene, mut waiting) = (None, Vec::new(), None);
    for (said, follows) in SAID {
        paint.user(said);
        let earlier = conversation.filter(|_| matches!(follows, Follows::TheLast));
        let answer = ask(&mut assistant, earlier, said, paint).await?;
        conversation = Some(answer.conversation);
        waiting = answer.deferred.map(|_| scene.len()).or(waiting);
        let (route, done) = (answer.route.as_str(), dashboard.take());
        scene.push(Said { said, route, text: answer.text, done, later: false });
    }
    paint.line("       -- the exit");
    restart(tiers).await?;
    if let Some(waited) = waiting.and_then(|at| scene.get_mut(at)) {
        paint.user(waited.said);
        (waited.text, waited.later) = (arrived(&mut assistant).await?, true);
        paint.token(&waited.text, true);
        paint.end();
    }
    assistant.close().await;
    Ok(scene)
}

async fn ask(
    assistant: &mut Assistant<Dashboard>,
    conversation: Option<ConversationId>,
    said: &str,
    paint: Paint,
) -> anyhow::Result<Answer> {
    let (ask, cancel) = (Ask { conversation, ..Ask::new(said) }, CancellationToken::new());
    let answer = assistant.ask(ask, &mut Spoken(paint), &cancel).await?;
    if answer.route == Route::Deferred {
        paint.token("(waits for the exit)", true);
    }
    paint.end();
    Ok(answer)
}

/// Starts the cloud again, on a thread without a runtime.
async fn restart(tiers: &Arc<Mutex<Tiers>>) -> anyhow::Result<()> {
    let tiers = Arc::clone(tiers);
    let restarting = std::thread::spawn(move || {
        tiers.lock().unwrap_or_else(PoisonError::into_inner).restart_cloud()
    });
    let joined = tokio::task::spawn_blocking(move || restarting.join()).await?;
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The answer to what waited.
async fn arrived(assistant: &mut Assistant<Dashboard>) -> anyhow::Result<String> {
    let until = clock::now() + EXIT_PATIENCE;
    while clock::now() < until {
        let tended = assistant.tend(&CancellationToken::new()).await?;
        if let Some((_, _, text)) = tended.answered.into_iter().next() {
            return Ok(text);
        }
        let pause = assistant.next_tending()?.unwrap_or_default();
        tokio::time::sleep(pause.clamp(Duration::from_millis(50), Duration::from_secs(1))).await;
    }
    anyhow::bail!("the answer did not come within {} s of the exit", EXIT_PATIENCE.as_secs())
}

/// The car's intents, and a journal in `folder`.
fn settings(folder: &Path) -> anyhow::Result<AssistantSettings> {
    let set = IntentFile::parse(CAR).context("the car's intents")?;
    Ok(AssistantSettings {
        intents: Some(IntentSettings {
            files: vec![("car".to_owned(), set)],
            reject: 0.05,
            encoder: None,
        }),
        journal: Some(JournalSettings { path: folder.join("journal"), limits: Limits::default() }),
        ..AssistantSettings::default()
    })
}
