//! Whether a plan takes a text no further than it may go.
//!
//! A text of class *site* may be read by the gateways of the site. Clouds get hidden states of its middle layers at
//! most, with [other ids](protocol::Veil) in the place of its tokens: embedding and head are before and behind them.

use crate::device::Device;
use crate::start_error::StartError;
use base::{NodeName, Privacy, Role};
use partitioner::{Plan, Stage};
use protocol::SessionId;

impl Device {
    /// Whether `plan` is for a text of `class`.
    ///
    /// # Errors
    ///
    /// [`StartError::Privacy`] names the first node that would read more than it may.
    pub(crate) fn may_carry(&self, plan: &Plan, class: Privacy) -> Result<(), StartError> {
        for Stage { node, layers, embedding, head, .. } in plan.remote_stages() {
            let role = self.role_of(node);
            let reads = *embedding || *head || layers.start() == 0;
            if !class.allows_stage(role, reads) {
                return Err(StartError::Privacy { class, node: node.clone(), role });
            }
        }
        Ok(())
    }

    /// Whether nodes of `plan` know a text of `class` by other ids than the device.
    pub(crate) fn is_veiled(&self, plan: &Plan, class: Privacy) -> bool {
        plan.remote_stages().iter().any(|stage| !class.allows(self.role_of(&stage.node)))
    }

    /// What chooses the ids of a session's tokens that the first node of `plan` beyond the device gets, where
    /// that may not have them themselves.
    pub(crate) fn veil_secret(&self, plan: &Plan, class: Privacy) -> Option<VeilSecret> {
        let first = plan.remote_stages().first()?;
        let may_read = class.allows(self.role_of(&first.node));
        (!may_read).then_some(VeilSecret(self.secret))
    }

    /// The tier of a node. One that nobody has told of may be anywhere.
    pub(crate) fn role_of(&self, name: &NodeName) -> Role {
        let peers = self.config.peers.iter().map(|address| &address.peer);
        match peers.into_iter().find(|peer| peer.name == *name) {
            Some(peer) => peer.role,
            None => Role::Cloud,
        }
    }
}

/// What only this process knows.
#[derive(Clone, Copy)]
pub(crate) struct VeilSecret([u8; 32]);

impl VeilSecret {
    /// Of one session: no two have the same ids.
    pub(crate) fn of(&self, session: SessionId) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, &session.0).as_bytes()
    }
}

/// Says nothing of it.
impl std::fmt::Debug for VeilSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VeilSecret")
    }
}
