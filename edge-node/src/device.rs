//! One device: its models, its link, its plan, and the conversation that it owns.

use crate::certify::Certificate;
use crate::config::Config;
use crate::course::WayOut;
use crate::device_stage::DeviceStage;
use crate::likeness::{self, Weights};
use crate::local_model::LocalModel;
use crate::machine_load::MachineLoad;
use crate::models::Models;
use crate::planning::{Heard, certificates};
use crate::prompt::Prompt;
use crate::reply::{Reply, RoundedHop};
use crate::sequence::SequenceError;
use crate::start_error::StartError;
use crate::uplinks::Uplinks;
use crate::way_home::{WayHome, load_head};
use base::{ChannelScale, Privacy, Sampling, TokenId, WireCodec};
use partitioner::{LocalChoice, Mode, Plan, PlanRequest, RequestedStage, Stage};
use protocol::{Epoch, SessionId, Sources, TraceContext, Tuning};
use runtime::{ChatError, HopCoder, KvOptions, ModelFile, Pool, PrefixScope, SegmentStore, Turn};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use transport::{Uplink, UplinkState};

/// A device that can be asked.
#[derive(Debug)]
pub struct Device {
    pub(crate) config: Config,
    pub(crate) models: Models,
    /// Drafts and goes on alone; `None` where the device has no model of its own to do so.
    pub(crate) draft: Option<LocalModel>,
    /// The whole target, where a plan may have it run here alone.
    pub(crate) target: Option<LocalModel>,
    /// The target's first layers here, so many as a plan has put here, by their number.
    pub(crate) stages: BTreeMap<u32, DeviceStage>,
    /// The target's head here, where a plan's chain comes back for it.
    head: Option<runtime::Stage>,
    pub(crate) uplinks: Uplinks,
    /// What codecs cost the target, and the scales that some of them need.
    pub(crate) certificate: Option<Certificate>,
    /// By what it is judged whether the draft model answers as well as the target.
    pub(crate) weights: Weights,
    /// Where KV of the target outlives the process.
    pub(crate) store: Option<Arc<SegmentStore>>,
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
    pub(crate) load: MachineLoad,
    /// What peers said of themselves.
    pub(crate) heard: Heard,
    /// What requests have measured of drafting.
    pub(crate) tuning: Tuning,
    /// What they have found out of sources of drafts.
    pub(crate) sources: Sources,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The conversation so far. Not empty.
    pub prompt: Prompt,
    /// How the target chooses.
    pub sampling: Sampling,
    /// The most tokens of the reply.
    pub tokens_max: u32,
    /// The reply ends before the first of these.
    pub stop: Vec<String>,
    /// Whether the session's KV is to be kept for a next request.
    pub keep: bool,
    /// Whether the text goes on past end tokens, to its full length: for measurements.
    pub past_end: bool,
    /// The span of whoever asks, where that is traced.
    pub trace: Option<TraceContext>,
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
        let models = Models::open(&config.models)?;
        check_models(&config, &models)?;
        check_stream(&config, &models)?;
        if config.plan.auto && config.measured.is_none() {
            return Err(StartError::Unmeasured);
        }
        let count = config.engine.threads;
        let threads = Pool::new(count).map(Arc::new);
        let threads = threads.map_err(|source| StartError::Threads { threads: count, source })?;
        let load = |model: &Option<ModelFile>, kv, is_used| match model {
            Some(model) if is_used => load_whole(&config, &models, &threads, model, &kv).map(Some),
            Some(_) | None => Ok(None),
        };
        let drafts = config.requests().any(|request| !request.is_target_alone());
        let draft = load(&models.draft, draft_kv(&config), drafts)?;
        let decides = config.requests().any(|request| request.is_target_alone());
        let decides = decides || config.segments.standby;
        let target = load(&models.target, target_kv(&config, &models), decides)?;
        let uplinks = Uplinks::bind(&config, &models)?;
        let certificate = certificates::load(&config, &models)?;
        let weights = likeness::present(&config.models, &models)?;
        let store = match &config.segments.store {
            Some((folder, bound)) => Some(Arc::new(SegmentStore::open(folder, *bound)?)),
            None => None,
        };
        let session = SessionId(config.network.random());
        let secret = config.network.random();
        let load = MachineLoad::new(config.engine.watch_load);
        let mut device = Self {
            config,
            models,
            draft,
            target,
            stages: BTreeMap::new(),
            head: None,
            uplinks,
            certificate,
            weights,
            store,
            threads,
            session,
            epoch: Epoch(0),
            said: Vec::new(),
            secret,
            load,
            heard: Heard::default(),
            tuning: Tuning::default(),
            sources: Sources::default(),
        };
        device.first_contact().await?;
        for request in device.config.requests().collect::<Vec<_>>() {
            device.prepare(&request)?;
        }
        Ok(device)
    }

    /// Ends the links with a goodbye, for peers that would else learn of it from silence.
    pub async fn close(self) {
        self.uplinks.close("the device stops").await;
    }

    /// The prompt `text` as it stands, with what the model wants at a text's beginning. It may travel as far as
    /// the configuration says.
    pub fn raw_prompt(&self, text: &str) -> Prompt {
        Prompt::new(self.models.tokenizer.prompt(text), self.config.planner.privacy)
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
        let tokenizer = &self.models.tokenizer;
        let tokens = match tokenizer.has_chat_template() {
            true => tokenizer.chat(turns)?,
            false => tokenizer.prompt(turns.last().map_or("", |turn| &turn.content)),
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

    fn checked(&self, request: &PlanRequest) -> Result<Option<Plan>, StartError> {
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

    /// The longest conversation that this device can have.
    pub(crate) fn positions_max(&self) -> u32 {
        positions_max(&self.config, &self.models)
    }

    /// The plan of `request`; with it, once it is known, what the device has of the target is loaded.
    pub(crate) fn prepare(&mut self, request: &PlanRequest) -> Result<Option<Plan>, StartError> {
        let plan = self.checked(request)?;
        if let (true, None, Some(target)) =
            (request.is_target_alone(), &self.target, &self.models.target)
        {
            let kv = target_kv(&self.config, &self.models);
            let loaded = load_whole(&self.config, &self.models, &self.threads, target, &kv)?;
            self.target = Some(loaded);
        }
        if let (Some(_), None) = (plan.as_ref().and_then(Plan::device_head), &self.head) {
            let needs = "the head of the target on the device";
            let target = self.models.target.as_ref();
            let target = target.ok_or(StartError::Missing { needs, key: "target" })?;
            self.head = Some(load_head(target, &self.threads).map_err(SequenceError::from)?);
        }
        let Some(stage) = plan.as_ref().and_then(Plan::device_stage) else { return Ok(plan) };
        if let Entry::Vacant(place) = self.stages.entry(stage.layers.end()) {
            let needs = "a stage of the target on the device";
            let target = self.models.target.as_ref();
            let target = target.ok_or(StartError::Missing { needs, key: "target" })?;
            let (positions_max, pace) =
                (positions_max(&self.config, &self.models), self.config.engine.pace);
            let kv = target_kv(&self.config, &self.models);
            let loaded = DeviceStage::load(target, stage, &self.threads, positions_max, &kv, pace)?;
            place.insert(loaded);
        }
        Ok(plan)
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
        Some(WayHome { head, coder, veil: self.veil_secret(plan, class) })
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

    /// Lets go of what is here of the target that neither `plan` nor the configuration has.
    pub(crate) fn keep_stages_of(&mut self, plan: &Plan) {
        let layers = |stage: &RequestedStage| stage.layers.end();
        let requests: Vec<_> = self.config.requests().collect();
        let first = requests.iter().filter_map(|request| request.stages.first());
        let own = first.filter(|stage| stage.node == self.config.name).map(layers);
        let used: Vec<u32> =
            own.chain(plan.device_stage().map(|stage| stage.layers.end())).collect();
        self.stages.retain(|layers, _| used.contains(layers));
        let last = requests.iter().filter_map(|request| request.stages.last());
        let is_head =
            |stage: &RequestedStage| stage.node == self.config.name && stage.layers.is_empty();
        if plan.device_head().is_none() && !last.into_iter().any(is_head) {
            self.head = None;
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

/// The longest conversation: what the models were made for, or, where they forget, what messages
/// can say.
fn positions_max(config: &Config, models: &Models) -> u32 {
    match config.kv.stream {
        Some(_) => protocol::limits::POSITIONS_MAX,
        None => models.context_length(config.engine.positions_max),
    }
}

/// How the draft model's KV is kept. It is its user's alone, and so are all texts whose beginnings are
/// shared.
fn draft_kv(config: &Config) -> KvOptions {
    let (format, stream, scope) = (config.kv.draft, config.kv.stream, PrefixScope::of("device"));
    KvOptions { format, stream, scope, ..KvOptions::default() }
}

/// How the target's KV is kept: as at every node that runs its layers, of which those that are told the
/// tenant's secret call it the same.
fn target_kv(config: &Config, models: &Models) -> KvOptions {
    let tokenizer = models.tokenizer.fingerprint();
    let tenant = config.tenant().map(|secret| PrefixScope::tenant(&secret.0, tokenizer));
    KvOptions {
        format: config.kv.target,
        stream: config.kv.stream,
        scope: tenant.unwrap_or_else(|| PrefixScope::of("device")),
        accepts: config.segments.format,
        ..KvOptions::default()
    }
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

/// All of `model`.
fn load_whole(
    config: &Config,
    models: &Models,
    threads: &Arc<Pool>,
    model: &ModelFile,
    kv: &KvOptions,
) -> Result<LocalModel, StartError> {
    let positions_max = positions_max(config, models);
    Ok(LocalModel::load(model, threads, positions_max, kv, config.engine.pace)?)
}
