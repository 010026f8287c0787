//! How a request ends: the peer is told, and what was said becomes a reply.

use super::TurnLoop;
use super::budget::ByteBudget;
use crate::reply::{Reply, Usage};
use protocol::{FinishReason, Message};

impl TurnLoop<'_> {
    /// Tells the peer that this was all; KV is kept there where the conversation goes on.
    pub(super) async fn leave(&mut self) {
        self.give_up_next();
        let Some(mut session) = self.course.session.take() else { return };
        // What goes before an answer goes as early data, where a Close has no place.
        if !self.course.is_open() {
            return;
        }
        while let Some(message) = self.drafter.poll_transmit() {
            if session.send(message, self.drafter.log().tokens()).await.is_err() {
                return;
            }
        }
        let close = async {
            if !self.request.keep {
                session.send(Message::Close(protocol::Close {}), &[]).await?;
            }
            session.finish().await
        };
        // A peer that is lost just now needs no goodbye.
        let _ = tokio::time::timeout(self.device.config.link.silence_min(), close).await;
    }

    pub(super) fn reply(&mut self, reason: FinishReason, cancelled: bool) -> Reply {
        let rest = self.transcript.finish();
        self.show.piece(&rest, self.drafter.log().verified().ends_with(&[true]));
        let tokens = self.transcript.tokens();
        let verified = &self.drafter.log().verified()[..tokens.len()];
        let (counts, traffic) = (self.drafter.counts(), self.crossing.so_far());
        let rtt_ms = self.course.uplink().map_or(0.0, |uplink| uplink.estimate().rtt_ms.mean);
        let spent = self.spending.end(self.device, traffic, (counts.rounds, rtt_ms));
        let mut usage = Usage::of(&self.transcript, self.prompt.len(), counts, traffic, spent);
        usage.judged = self.judged.said;
        usage.agreed = self.judged.agreed;
        usage.revised = self.judged.revised;
        usage.rounded = self.switches.rounded().map(|hop| self.device.certified(hop)).collect();
        let latencies = self.transcript.latencies();
        let switches = self.switches.made().iter().cloned();
        Reply {
            text: self.transcript.text().to_owned(),
            tokens: tokens.iter().map(|token| token.0).collect(),
            verified: verified.to_vec(),
            finish_reason: match reason {
                FinishReason::Length => "length",
                FinishReason::Stopped if self.budget.as_ref().is_some_and(ByteBudget::is_spent) => {
                    "budget"
                }
                FinishReason::Stopped if cancelled && !self.transcript.is_stopped() => "cancelled",
                FinishReason::End | FinishReason::Stopped | FinishReason::Rejected => "stop",
            },
            plan: self.switches.first_plan().to_owned(),
            stays: self.stays,
            switches: switches.map(|switched| switched.paused(&latencies)).collect(),
            paced: !self.device.config.engine.pace.is_none(),
            emulated_link: self.device.config.network.emulated().map(str::to_owned),
            usage,
        }
    }
}
