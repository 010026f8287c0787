//! What is done between requests: what waits is sent when the target is there, and links are watched.
//!
//! What is sent is paid for when its answer is settled, so that nothing of this is ended from outside.

use crate::assistant::Assistant;
use crate::compute::compute;
use crate::serve::answerer::Answerer;
use crate::serve::house::House;
use crate::serve::phase::Phase;
use crate::serve::staff::Staff;
use runtime::free_memory::{self, Crowd};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use transport::{Uplink, UplinkState, clock};

/// From one look at what waits to the next: links come back at any time, and requests are put off at any time.
const PERIOD: Duration = Duration::from_secs(1);

/// Goes on until the house ends.
pub(super) fn begin(house: &Arc<House>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let Phase::Serving(staff) = house.phase.borrow().clone() else { return tasks };
    for (_, uplink) in staff.device().uplinks.each() {
        let watched = watch(Arc::clone(house), Arc::clone(uplink));
        let ending = house.ending().clone();
        tasks.spawn(async move { ending.run_until_cancelled(watched).await.unwrap_or_default() });
    }
    tasks.spawn(relieve(Arc::clone(house), Arc::clone(&staff)));
    match staff.another() {
        Ok(Answerer::Assistant(assistant)) => {
            tasks.spawn(tend(Arc::clone(house), *assistant));
        }
        Ok(Answerer::Device(_)) => {}
        Err(error) => tracing::error!(%error, "what waits is not sent"),
    }
    tasks
}

/// Records when a link comes and goes.
async fn watch(house: Arc<House>, uplink: Arc<Uplink>) {
    let (mut states, peer) = (uplink.watch(), &uplink.peer().name);
    let mut was_up = uplink.is_up();
    while states.changed().await.is_ok() {
        let state = states.borrow_and_update().clone();
        match state {
            UplinkState::Up(..) if !was_up => {
                was_up = true;
                house.chronicle.note("link-up", format!("{peer} is reached"));
            }
            UplinkState::Down(why) | UplinkState::Trying(why) if was_up => {
                was_up = false;
                house.chronicle.note("link-down", format!("{peer}: {}", settings::chain(&*why)));
            }
            UplinkState::Up(..)
            | UplinkState::Dialling
            | UplinkState::Down(_)
            | UplinkState::Trying(_) => {}
        }
    }
}

/// Lets go of memory that a crowd has left.
async fn relieve(house: Arc<House>, staff: Arc<Staff>) {
    let (ending, mut crowd) = (house.ending(), Crowd::default());
    while ending.run_until_cancelled(tokio::time::sleep(PERIOD)).await.is_some() {
        let now = clock::now();
        staff.relieve(now);
        let (running, _) = house.door.load();
        if crowd.has_gone(now, running) {
            compute(free_memory::give_back);
        }
    }
}

/// Sends what waits, whenever it can be sent.
async fn tend(house: Arc<House>, mut assistant: Assistant<crate::acting::Hands>) {
    while !house.ending().is_cancelled() {
        match assistant.tend(house.ending()).await {
            Ok(tended) => {
                for (id, _, _) in &tended.answered {
                    house
                        .chronicle
                        .note("answered", format!("the request {id} that waited is answered"));
                }
                for (id, why) in &tended.refused {
                    house
                        .chronicle
                        .note("given-up", format!("the request {id} that waited: {why}"));
                }
            }
            Err(error) => {
                tracing::error!(error = settings::chain(&error), "what waits cannot be sent");
            }
        }
        house.ending().run_until_cancelled(tokio::time::sleep(PERIOD)).await;
    }
}
