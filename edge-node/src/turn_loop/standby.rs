//! The whole target on the device keeps up with a text that a peer leads: block by block, as they are full,
//! their KV comes over the link. When the peer is lost the device is the target itself, and has next to
//! nothing to read.

use super::TurnLoop;
use crate::segments::Bringing;
use runtime::BLOCK_SLOTS;

/// What is under way of it.
#[derive(Debug, Default)]
pub(super) struct Standby {
    bringing: Option<Bringing>,
    /// Whole blocks of the text when it was last asked.
    asked: usize,
}

impl TurnLoop<'_> {
    /// Takes what has come, and asks for what is new.
    pub(super) fn keep_up(&mut self) {
        if self.standby.is_none() {
            return;
        }
        let leader = self.leader();
        let Some(standby) = &mut self.standby else { return };
        let Some(target) = &mut self.device.target else { return };
        let sequence = target.sequence_mut();
        if let Some(bringing) = &mut standby.bringing {
            let come: Vec<_> = bringing.come().collect();
            sequence.take_all(&come);
            if !bringing.is_over() {
                return;
            }
            standby.bringing = None;
        }
        // The target has not run the last token yet.
        let log = self.drafter.log().tokens();
        let (text, Some(uplink)) = (&log[..log.len() - 1], leader) else { return };
        let whole = text.len() / BLOCK_SLOTS;
        if whole <= standby.asked {
            return;
        }
        standby.asked = whole;
        let wanted = sequence.lacking(text, self.device.config.segments.format);
        if !wanted.is_empty() {
            standby.bringing = Some(Bringing::begin(uplink, None, &wanted));
        }
    }
}
