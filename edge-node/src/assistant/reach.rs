//! For how long each peer has been out of reach.

use crate::uplinks::Uplinks;
use base::NodeName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use transport::{Uplink, UplinkState, clock};

/// Follows the links of a device.
#[derive(Debug)]
pub(super) struct Reach {
    links: BTreeMap<NodeName, Followed>,
}

#[derive(Debug)]
struct Followed {
    uplink: Arc<Uplink>,
    /// Since when it is down; `None` while it is up. Soon after its state has changed.
    down: watch::Receiver<Option<Instant>>,
    _task: AbortOnDropHandle<()>,
}

impl Reach {
    /// Of `uplinks`, from now on.
    pub(super) fn of(uplinks: &Uplinks) -> Self {
        let follow = |(name, uplink): (&NodeName, &_)| (name.clone(), follow(uplink));
        Self { links: uplinks.each().map(follow).collect() }
    }

    /// For how long `name` has been out of reach; `None` where it is not, or is nobody.
    pub(super) fn down_for(&self, name: &NodeName) -> Option<Duration> {
        let Followed { uplink, down, .. } = self.links.get(name)?;
        let since = down.borrow().unwrap_or_else(clock::now);
        (!uplink.is_up()).then(|| clock::now().saturating_duration_since(since))
    }

    /// Asks those of the peers that `named` names whether they are there; all, where it names nobody.
    pub(super) async fn probe(&self, named: Option<&NodeName>) {
        let asked = self.links.iter().filter(|(name, _)| named.is_none_or(|named| named == *name));
        let mut asking = JoinSet::new();
        for (_, Followed { uplink, .. }) in asked {
            let uplink = Arc::clone(uplink);
            asking.spawn(async move { uplink.probe().await });
        }
        asking.join_all().await;
    }

    /// For how long all have been; `None` where one is there, or there are none.
    pub(super) fn all_down_for(&self) -> Option<Duration> {
        let each = self.links.keys().map(|name| self.down_for(name));
        each.collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}

fn follow(uplink: &Arc<Uplink>) -> Followed {
    let mut states = uplink.watch();
    let first = down_since(&states.borrow(), None);
    let (tell, down) = watch::channel(first);
    let task = tokio::spawn(async move {
        while states.changed().await.is_ok() {
            let state = states.borrow_and_update().clone();
            tell.send_modify(|down| *down = down_since(&state, *down));
        }
    });
    let uplink = Arc::clone(uplink);
    Followed { uplink, down, _task: AbortOnDropHandle::new(task) }
}

/// Since when a link is down that was so since `before`.
fn down_since(state: &UplinkState, before: Option<Instant>) -> Option<Instant> {
    match state {
        UplinkState::Up(..) => None,
        UplinkState::Dialling | UplinkState::Trying(_) | UplinkState::Down(_) => {
            Some(before.unwrap_or_else(clock::now))
        }
    }
}
