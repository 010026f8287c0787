//! What plans a request, and plans it again while it runs.

use super::certificates::for_planner;
use super::situation::Known;
use crate::device::Device;
use crate::prompt::Travelling;
use base::{NodeName, Privacy};
use partitioner::{Candidate, Choice, Costs, Demand, PlanRequest, Situation};
use protocol::Welcome;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use transport::clock;

/// What peers said of themselves, and when it was first heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    said: BTreeMap<NodeName, (Arc<Welcome>, Instant)>,
}

impl Heard {
    /// Seconds since `name` said this.
    fn age_s(&mut self, name: &NodeName, welcome: &Arc<Welcome>) -> f64 {
        let now = clock::now();
        let entry = self.said.entry(name.clone()).or_insert_with(|| (Arc::clone(welcome), now));
        if !Arc::ptr_eq(&entry.0, welcome) {
            *entry = (Arc::clone(welcome), now);
        }
        (now - entry.1).as_secs_f64()
    }
}

impl Device {
    /// The best plan for a text of `prompt_tokens` that the target has not read and `reply_tokens` to
    /// come; `None` where no node that can be reached makes one.
    pub(crate) fn best_plan(
        &mut self,
        prompt_tokens: usize,
        reply_tokens: u32,
        class: Privacy,
    ) -> Option<Choice> {
        let situation = self.situation(prompt_tokens, reply_tokens, class);
        let costs = Costs::new(&situation);
        let costs = costs.map_err(|error| tracing::warn!(%error, "no plan can be made")).ok()?;
        costs.best(&self.config.planner.objective)
    }

    /// What plans are a function of now.
    pub(crate) fn situation(
        &mut self,
        prompt_tokens: usize,
        reply_tokens: u32,
        class: Privacy,
    ) -> Situation {
        let demand = Demand { privacy: class, ..self.demand(prompt_tokens, reply_tokens) };
        let mut own = self.config.measured.clone().expect("checked at the start");
        own.load = own.load.max(self.load.share());
        let mut known = Known::new(own);
        for address in &self.config.peers {
            let name = &address.peer.name;
            let Some(uplink) = self.uplinks.to(name) else { continue };
            let Some(welcome) = uplink.welcome() else { continue };
            if let Some(reach) = &welcome.reach {
                let said_s = self.heard().age_s(name, &welcome);
                let mut reach = (**reach).clone();
                // A pong is younger, where the link has been used since.
                let pong = uplink.load().map(|(load, age)| (load, age.as_secs_f64()));
                let pong = pong.filter(|(_, age_s)| *age_s < said_s);
                if let Some((load, _)) = pong {
                    reach.node.load = load;
                }
                let ages_s = (pong.map_or(said_s, |(_, age_s)| age_s), said_s);
                known.reached(&self.config.name, reach, uplink.estimate(), ages_s);
            }
        }
        let budget = self.config.planner.quality;
        let certificates = for_planner(self.certificate.as_deref(), budget);
        known.situation(self.config.name.clone(), certificates, demand)
    }

    fn demand(&self, prompt_tokens: usize, reply_tokens: u32) -> Demand {
        let planner = &self.config.planner;
        let prompt_tokens = u32::try_from(prompt_tokens).unwrap_or(u32::MAX);
        let acceptance = self.learnt().tuning.accepted_share().unwrap_or(planner.acceptance);
        let tokens = (prompt_tokens, reply_tokens.max(1));
        planner.demand(tokens, self.positions_max(), acceptance, self.config.brings_prompts())
    }

    /// What a request that asks for up to `tokens_max` is to be run by at first. Where nobody who could make a plan
    /// is reached, the configured target is waited for.
    pub(crate) fn first_request(&mut self, prompt: &Travelling, tokens_max: u32) -> PlanRequest {
        if !self.config.plan.auto {
            return self.config.first_request();
        }
        let reply_tokens = self.config.planner.reply_tokens.min(tokens_max);
        match self.best_plan(prompt.len(), reply_tokens, prompt.class()) {
            Some(choice) => {
                tracing::info!(plan = %choice.candidate, "planned");
                choice.candidate.request(&self.config.name)
            }
            None => self.config.first_request(),
        }
    }
}

/// What `request` takes by now; `None` where it cannot be run any longer.
pub(crate) fn predicted(
    costs: &Costs<'_>,
    request: &PlanRequest,
) -> Option<partitioner::Prediction> {
    costs.predict(&Candidate::of(request)?).ok()
}
