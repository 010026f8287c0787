//! The assistant: what a person says is routed, answered and remembered.
//!
//! ```text
//!   Ask ─▶ weigh ─▶ Decision ─┬▶ action: hands, and words of the intent        ─┐
//!    ▲       │                ├▶ local: the device alone                        ├▶ memory ─▶ Answer
//!    │       └ intents, class,├▶ hybrid: reserve, Device::generate, settle     ─┤
//!  memory      links, budgets └▶ deferred: journal ─▶ tend, when the link is back ┘
//! ```
//!
//! # Invariants
//!
//! - **What may not leave is confined**: of class device each route makes a prompt that no frame can hold.
//! - **Nothing is spent that was not reserved**, and every reservation is settled, whatever came of the request.
//! - **A question and its answer are remembered together**, after the answer is whole.

mod ask;
mod carry;
mod command;
mod deferring;
mod dialogue;
mod experience;
mod foresee;
mod hands;
mod kept;
mod memory;
mod reach;
mod tariff;
mod tend;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
mod weigh;
mod words;

pub use ask::{Answer, Ask, AskError};
pub use command::{ExplainArguments, explain};
pub use hands::{Acts, NoHands};
pub use kept::{
    ConversationsArguments, DeferredArguments, ForgetArguments, conversations, deferred, forget,
};
pub use tend::Tended;

use crate::acting::Hands;
use crate::compute::compute;
use crate::config::{AssistantSettings, Config, IntentSettings, JournalSettings, RoutingSettings};
use crate::device::Device;
use crate::likeness::Likeness;
use crate::start_error::StartError;
use dialogue::Dialogues;
use experience::Experience;
use intents::{IntentError, Recognizer, SentenceEncoder};
use journal::{
    BudgetPolicy, ConversationId, Journal, JournalError, Limits, OpenError, RequestId, UnixTime,
};
use memory::Memory;
use reach::Reach;
use sentence_encoder::SentenceModel;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tend::Callbacks;

/// Tells the time of day. It is handed in: tests have one that passes as they like.
pub type Wall = Box<dyn Fn() -> UnixTime + Send + Sync>;

/// A device that is told things.
pub struct Assistant<H> {
    device: Device,
    mind: Arc<Mind<H>>,
}

/// What an assistant knows and remembers, and its forks with it.
struct Mind<H> {
    recognizer: Option<Recognizer>,
    memory: Memory,
    routing: RoutingSettings,
    limits: Limits,
    hands: H,
    wall: Wall,
    reach: Reach,
    dialogues: Mutex<Dialogues>,
    experience: Mutex<Experience>,
    /// How good the device's own answers are, by what the target thought of them.
    likeness: Mutex<Likeness>,
    callbacks: Mutex<Callbacks>,
}

