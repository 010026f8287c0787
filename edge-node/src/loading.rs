//! What a device has in memory of its models: what the configured plans need at the start, and what others need
//! once they are taken.

use crate::config::Config;
use crate::device::Device;
use crate::device_stage::DeviceStage;
use crate::loaded::Whose;
use crate::local_model::LocalModel;
use crate::models::Models;
use crate::sequence::{SequenceError, StageSequence};
use crate::start_error::StartError;
use partitioner::{Plan, PlanRequest, RequestedStage, Stage};
use runtime::{KvOptions, ModelFile, PrefixScope, StageSpec};
use std::sync::Arc;

impl Device {
    /// The models that run here as a whole by any configured plan.
    pub(crate) fn load_models(&mut self) -> Result<(), StartError> {
        let drafts = self.config.requests().any(|request| !request.is_target_alone());
        if drafts && self.models.draft.is_some() {
            self.draft = Some(self.whole(Whose::Draft)?);
        }
        let decides = self.config.requests().any(|request| request.is_target_alone());
        if (decides || self.config.segments.standby) && self.models.target.is_some() {
            self.target = Some(self.whole(Whose::Target)?);
        }
        Ok(())
    }

    /// What the configured plans need of the target, as far as they are known.
    pub(crate) fn prepare_all(&mut self) -> Result<(), StartError> {
        for request in self.config.requests().collect::<Vec<_>>() {
            self.prepare(&request)?;
        }
        Ok(())
    }

    /// The plan of `request`; with it, once it is known, what the device has of the target is loaded.
    pub(crate) fn prepare(&mut self, request: &PlanRequest) -> Result<Option<Plan>, StartError> {
        let plan = self.checked(request)?;
        if request.is_target_alone() && self.target.is_none() && self.models.target.is_some() {
            self.target = Some(self.whole(Whose::Target)?);
        }
        let Some(plan) = plan else { return Ok(None) };
        if plan.device_head().is_some() && self.head.is_none() {
            let needs = "the head of the target on the device";
            let last = self.part_of(needs)?.config().layers;
            self.head = Some(self.stage(Whose::Target, needs, StageSpec::head_alone(last))?);
        }
        if let Some(&Stage { layers, embedding, head, .. }) = plan.device_stage()
            && !self.stages.contains_key(&layers.end())
        {
            let needs = "a stage of the target on the device";
            let width = self.part_of(needs)?.config().width;
            let spec = StageSpec { layers, embedding, head };
            let sequence = self.sequence(self.stage(Whose::Target, needs, spec)?, Whose::Target)?;
            self.stages.insert(layers.end(), DeviceStage::new(sequence, width));
        }
        Ok(Some(plan))
    }

    /// The target, of which something is needed here.
    fn part_of(&self, needs: &'static str) -> Result<&ModelFile, StartError> {
        self.models.target.as_ref().ok_or(StartError::Missing { needs, key: "target" })
    }

    /// All of a model that is there, with KV of its own.
    fn whole(&self, whose: Whose) -> Result<LocalModel, StartError> {
        let model = self.models.of(whose).expect("it was looked whether it is there");
        let spec = StageSpec::whole(model.config().layers);
        let stage = self.stage(whose, "the whole of it", spec)?;
        Ok(LocalModel::new(self.sequence(stage, whose)?))
    }

    /// A part of a model, which `needs` it.
    fn stage(
        &self,
        whose: Whose,
        needs: &'static str,
        spec: StageSpec,
    ) -> Result<Arc<runtime::Stage>, StartError> {
        let model = self.models.of(whose).ok_or(StartError::Missing { needs, key: "target" })?;
        let stage = self.loaded.stage(whose, model, spec, &self.threads);
        Ok(stage.map_err(SequenceError::from)?)
    }

    /// KV for a part of a model.
    fn sequence(
        &self,
        stage: Arc<runtime::Stage>,
        whose: Whose,
    ) -> Result<StageSequence, StartError> {
        let kv = match whose {
            Whose::Draft => draft_kv(&self.config),
            Whose::Target => target_kv(&self.config, &self.models),
        };
        let pace = self.config.engine.pace;
        Ok(StageSequence::over(stage, self.positions_max(), &kv, pace)?)
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

    /// The longest conversation that this device can have.
    pub(crate) fn positions_max(&self) -> u32 {
        positions_max(&self.config, &self.models)
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
