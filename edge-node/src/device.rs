//! One device: its models, its link, its plan, and the conversation that it owns.

use crate::certify::Certificate;
use crate::compute::compute;
use crate::config::Config;
use crate::course::WayOut;
use crate::crossing::Requests;
use crate::device_stage::DeviceStage;
use crate::likeness::{self, Weights};
use crate::loaded::Loaded;
use crate::local_model::LocalModel;
use crate::machine_load::MachineLoad;
use crate::models::Models;
use crate::planning::{Heard, certificates};
use crate::prompt::Prompt;
use crate::reply::{Reply, RoundedHop};
use crate::start_error::StartError;
use crate::uplinks::Uplinks;
use crate::way_home::WayHome;
use base::{ChannelScale, Privacy, TokenId, WireCodec};
use grammar::{Grammars, Piece};
use partitioner::{LocalChoice, Mode, Plan, PlanRequest, Stage};
use protocol::{Epoch, SessionId, Sources, Tuning};
use runtime::{Chat, ChatError, HopCoder, Pool, SegmentStore, Turn};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use transport::{Uplink, UplinkState};

/// A device that can be asked.
#[derive(Debug)]
pub struct Device {
    pub(crate) config: Config,
    pub(crate) models: Arc<Models>,
    /// What of them is in memory.
    pub(crate) loaded: Arc<Loaded>,
    /// Drafts and goes on alone; `None` where the device has no model of its own to do so.
    pub(crate) draft: Option<LocalModel>,
    /// The whole target, where a plan may have it run here alone.
    pub(crate) target: Option<LocalModel>,
    /// The target's first layers here, so many as a plan has put here, by their number.
    pub(crate) stages: BTreeMap<u32, DeviceStage>,
    /// The target's head here, where a plan's chain comes back for it.
    pub(crate) head: Option<Arc<runtime::Stage>>,
    pub(crate) uplinks: Arc<Uplinks>,
    /// What codecs cost the target, and the scales that some of them need.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// By what it is judged whether the draft model answers as well as the target.
    pub(crate) weights: Weights,
    /// Where KV of the target outlives the process.
    pub(crate) store: Option<Arc<SegmentStore>>,
    /// What replies are held to.
    pub(crate) grammars: Arc<Grammars>,
    /// What passes of the models here run on.
    pub(crate) threads: Arc<Pool>,
    pub(crate) session: SessionId,
    /// The epoch that the next request starts at.
    pub(crate) epoch: Epoch,
    /// The log of the last request: what the session's KV stands for.
    pub(crate) said: Vec<TokenId>,
    /// What only this process knows.
    pub(crate) secret: [u8; 32],
    /// What else keeps this machine busy.
    pub(crate) load: Arc<MachineLoad>,
    /// What peers said of themselves.
    heard: Arc<Mutex<Heard>>,
    /// What requests have found out.
    learnt: Arc<Mutex<Learnt>>,
    /// So many requests compute at a time, each in its turn.
    pub(crate) passes: Arc<Semaphore>,
    /// The requests of this device and of its forks.
    pub(crate) requests: Arc<Requests>,
}

/// What requests have found out, for later ones.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    /// Measured of drafting.
    pub(crate) tuning: Tuning,
    /// Of sources of drafts.
    pub(crate) sources: Sources,
}

/// Where there is one compute thread, another request may still begin its pass meanwhile.
const PASSES_MIN: usize = 2;

/// What a device does before it can be asked, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartStep {
    /// It opens the models' files.
    Files,
    /// It loads those that run here as a whole.
    Weights,
    /// It waits for the first answer of its peers.
    Peers,
    /// It loads what it has of the target.
    Layers,
}

