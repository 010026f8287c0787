//! Before the device takes layers of the target over in mid-reply, their KV of the text so far comes from the
//! peer that has run them, where that is faster than to compute it: the present plan goes on meanwhile.

use super::TurnLoop;
use crate::config::Prefill;
use crate::prefill::{is_exact, whole_target};
use crate::segments::Bringing;
use partitioner::{Mode, Plan, PlanRequest};
use runtime::BLOCK_SLOTS;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transport::{Uplink, clock};

/// KV for layers that the device is to run.
#[derive(Debug)]
pub(super) struct Moving {
    request: PlanRequest,
    /// `None` where nothing is on its way.
    bringing: Option<Coming>,
}

#[derive(Debug)]
struct Coming {
    bringing: Bringing,
    /// What has not come by then is computed.
    until: Instant,
}

/// So many times as long as expected it may take.
const PATIENCE: f64 = 2.0;

impl TurnLoop<'_> {
    /// Whether the device's layers in `plan`, which `request` asked for, wait for KV that is on its way.
    pub(super) fn awaits_kv(&mut self, request: &PlanRequest, plan: &Plan) -> bool {
        if self.moving.as_ref().is_none_or(|moving| moving.request != *request) {
            let bringing = self.bring_for(plan);
            self.moving = Some(Moving { request: request.clone(), bringing });
        }
        let Some(Moving { bringing, .. }) = &mut self.moving else { return false };
        let Some(coming) = bringing else { return false };
        let come: Vec<_> = coming.bringing.come().collect();
        let is_over = coming.bringing.is_over() || clock::now() >= coming.until;
        if is_over {
            *bringing = None;
        }
        if let Some(sequence) = self.device.own_layers(plan) {
            sequence.take_all(&come);
        }
        !is_over
    }

    /// The KV that the device's layers in `plan` lack, where somebody has it and bringing it pays.
    fn bring_for(&mut self, plan: &Plan) -> Option<Coming> {
        if self.device.config.segments.prefill == Prefill::Device {
            return None;
        }
        let uplink = self.leader()?;
        let log = self.drafter.log().tokens();
        let format = self.device.config.segments.format;
        // The target has not run the last token yet.
        let wanted = self.device.own_layers(plan)?.lacking(&log[..log.len() - 1], format);
        let meeting = self.device.meeting(&uplink, plan, &wanted, 0)?;
        if !meeting.pays_alone() {
            return None;
        }
        let until = clock::now() + Duration::from_secs_f64(PATIENCE * meeting.all_brought_s());
        Some(Coming { bringing: Bringing::begin(uplink, None, &wanted), until })
    }

    /// The link to the peer that runs the whole target now, if one does.
    pub(super) fn leader(&self) -> Option<Arc<Uplink>> {
        let leads = match self.course.plan.as_ref()?.mode() {
            Mode::Remote | Mode::Speculative => true,
            Mode::Local | Mode::Split => false,
        };
        let uplink = self.course.uplink().filter(|uplink| leads && uplink.is_up())?;
        whole_target(uplink).map(|_| uplink.clone())
    }

    /// How many leading tokens of the log the stages of `plan` are only told of, the device's own among
    /// them: their KV may be known there.
    pub(super) fn told(&mut self, plan: &Plan) -> usize {
        let log = self.drafter.log().tokens();
        let (whole, tenant) = (log.len() / BLOCK_SLOTS * BLOCK_SLOTS, self.device.config.tenant());
        let nameless = tenant.is_none() || self.device.is_veiled(plan, self.prompt.class());
        if !is_exact(plan) || nameless || self.device.config.kv.stream.is_some() {
            return 0;
        }
        match self.device.own_layers(plan) {
            Some(sequence) => sequence.adopt(&log[..whole]) / BLOCK_SLOTS * BLOCK_SLOTS,
            None => whole,
        }
    }
}
