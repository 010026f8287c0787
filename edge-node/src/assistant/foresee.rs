//! What the target would take for a request now, and the device alone: by the planner where things were measured,
//! else by what answers took before.

use super::experience::Experience;
use super::reach::Reach;
use super::tariff::{Tariff, with_margin};
use crate::device::Device;
use crate::planning::predicted;
use base::Privacy;
use journal::Amount;
use partitioner::{Candidate, Costs, LocalChoice, Mode, Plan, PlanRequest, Prediction};
use routing::{Forecast, Hybrid};
use std::time::Duration;

/// Bytes that a token takes on the wire where only token ids cross it, until it was seen.
const IDS_BYTES: f64 = 256.0;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Tokens of the prompt.
    pub(super) prompt: usize,
    /// The most tokens of the reply.
    pub(super) tokens_max: u32,
    /// How far the text may travel.
    pub(super) class: Privacy,
}

/// What the target would take.
#[derive(Debug, Clone)]
pub(super) struct Foreseen {
    /// As a route is decided by.
    pub(super) hybrid: Hybrid,
    /// By which plan, where there is one.
    pub(super) plan: Option<String>,
    /// What the planner expects of it, where it knows the nodes.
    pub(super) prediction: Option<Prediction>,
    /// The most that it may come to cost.
    pub(super) reserve: Amount,
    /// What it costs.
    pub(super) tariff: Tariff,
}

/// What a plan is expected to take, before it is priced.
struct Expected {
    plan: String,
    prediction: Option<Prediction>,
    took: Duration,
    /// Of frames, of the longest reply.
    bytes: f64,
    /// Whether no other node has a part in it.
    stays: bool,
}

impl Device {
    /// What the target would take for `wanted`.
    pub(super) fn foresee(
        &mut self,
        wanted: Wanted,
        reach: &Reach,
        experience: &Experience,
    ) -> Foreseen {
        let expected = match (wanted.class, self.config.plan.auto) {
            (Privacy::Device, _) => self.expect_confined(wanted, experience),
            (Privacy::Site | Privacy::Anywhere, true) => self.expect_planned(wanted, reach),
            (Privacy::Site | Privacy::Anywhere, false) => {
                self.expect_fixed(wanted, reach, experience)
            }
        };
        let tariff = Tariff::of(&self.config.link);
        match expected {
            Ok(expected) => self.priced(expected, wanted, tariff),
            Err(hybrid) => Foreseen {
                hybrid,
                plan: None,
                prediction: None,
                reserve: Amount::default(),
                tariff,
            },
        }
    }

    /// How long the device alone takes for an answer; `None` where it has no model of its own.
    pub(super) fn foresee_alone(
        &mut self,
        wanted: Wanted,
        experience: &Experience,
    ) -> Option<Duration> {
        let model = match (&self.target, &self.draft) {
            (Some(_), _) => LocalChoice::Target,
            (None, Some(_)) => LocalChoice::Draft,
            (None, None) => return None,
        };
        let tokens = self.reply_tokens(wanted);
        let measured = self.predict(wanted, &Candidate::Local { model });
        Some(measured.map_or_else(|| experience.local(tokens), |found| reply_time(&found)))
    }

    /// A text that may not leave: the target, where all of it is here.
    fn expect_confined(
        &mut self,
        wanted: Wanted,
        experience: &Experience,
    ) -> Result<Expected, Hybrid> {
        if self.target.is_none() && self.uplinks.each().next().is_none() {
            return Err(Hybrid::None);
        }
        let stays = self.target.is_some();
        let took = self.foresee_alone(wanted, experience).unwrap_or_default();
        let plan = "the target on the device".to_owned();
        Ok(Expected { plan, prediction: None, took, bytes: 0.0, stays })
    }

    /// By the best plan.
    fn expect_planned(&mut self, wanted: Wanted, reach: &Reach) -> Result<Expected, Hybrid> {
        let (tokens, down) = (self.reply_tokens(wanted), reach.all_down_for());
        let Some(choice) = self.best_plan(wanted.prompt, tokens, wanted.class) else {
            return Err(match down {
                Some(since) => Hybrid::OutOfReach { since },
                None => Hybrid::NoPlan(format!(
                    "no nodes that can be reached make one of class {} within [planner]",
                    wanted.class.as_str()
                )),
            });
        };
        let prediction = choice.prediction;
        if !prediction.vouched {
            return Err(match down {
                Some(since) => Hybrid::OutOfReach { since },
                None => Hybrid::NoPlan("the best is the draft model alone".to_owned()),
            });
        }
        let stays = choice.candidate.mode() == Mode::Local;
        Ok(expected(choice.candidate.to_string(), prediction, wanted, stays))
    }