impl Device {
    /// Opens the models, dials the next tier where the plan has one, and waits for its first answer.
    /// A peer that cannot be reached is no error: the device speaks alone until it is back.
    ///
    /// # Errors
    ///
    /// [`StartError`] where files, plan or peers do not fit.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_telling(config, &|_| ()).await
    }

    /// The same, and `tell`s of each step as it begins.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    pub async fn start_telling(
        config: Config,
        tell: &(dyn Fn(StartStep) + Sync),
    ) -> Result<Self, StartError> {
        tell(StartStep::Files);
        let models = Arc::new(Models::open(&config.models)?);
        check_models(&config, &models)?;
        check_stream(&config, &models)?;
        if config.plan.auto && config.measured.is_none() {
            return Err(StartError::Unmeasured);
        }
        let count = config.engine.threads;
        let threads = Pool::new(count).map(Arc::new);
        let threads = threads.map_err(|source| StartError::Threads { threads: count, source })?;
        let uplinks = Arc::new(Uplinks::bind(&config, &models)?);
        let certificate = certificates::load(&config, &models)?.map(Arc::new);
        let weights = likeness::present(&config.models, &models)?;
        let store = match &config.segments.store {
            Some((folder, bound)) => Some(Arc::new(SegmentStore::open(folder, *bound)?)),
            None => None,
        };
        let tokenizer = models.tokenizer.clone();
        let grammars = Grammars::new(move || tokenizer.pieces().map(Piece::from).collect());
        let session = SessionId(config.network.random());
        let secret = config.network.random();
        let load = Arc::new(MachineLoad::new(config.engine.watch_load));
        let mut device = Self {
            config,
            models,
            loaded: Arc::default(),
            draft: None,
            target: None,
            stages: BTreeMap::new(),
            head: None,
            uplinks,
            certificate,
            weights,
            store,
            grammars: Arc::new(grammars),
            threads,
            session,
            epoch: Epoch(0),
            said: Vec::new(),
            secret,
            load,
            heard: Arc::default(),
            learnt: Arc::default(),
            passes: Arc::new(Semaphore::new(count.max(PASSES_MIN))),
            requests: Arc::default(),
        };
        tell(StartStep::Weights);
        compute(|| device.load_models())?;
        tell(StartStep::Peers);
        device.first_contact().await?;
        tell(StartStep::Layers);
        compute(|| device.prepare_all())?;
        Ok(device)
    }

    /// Another device over the same models and links, for a conversation of its own beside this one's. What
    /// requests find out of links and drafts, both know.
    ///
    /// # Errors
    ///
    /// [`StartError`] where there is no memory for its KV.
    pub fn fork(&self) -> Result<Self, StartError> {
        let mut device = Self {
            config: self.config.clone(),
            models: Arc::clone(&self.models),
            loaded: Arc::clone(&self.loaded),
            draft: None,
            target: None,
            stages: BTreeMap::new(),
            head: self.head.clone(),
            uplinks: Arc::clone(&self.uplinks),
            certificate: self.certificate.clone(),
            weights: self.weights.clone(),
            store: self.store.clone(),
            grammars: Arc::clone(&self.grammars),
            threads: Arc::clone(&self.threads),
            session: SessionId(self.config.network.random()),
            epoch: Epoch(0),
            said: Vec::new(),
            secret: self.secret,
            load: Arc::clone(&self.load),
            heard: Arc::clone(&self.heard),
            learnt: Arc::clone(&self.learnt),
            passes: Arc::clone(&self.passes),
            requests: Arc::clone(&self.requests),
        };
        device.load_models()?;
        device.prepare_all()?;
        Ok(device)
    }

    /// The turn of a request to compute: more at once would take no less time, and a thread each.
    pub(crate) async fn turn_to_compute(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.passes).acquire_owned().await;
        turn.expect("the semaphore is never closed")
    }

    /// What requests have found out so far.
    pub(crate) fn learnt(&self) -> MutexGuard<'_, Learnt> {
        // Each write replaces a whole value.
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What peers said of themselves.
    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the links with a goodbye, for peers that would else learn of it from silence.
    pub async fn close(self) {
        self.uplinks.close("the device stops").await;
    }

    /// The prompt `text` as it stands, with what the model wants at a text's beginning. It may travel as far as
    /// the configuration says.
    pub fn raw_prompt(&self, text: &str) -> Prompt {
        self.raw_prompt_of(text, self.config.planner.privacy)
    }

    /// The same, where it may travel as far as `class` says.
    pub fn raw_prompt_of(&self, text: &str, class: Privacy) -> Prompt {
        Prompt::new(self.models.tokenizer.prompt(text), class)
    }

    /// The conversation `turns`, which may travel as far as the configuration says.
    ///
    /// # Errors
    ///
    /// [`ChatError`] where the model's template refuses the turns.
    pub fn chat_prompt(&self, turns: &[Turn]) -> Result<Prompt, ChatError> {
        self.chat_prompt_of(turns, self.config.planner.privacy)
    }

    /// The conversation `turns`, which may travel as far as `class` says, in the form that the model was trained
    /// on; where it has none, the words of the last turn as they stand.
    ///
    /// # Errors
    ///
    /// [`ChatError`] where the model's template refuses the turns.
    pub fn chat_prompt_of(&self, turns: &[Turn], class: Privacy) -> Result<Prompt, ChatError> {
        self.chat_prompt_with(&Chat::of(turns), class)
    }

    /// The same of a chat in which the model may call tools.
    ///
    /// # Errors
    ///
    /// [`ChatError`] where the model's template refuses the turns.
    pub fn chat_prompt_with(&self, chat: &Chat<'_>, class: Privacy) -> Result<Prompt, ChatError> {
        let tokenizer = &self.models.tokenizer;
        let tokens = match tokenizer.has_chat_template() {
            true => match tokenizer.write(chat) {
                // Some models were trained without a system's words.
                Err(ChatError::Refused { reason }) => {
                    let turns = folded(chat.turns).ok_or(ChatError::Refused { reason })?;
                    tokenizer.write(&Chat { turns: &turns, ..*chat })?
                }
                written => written?,
            },
            false => tokenizer.prompt(chat.turns.last().map_or("", |turn| &turn.content)),
        };
        Ok(Prompt::new(tokens, class))
    }

    /// The text of a reply to `prompt` token by token, each with whether the target vouches for it.
    pub fn pieces(&self, prompt: &Prompt, reply: &Reply) -> Vec<(String, bool)> {
        let mut stream = prompt.stream(&self.models.tokenizer);
        let tokens = reply.tokens.iter().map(|token| stream.push(TokenId(*token)));
        tokens.zip(reply.verified.iter().copied()).collect()
    }

    /// How the next request will be run at first; `None` while that depends on a peer never heard of.
    ///
    /// # Errors
    ///
    /// [`StartError::Plan`] where the plan does not fit the target.
    pub fn plan(&self) -> Result<Option<Plan>, StartError> {
        self.checked(&self.config.first_request())
    }

    pub(crate) fn checked(&self, request: &PlanRequest) -> Result<Option<Plan>, StartError> {
        let layers = match request.mode {
            Mode::Local => Some(0),
            Mode::Remote | Mode::Speculative | Mode::Split => self.target_layers(request),
        };
        let plan = layers.map(|layers| request.clone().check(layers)).transpose()?;
        let stages = plan.iter().flat_map(|plan| plan.stages());
        match stages.into_iter().find(|stage| self.scales_into(stage).is_none()) {
            None => Ok(plan),
            Some(stage) => {
                let (codec, boundary) = (stage.codec, stage.layers.start());
                Err(StartError::NoScales { codec, boundary })
            }
        }
    }

    /// What is usual for each channel on the hop into `stage`: nothing where its codec needs none, and
    /// `None` where it does and the certificate has none.
    fn scales_into(&self, stage: &Stage) -> Option<Vec<ChannelScale>> {
        if stage.embedding || !stage.codec.is_calibrated() {
            return Some(Vec::new());
        }
        let certificate = self.certificate.as_ref()?;
        certificate.scales(stage.layers.start()).map(<[_]>::to_vec)
    }

    /// The stages that a message names, of those that `plan` has: all but the device's first layers.
    pub(crate) fn on_the_wire(&self, plan: &Plan) -> Vec<protocol::PlannedStage> {
        let stage = |stage: &Stage| protocol::PlannedStage {
            node: stage.node.clone(),
            layers: stage.layers,
            embedding: stage.embedding,
            head: stage.head,
            codec: stage.codec,
            scales: self.scales_into(stage).unwrap_or_default(),
        };
        plan.stages_ahead().iter().map(stage).collect()
    }

    /// The link that passes take by `request`.
    pub(crate) fn uplink(&self, request: &PlanRequest) -> Option<Arc<Uplink>> {
        self.uplinks.to(request.first_peer()?)
    }

    /// From the device's stage to the next one; `None` where `plan` has none here.
    pub(crate) fn way_out(&self, plan: &Plan) -> Option<WayOut> {
        let layers = plan.device_stage()?.layers.end();
        let next = self.on_the_wire(plan).into_iter().next()?;
        let width = self.models.target.as_ref()?.config().width;
        let coder = HopCoder::new(next.codec, &next.scales, width);
        Some(WayOut { layers, coder: coder.expect("planned with the scales that it needs") })
    }

    /// Back to the device's head, for a text of `class`; `None` where `plan` has none here.
    pub(crate) fn way_home(&self, plan: &Plan, class: Privacy) -> Option<WayHome> {
        let (stage, head) = (plan.device_head()?, self.head.clone()?);
        let scales = self.scales_into(stage).unwrap_or_default();
        let coder = HopCoder::new(stage.codec, &scales, head.config().width);
        let coder = coder.expect("planned with the scales that it needs");
        let (veil, grammars) = (self.veil_secret(plan, class), Arc::clone(&self.grammars));
        Some(WayHome { head, coder, veil, grammars })
    }

    /// What a rounding hop was certified to cost.
    pub(crate) fn certified(&self, (boundary, codec): (u32, WireCodec)) -> RoundedHop {
        let certificate = self.certificate.as_ref();
        let cost = certificate.and_then(|certificate| certificate.find(boundary, codec));
        RoundedHop {
            boundary,
            codec,
            kl_mean: cost.map(|cost| cost.kl_mean),
            top1_agreement: cost.map(|cost| cost.top1_agreement),
        }
    }

    /// How many layers the target has: by its file, or by the word of the plan's first peer.
    fn target_layers(&self, request: &PlanRequest) -> Option<u32> {
        if let Some(target) = &self.models.target {
            return Some(target.config().layers);
        }
        self.uplink(request)?.welcome().map(|welcome| welcome.layers)
    }

    /// Waits for the first answers of who is asked first, and of who reads prompts.
    async fn first_contact(&self) -> Result<(), StartError> {
        let asked = self.uplink(&self.config.first_request());
        let reads = self.config.segments.from.as_ref().and_then(|name| self.uplinks.to(name));
        for uplink in asked.into_iter().chain(reads) {
            let mut states = uplink.watch();
            let answered = states.wait_for(|state| !matches!(state, UplinkState::Dialling)).await;
            let state = answered.expect("the uplink lives as long as we do").clone();
            match state {
                UplinkState::Down(why) if why.is_misfit() => return Err(StartError::Misfit(why)),
                UplinkState::Dialling
                | UplinkState::Up(..)
                | UplinkState::Trying(_)
                | UplinkState::Down(_) => {}
            }
        }
        Ok(())
    }
}

