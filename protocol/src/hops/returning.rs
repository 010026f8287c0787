//! Chains whose head is below: they turn at the last layer, or have turned above.

use super::{Hops, Side, State};
use crate::error::PeerMisbehaved;
use crate::{Frame, Kind, Message, Open, Opened, Pass};
use bytes::Bytes;

impl Hops {
    /// From above: a pass on its way back to the head goes down as it is. One of an older epoch is dropped.
    ///
    /// # Errors
    ///
    /// [`PeerMisbehaved::OutOfTurn`] where the head is not below.
    pub fn handle_return(&mut self, pass: Pass, payload: Bytes) -> Result<(), PeerMisbehaved> {
        if self.config.head != Side::Down {
            return Err(PeerMisbehaved::OutOfTurn { kind: Kind::Pass });
        }
        if pass.epoch == self.epoch {
            self.outbox.push_back((Side::Down, Frame { message: Message::Pass(pass), payload }));
        }
        Ok(())
    }

    /// Nobody is above: what is held is what the chain holds.
    pub(super) fn answer_open(&mut self, open: &Open) {
        self.state = State::Open;
        let (epoch, held) = (open.epoch, open.have);
        let prefix = self.held.hash(held.index()).expect("every held prefix has its hash");
        let answer = Opened { epoch, held, prefix, passes: 0 };
        self.send(Side::Down, Message::Opened(answer));
    }

    /// To above, where somebody is there.
    pub(super) fn send_up(&mut self, message: Message) {
        if !self.config.turns() {
            self.send(Side::Up, message);
        }
    }
}