/// An assistant that cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AssistantError {
    /// Its device.
    #[error(transparent)]
    Device(#[from] StartError),
    /// Its sets of intents.
    #[error("intents.files cannot be used")]
    Intents(#[from] IntentError),
    /// The model that tells what sentences mean.
    #[error("intents.encoder cannot be used")]
    Encoder(#[from] sentence_encoder::OpenError),
    /// Its journal.
    #[error("journal.path cannot be used")]
    Journal(#[from] OpenError),
}

impl Assistant<Hands> {
    /// Starts the device with the hands that its configuration gives it.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn with_hands(config: Config) -> Result<Self, AssistantError> {
        let hands = Hands::new(config.assistant.actions.clone());
        Self::start(config, hands).await
    }
}

impl<H: Acts> Assistant<H> {
    /// Starts the device, and opens what the configuration names.
    ///
    /// # Errors
    ///
    /// [`AssistantError`].
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(config: Config, hands: H) -> Result<Self, AssistantError> {
        Self::before(Device::start(config).await?, hands)
    }

    /// Stands before a device that has started.
    ///
    /// # Errors
    ///
    /// [`AssistantError`].
    pub(crate) fn before(device: Device, hands: H) -> Result<Self, AssistantError> {
        Self::over(device, hands, Box::new(|| SystemTime::now().into()))
    }

    /// The same, by this clock on the wall.
    pub(crate) fn over(device: Device, hands: H, wall: Wall) -> Result<Self, AssistantError> {
        let AssistantSettings { intents, routing, journal, actions: _ } =
            device.config.assistant.clone();
        let recognizer = compute(|| intents.map(recognizer).transpose())?;
        let limits = journal.as_ref().map(|journal| journal.limits.clone()).unwrap_or_default();
        let memory = match journal {
            None => Memory::fleeting(),
            Some(settings) => Memory::kept(open(&settings, wall())?),
        };
        let reach = Reach::of(&device.uplinks);
        let likeness = Likeness::new(device.likeness_weights().clone());
        let mind = Mind {
            recognizer,
            memory,
            routing: routing.unwrap_or_default(),
            limits,
            hands,
            wall,
            reach,
            dialogues: Mutex::default(),
            experience: Mutex::default(),
            likeness: Mutex::new(likeness),
            callbacks: Mutex::default(),
        };
        Ok(Self { device, mind: Arc::new(mind) })
    }

    /// Another one of the same mind, over a fork of the device: for what is said at the same time.
    ///
    /// # Errors
    ///
    /// [`StartError`] where there is no memory for its KV.
    pub fn fork(&self) -> Result<Self, StartError> {
        Ok(Self { device: self.device.fork()?, mind: Arc::clone(&self.mind) })
    }

    /// The device that answers.
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Removes a conversation, wherever it is kept, and the KV on disk, which may be of it.
    ///
    /// # Errors
    ///
    /// [`JournalError`]. A store that cannot be emptied is logged.
    pub fn forget(&self, conversation: ConversationId) -> Result<(), JournalError> {
        self.mind.dialogues().forget(conversation);
        self.mind.memory.forget(conversation)?;
        if let Some(Err(error)) = self.device.store.as_ref().map(|store| store.clear()) {
            tracing::error!(%error, "KV of a forgotten conversation may still be on disk");
        }
        Ok(())
    }

    /// Ends the links with a goodbye.
    pub async fn close(self) {
        self.device.close().await;
    }

    fn now(&self) -> UnixTime {
        (self.mind.wall)()
    }

    fn budgets(&self) -> &BudgetPolicy {
        &self.mind.limits.budgets
    }

    fn new_id(&self) -> u128 {
        u128::from_be_bytes(self.device.config.network.random())
    }

    fn new_request(&self) -> RequestId {
        RequestId(self.new_id())
    }
}

impl<H> Mind<H> {
    fn dialogues(&self) -> MutexGuard<'_, Dialogues> {
        whole(&self.dialogues)
    }

    fn experience(&self) -> MutexGuard<'_, Experience> {
        whole(&self.experience)
    }

    fn likeness(&self) -> MutexGuard<'_, Likeness> {
        whole(&self.likeness)
    }

    fn callbacks(&self) -> MutexGuard<'_, Callbacks> {
        whole(&self.callbacks)
    }
}

/// What is behind `lock`: whoever panicked with it in hand left a figure out at most.
fn whole<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Learns what the sets of intents say.
fn recognizer(sets: IntentSettings) -> Result<Recognizer, AssistantError> {
    let IntentSettings { files, reject, encoder } = sets;
    let encoder = encoder.map(|folder| SentenceModel::open(&folder)).transpose()?;
    let encoder = encoder.map(|model| -> Box<dyn SentenceEncoder> { Box::new(model) });
    Ok(Recognizer::new(files, reject, encoder)?)
}

/// Opens the journal, and says what the last process left undone.
fn open(settings: &JournalSettings, now: UnixTime) -> Result<Journal, OpenError> {
    let (journal, recovery) =
        compute(|| Journal::open(&settings.path, settings.limits.clone(), now))?;
    let (again, spent) = (recovery.asked_again.len(), recovery.spent.len());
    if again + spent > 0 {
        tracing::warn!(again, spent, "the last process ended in the middle of requests");
    }
    Ok(journal)
}

impl<H> fmt::Debug for Assistant<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assistant")
            .field("device", &self.device.config.name)
            .finish_non_exhaustive()
    }
}
