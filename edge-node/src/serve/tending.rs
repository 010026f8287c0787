//! What is done between requests: what waits is sent when the target is there, and links are watched.

use crate::assistant::Assistant;
use crate::serve::answerer::Answerer;
use crate::serve::house::House;
use crate::serve::phase::Phase;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;
use transport::{Uplink, UplinkState};

/// After a journal that failed, and where nothing waits, so long passes.
const PERIOD: Duration = Duration::from_secs(1);

/// Goes on for as long as what is returned lives.
pub(super) fn begin(house: &Arc<House>) -> Vec<AbortOnDropHandle<()>> {
    let Phase::Serving(staff) = house.phase.borrow().clone() else { return Vec::new() };
    let links = staff.device().uplinks.each();
    let mut tasks: Vec<_> =
        links.map(|(_, uplink)| spawn(watch(Arc::clone(house), Arc::clone(uplink)))).collect();
    match staff.another() {
        Ok(Answerer::Assistant(assistant)) => {
            tasks.push(spawn(tend(Arc::clone(house), *assistant)));
        }
        Ok(Answerer::Device(_)) => {}
        Err(error) => tracing::error!(%error, "what waits is not sent"),
    }
    tasks
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
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

/// Sends what waits, whenever it can be sent.
async fn tend(house: Arc<House>, mut assistant: Assistant<crate::acting::Hands>) {
    loop {
        let pause = match assistant.tend(house.ending()).await {
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
                // A request that is put off meanwhile is not to wait for an hour.
                assistant.next_tending().ok().flatten().map_or(PERIOD, |next| next.min(PERIOD))
            }
            Err(error) => {
                tracing::error!(error = settings::chain(&error), "what waits cannot be sent");
                PERIOD
            }
        };
        tokio::time::sleep(pause).await;
    }
}
