//! What carries an uplink's sessions: the link that is up, or the one that is being dialled with early
//! data. And what its users are told.
//!
//! # Invariants
//!
//! - **At most one carrier at a time.** The sessions of the one before end before a new one is told of:
//!   who is woken by the news finds its old session over.

use super::{UplinkError, UplinkState};
use crate::{Link, Traffic};
use protocol::Welcome;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The present carrier, and the state of the link.
#[derive(Debug)]
pub(super) struct Carriers {
    state: watch::Sender<UplinkState>,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    carrier: Option<Carrier>,
    /// The connection that the link's health is about, silent or not.
    link: Option<Link>,
    /// Of the connections before that.
    traffic_before: Traffic,
}

#[derive(Debug)]
struct Carrier {
    link: Link,
    /// Dropped with the carrier: then its sessions are over.
    life: watch::Sender<()>,
    heard: Arc<Notify>,
}

/// What ties a session to its carrier.
#[derive(Debug)]
pub(super) struct Carried {
    /// Its other end is dropped with the carrier.
    pub(super) life: watch::Receiver<()>,
    /// To be told when the peer says something.
    pub(super) heard: Arc<Notify>,
}

impl Carriers {
    pub(super) fn new() -> Self {
        Self { state: watch::Sender::new(UplinkState::Dialling), present: Mutex::default() }
    }

    pub(super) fn watch(&self) -> watch::Receiver<UplinkState> {
        self.state.subscribe()
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(&*self.state.borrow(), UplinkState::Up(..))
    }

    /// The link that is up.
    pub(super) fn link(&self) -> Option<Link> {
        match &*self.state.borrow() {
            UplinkState::Up(link, _) => Some(link.clone()),
            UplinkState::Dialling | UplinkState::Trying(_) | UplinkState::Down(_) => None,
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let present = self.present();
        let now = present.link.as_ref().map(Link::traffic).unwrap_or_default();
        present.traffic_before + now
    }

    /// A place for one more session, where there is a carrier.
    pub(super) fn carry(&self) -> Option<(Link, Carried)> {
        let present = self.present();
        let Carrier { link, life, heard } = present.carrier.as_ref()?;
        Some((link.clone(), Carried { life: life.subscribe(), heard: Arc::clone(heard) }))
    }

    /// A dial is under way, and this link takes what goes with its first packets. Of no consequence
    /// where another is up, or where none ever was.
    pub(super) fn offer(&self, link: &Link) {
        let mut present = self.present();
        let why = match &*self.state.borrow() {
            UplinkState::Trying(why) | UplinkState::Down(why) => Arc::clone(why),
            UplinkState::Dialling | UplinkState::Up(..) => return,
        };
        present.carrier = Some(Carrier::new(link));
        self.state.send_replace(UplinkState::Trying(why));
    }

    /// This dial has come to nothing: its sessions are over.
    pub(super) fn withdraw(&self, link: &Link) {
        let mut present = self.present();
        let why = match &*self.state.borrow() {
            UplinkState::Trying(why) => Arc::clone(why),
            UplinkState::Dialling | UplinkState::Up(..) | UplinkState::Down(_) => return,
        };
        if present.carrier.take_if(|carrier| carrier.link.is(link)).is_some() {
            self.state.send_replace(UplinkState::Down(why));
        }
    }

    /// The link is up; gives what tells that one of its sessions heard the peer.
    pub(super) fn up(&self, link: &Link, welcome: Arc<Welcome>) -> Arc<Notify> {
        let mut present = self.present();
        present.count(Some(link.clone()));
        if !present.carrier.as_ref().is_some_and(|carrier| carrier.link.is(link)) {
            present.carrier = Some(Carrier::new(link));
        }
        let heard = present.carrier.as_ref().map(|carrier| Arc::clone(&carrier.heard));
        self.state.send_replace(UplinkState::Up(link.clone(), welcome));
        heard.expect("it was just put there")
    }

    /// There is none, and this is why.
    pub(super) fn down(&self, why: UplinkError) {
        tracing::warn!(error = &why as &dyn Error, "no link");
        let mut present = self.present();
        present.carrier = None;
        self.state.send_replace(UplinkState::Down(Arc::new(why)));
    }

    /// A dial failed: that is why there is none, unless another one is further.
    pub(super) fn failed(&self, why: UplinkError) {
        let present = self.present();
        match &*self.state.borrow() {
            UplinkState::Dialling => tracing::warn!(error = &why as &dyn Error, "no link"),
            // That there is none has been said, and dials are many.
            UplinkState::Down(_) => tracing::debug!(error = &why as &dyn Error, "still no link"),
            UplinkState::Up(..) | UplinkState::Trying(_) => {
                tracing::debug!(error = &why as &dyn Error, "a dial failed");
                return;
            }
        }
        self.state.send_replace(UplinkState::Down(Arc::new(why)));
        drop(present);
    }

    /// The connection that the link's health was about is no more.
    pub(super) fn gone(&self) {
        self.present().count(None);
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Present {
    /// From now on what crosses `link` counts too.
    fn count(&mut self, link: Option<Link>) {
        if let (Some(before), Some(next)) = (&self.link, &link)
            && before.is(next)
        {
            return;
        }
        if let Some(before) = std::mem::replace(&mut self.link, link) {
            self.traffic_before = self.traffic_before + before.traffic();
        }
    }
}

impl Carrier {
    fn new(link: &Link) -> Self {
        Self { link: link.clone(), life: watch::Sender::new(()), heard: Arc::default() }
    }
}
