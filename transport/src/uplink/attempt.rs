//! One dial, from the name of the peer to its welcome.

use super::{Uplink, UplinkError, socket_for};
use crate::{ControlChannel, Link};
use protocol::{Message, Welcome, accept_welcome};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A link whose peer has said welcome.
pub(super) type Welcomed = (ControlChannel, Welcome);

/// Withdraws what a dial offered when it is over without a link, or is given up.
struct Offer {
    uplink: Arc<Uplink>,
    link: Option<Link>,
}

impl Uplink {
    /// Dials and shakes hands, for `limit` at most.
    pub(super) async fn attempt(self: Arc<Self>, limit: Duration) -> Result<Welcomed, UplinkError> {
        let mut offer = Offer { uplink: Arc::clone(&self), link: None };
        let connected = tokio::time::timeout(limit, self.connect(&mut offer)).await;
        let welcomed = connected.unwrap_or_else(|_| Err(self.silent(limit)))?;
        offer.link = None;
        Ok(welcomed)
    }

    /// Says hello with the first packets where it can, and lets sessions open behind the hello.
    async fn connect(&self, offer: &mut Offer) -> Result<Welcomed, UplinkError> {
        let dial = self.dialer.begin(self.resolve().await?, self.peer()).await?;
        let early = match dial.early().cloned() {
            Some(link) => Some(self.hello(&link, offer).await?),
            None => None,
        };
        let (link, was_early) = dial.finish_early().await?;
        let mut control = match early.filter(|_| was_early) {
            Some(control) => control,
            None => self.hello(&link, offer).await?,
        };
        match self.welcomed(&mut control).await {
            Ok(welcome) => Ok((control, welcome)),
            Err(error) => {
                link.close(error.close_code(), &error.to_string());
                Err(error)
            }
        }
    }

    async fn hello(&self, link: &Link, offer: &mut Offer) -> Result<ControlChannel, UplinkError> {
        let mut control = link.control().await.map_err(UplinkError::Ended)?;
        control.send(Message::Hello(self.config.hello.clone())).await?;
        offer.link = Some(link.clone());
        self.carriers.offer(link);
        Ok(control)
    }

    async fn welcomed(&self, control: &mut ControlChannel) -> Result<Welcome, UplinkError> {
        let peer = self.peer();
        let answer = control.recv().await?;
        if let Message::Fault(fault) = answer {
            return Err(UplinkError::Refused { peer: peer.clone(), fault });
        }
        let Message::Welcome(welcome) = answer else {
            return Err(UplinkError::NoWelcome(answer.kind()));
        };
        let certified = (peer.role, &peer.name);
        accept_welcome(&self.config.hello, &welcome, certified, self.config.split)
            .map_err(|source| UplinkError::Handshake { peer: peer.clone(), source })?;
        Ok(welcome)
    }

    async fn resolve(&self) -> Result<SocketAddr, UplinkError> {
        let address = || self.address().to_owned();
        let found = tokio::net::lookup_host(self.address()).await;
        let mut found =
            found.map_err(|source| UplinkError::Resolve { address: address(), source })?;
        let ipv6 = socket_for(self.address()).is_ipv6();
        found
            .find(|found| found.is_ipv6() == ipv6)
            .ok_or_else(|| UplinkError::NoAddress { address: address() })
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            self.uplink.carriers.withdraw(link);
        }
    }
}