/// The same conversation with a system's words at the beginning of what a person says next; `None` where there are none.
fn folded(turns: &[Turn]) -> Option<Vec<Turn>> {
    let (mut folded, mut system) = (Vec::new(), Vec::new());
    for turn in turns {
        match turn.role.as_str() {
            "system" => system.push(turn.content.as_str()),
            "user" if !system.is_empty() => {
                system.push(&turn.content);
                folded.push(Turn::said("user", std::mem::take(&mut system).join("\n\n")));
            }
            _ => folded.push(turn.clone()),
        }
    }
    (system.is_empty() && folded.len() < turns.len()).then_some(folded)
}

/// Whether the models can take in what a position of a stream sees.
fn check_stream(config: &Config, models: &Models) -> Result<(), StartError> {
    let context = models.context_length(u32::MAX);
    match config.kv.stream {
        Some(stream) if stream.seen_max() > context => Err(StartError::Stream { stream, context }),
        Some(_) | None => Ok(()),
    }
}

/// Whether the models of every mode are there.
fn check_models(config: &Config, models: &Models) -> Result<(), StartError> {
    let missing = |needs, key| Err(StartError::Missing { needs, key });
    for request in config.requests() {
        match (request.mode, request.local) {
            (Mode::Local, LocalChoice::Draft) if models.draft.is_none() => {
                missing("mode local", "draft")
            }
            (Mode::Local, LocalChoice::Target) if models.target.is_none() => {
                missing("mode local with plan.local = \"target\"", "target")
            }
            (Mode::Speculative, _) if models.draft.is_none() => {
                missing("mode speculative", "draft")
            }
            (Mode::Local | Mode::Remote | Mode::Speculative | Mode::Split, _) => Ok(()),
        }?;
    }
    Ok(())
}