    /// By the configured plan.
    fn expect_fixed(
        &mut self,
        wanted: Wanted,
        reach: &Reach,
        experience: &Experience,
    ) -> Result<Expected, Hybrid> {
        let request = self.config.first_request();
        if request.mode == Mode::Local && !request.is_target_alone() {
            return Err(Hybrid::None);
        }
        let down = request.first_peer().and_then(|peer| reach.down_for(peer));
        if let Some(since) = down {
            return Err(Hybrid::OutOfReach { since });
        }
        let plan = self.plan().map_err(|error| Hybrid::NoPlan(settings::chain(&error)))?;
        let plan = plan.ok_or(Hybrid::OutOfReach { since: Duration::ZERO })?;
        let carried = self.may_carry(&plan, wanted.class);
        carried.map_err(|error| Hybrid::NoPlan(settings::chain(&error)))?;
        let stays = request.is_target_alone();
        if let Some(prediction) = self.predict_request(wanted, &request) {
            return Ok(expected(plan.to_string(), prediction, wanted, stays));
        }
        let tokens = self.reply_tokens(wanted);
        let took = match stays {
            true => experience.local(tokens),
            false => experience.hybrid(tokens),
        };
        let usual = self.bytes_of_a_row(&plan);
        let bytes = match stays {
            true => 0.0,
            false => experience.bytes(usual, wanted.prompt, wanted.tokens_max),
        };
        Ok(Expected { plan: plan.to_string(), prediction: None, took, bytes, stays })
    }

    /// How long a reply is expected to be.
    fn reply_tokens(&self, wanted: Wanted) -> u32 {
        self.config.planner.reply_tokens.min(wanted.tokens_max).max(1)
    }

    /// What a row takes on the wire: an id, or a hidden state at each split point.
    fn bytes_of_a_row(&self, plan: &Plan) -> f64 {
        let width = self.models.target.as_ref().map_or(0, |target| target.config().width);
        let hops = plan.stages_ahead().iter().filter(|stage| !stage.embedding).count();
        #[expect(clippy::cast_precision_loss, reason = "widths and hops are small")]
        let hidden = (hops * width * size_of::<f32>()) as f64;
        IDS_BYTES + hidden
    }

    fn predict_request(&mut self, wanted: Wanted, request: &PlanRequest) -> Option<Prediction> {
        let mut situation = self.measured_situation(wanted)?;
        situation.demand.unvouched = true;
        let costs = Costs::new(&situation).ok()?;
        predicted(&costs, request)
    }

    fn predict(&mut self, wanted: Wanted, candidate: &Candidate) -> Option<Prediction> {
        let mut situation = self.measured_situation(wanted)?;
        situation.demand.unvouched = true;
        Costs::new(&situation).ok()?.predict(candidate).ok()
    }

    /// What plans are a function of; `None` where the device was never measured.
    fn measured_situation(&mut self, wanted: Wanted) -> Option<partitioner::Situation> {
        self.config.measured.as_ref()?;
        Some(self.situation(wanted.prompt, self.reply_tokens(wanted), wanted.class))
    }

    fn priced(&self, expected: Expected, wanted: Wanted, tariff: Tariff) -> Foreseen {
        let Expected { plan, prediction, took, bytes, stays } = expected;
        let peers = prediction.as_ref().map_or(0.0, |found| self.peers_charge(found, wanted));
        let tariff = tariff.with_peers(peers);
        let reserve = match stays {
            true => Amount::default(),
            false => {
                let (prompt, reply) = (wanted.prompt as u64, u64::from(wanted.tokens_max));
                tariff.amount(with_margin(bytes), prompt, reply)
            }
        };
        let forecast = Forecast {
            took,
            money_micros: reserve.money_micro,
            metered_bytes: reserve.metered_bytes,
            stays,
        };
        Foreseen {
            hybrid: Hybrid::Planned(forecast),
            plan: Some(plan),
            prediction,
            reserve,
            tariff,
        }
    }

    /// Millionths of money that peers charge for a token: what the planner expects beside the price of bytes.
    fn peers_charge(&self, prediction: &Prediction, wanted: Wanted) -> f64 {
        let per_byte = self.config.link.price_per_gigabyte.unwrap_or(0.0) / 1e9;
        let compute = prediction.money - prediction.metered_bytes * per_byte;
        compute.max(0.0) * 1e6 / f64::from(self.reply_tokens(wanted))
    }
}

/// By the planner, whose times are of a reply of the usual length.
fn expected(plan: String, prediction: Prediction, wanted: Wanted, stays: bool) -> Expected {
    let token = prediction.token_bytes_up + prediction.token_bytes_down;
    let prompt = prediction.prompt_bytes_up + prediction.prompt_bytes_down;
    let bytes = prompt + f64::from(wanted.tokens_max) * token;
    let took = reply_time(&prediction);
    Expected { plan, prediction: Some(prediction), took, bytes, stays }
}

fn reply_time(prediction: &Prediction) -> Duration {
    Duration::try_from_secs_f64(prediction.reply_ms / 1e3).unwrap_or(Duration::MAX)
}
