//! Those who answer, once the device has started: one a reply at a time, each with KV of its own, which it keeps
//! for what is said next.

use crate::config::{Config, Generation};
use crate::device::Device;
use crate::serve::answerer::Answerer;
use crate::serve::embeddings::Embeddings;
use crate::start_error::StartError;
use base::{Privacy, TokenId};
use openai::{ApiError, Model, Route};
use partitioner::Mode;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use transport::clock;

/// What any request may call the model.
const ANY: &str = "causeway";

/// So many stay who are free, however long: the conversations of a few people.
const KEPT: usize = 8;

/// Others do for so long, which is from one wave of requests to the next.
const FREE_MAX: Duration = Duration::from_secs(30);

/// Those who answer.
pub(super) struct Staff {
    /// The first, of whom the others are forks; it answers nobody itself.
    root: Answerer,
    /// In the order in which they were last used, and since when they are free.
    free: Mutex<Vec<(Answerer, Instant)>>,
    model: Model,
    /// Where a model for them is configured.
    embeddings: Option<Embeddings>,
}

impl Staff {
    /// With `root` as the first, from `created` on, in seconds since 1970.
    pub(super) fn new(root: Answerer, embeddings: Option<Embeddings>, created: u64) -> Self {
        let id = model_id(&root.device().config);
        Self { root, free: Mutex::default(), model: Model { id, created }, embeddings }
    }

    /// What makes embeddings, where something does.
    pub(super) const fn embeddings(&self) -> Option<&Embeddings> {
        self.embeddings.as_ref()
    }

    /// The one who knows most of `prompt`, else a new one. Whoever has a turn finds one.
    pub(super) fn take(&self, prompt: &[TokenId]) -> Result<Answerer, StartError> {
        let known = |(answerer, _): &(Answerer, Instant)| {
            let said = &answerer.device().said;
            said.iter().zip(prompt).take_while(|(a, b)| a == b).count()
        };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let best = (0..free.len()).max_by_key(|index| known(&free[*index]));
        if let Some(best) = best {
            return Ok(free.remove(best).0);
        }
        drop(free);
        self.root.fork()
    }

    /// Whoever has answered is free again.
    pub(super) fn give_back(&self, answerer: Answerer) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push((answerer, clock::now()));
    }

    /// Lets go of those who have been free for long, with the memory of what they know: but not of the few who were
    /// used last.
    pub(super) fn relieve(&self, now: Instant) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let beyond = free.len().saturating_sub(KEPT);
        let over = free[..beyond].iter().take_while(|(_, since)| now - *since >= FREE_MAX).count();
        let gone: Vec<_> = free.drain(..over).collect();
        // What takes its time keeps nobody from being taken.
        drop(free);
        drop(gone);
    }

    /// One more, for what is done between requests.
    pub(super) fn another(&self) -> Result<Answerer, StartError> {
        self.root.fork()
    }

    /// The device that all of them are.
    pub(super) fn device(&self) -> &Device {
        self.root.device()
    }

    /// Whether requests may say which way they go.
    pub(super) const fn routes(&self) -> bool {
        self.root.routes()
    }

    /// Who answers, for clients.
    pub(super) const fn model(&self) -> &Model {
        &self.model
    }

    /// Whether `model` is the one that answers.
    pub(super) fn answers_as(&self, model: &str) -> Result<(), ApiError> {
        match model == ANY || model == self.model.id {
            true => Ok(()),
            false => Err(ApiError::model_not_found(model, &self.model.id)),
        }
    }

    /// Whether a model on the device decides what is said in answer to a text of `class`.
    fn decides_here(&self, class: Privacy) -> bool {
        let plan = &self.device().config.plan;
        let is_local = plan.mode == Mode::Local && !plan.auto && plan.switches.is_empty();
        class == Privacy::Device || is_local
    }

    /// Which way a text of `class` goes, and how, where that is known beforehand: without routing, and where plans are
    /// the configuration's.
    pub(super) fn foreseen(&self, class: Privacy) -> Option<(Route, Option<String>)> {
        if self.routes() {
            return None;
        }
        if self.decides_here(class) {
            return Some((Route::Local, None));
        }
        let is_found = self.device().config.plan.auto;
        let plan = self.device().plan().ok().flatten().filter(|_| !is_found);
        Some((Route::Hybrid, plan.map(|plan| plan.to_string())))
    }

    /// Which way requests go that are not begun.
    pub(super) fn usual_route(&self) -> Route {
        self.foreseen(self.privacy()).map_or(Route::Hybrid, |(route, _)| route)
    }

    /// How replies are generated, unless a request says otherwise.
    pub(super) fn generation(&self) -> &Generation {
        &self.device().config.generation
    }

    /// How far texts may travel at most.
    pub(super) fn privacy(&self) -> Privacy {
        self.device().config.planner.privacy
    }
}

/// What the model that decides is called: as its file, without what every such file ends in.
fn model_id(config: &Config) -> String {
    let path = config.models.target.as_deref().or(config.models.draft.as_deref());
    let name = path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| ANY.to_owned());
    name.strip_suffix(".gguf").map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeSettings;
    use crate::serve::tests::{config, served_by};
    use settings::Pace;

    #[tokio::test(start_paused = true)]
    async fn a_wave_of_requests_leaves_a_few_who_are_free() {
        let (_, house) = served_by(config(Pace::default(), ServeSettings::default())).await;
        let staff = house.staff().unwrap();
        let wave: Vec<_> = (0..=KEPT).map(|_| staff.take(&[]).unwrap()).collect();
        wave.into_iter().for_each(|answerer| staff.give_back(answerer));
        let free = || staff.free.lock().unwrap().len();
        let given = clock::now();
        staff.relieve(given + FREE_MAX - Duration::from_millis(1));
        assert_eq!(free(), KEPT + 1, "the next wave may come");
        staff.relieve(given + FREE_MAX);
        assert_eq!(free(), KEPT);
        staff.relieve(given + 100 * FREE_MAX);
        assert_eq!(free(), KEPT);
    }
}
