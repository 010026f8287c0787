//! A long prompt's KV in the device's own layers of the target, before the request begins: a peer that reads
//! a thousand tokens in the time in which the device reads ten computes it too, and it comes over the link.
//!
//! ```text
//!   blocks   0 1 2 3 4 5 6 7 8 9
//!            ▶▶▶▶▶▶▶▶│◀◀◀◀◀◀◀◀◀◀
//!            device   peer, the last block first
//! ```
//!
//! # Invariants
//!
//! - **It only ever saves time**: what does not come, the request computes as if nobody had been asked.
//! - With exact segments no bit differs from what the device would have computed.

use crate::compute::compute;
use crate::config::Prefill;
use crate::device::Device;
use crate::generate::GenerateError;
use crate::prompt::Travelling;
use crate::request::Request;
use crate::segments::{Bringing, Brought, Reading};
use crate::sequence::StageSequence;
use base::{LayerRange, NodeName, Position, Privacy, TokenId, WireCodec};
use partitioner::{Meeting, Mode, Plan, Stage, held_back_s};
use protocol::{Epoch, Open, PlannedStage, SessionId};
use runtime::{BLOCK_SLOTS, Segment};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use transport::{Uplink, clock};

/// What became of a prompt before its request began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Prefilled {
    /// Leading tokens whose KV a peer has in all layers, and the device in its own.
    pub(crate) told: usize,
    /// Tokens whose KV came over the link.
    pub(crate) brought: usize,
}

/// Who is asked for what.
struct Offer {
    uplink: Arc<Uplink>,
    reading: Reading,
    /// By block, the last one first.
    wanted: Vec<(usize, Segment)>,
    meeting: Meeting,
}

impl Device {
    /// Has a peer compute the KV of the request's prompt in the layers that `plan` gives the device, where
    /// that is set so, and pays.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where the device's own layers cannot be run.
    pub(crate) async fn prefill(
        &mut self,
        (prompt, request): (&Travelling, &Request),
        plan: &Plan,
        cancel: &CancellationToken,
    ) -> Result<Prefilled, GenerateError> {
        let whole = prompt.len() / BLOCK_SLOTS * BLOCK_SLOTS;
        let text = &prompt.tokens()[..whole];
        let how = self.config.segments.prefill;
        let Some(offer) = self.offer(request, (plan, prompt.class()), text) else {
            return Ok(Prefilled::default());
        };
        if how == Prefill::Auto && !offer.meeting.pays() {
            return Ok(Prefilled::default());
        }
        let is_told = is_exact(plan) && !self.is_veiled(plan, prompt.class());
        let Offer { uplink, reading, wanted, .. } = offer;
        let bringing = Bringing::begin(uplink, Some(reading), &wanted);
        let Some(sequence) = self.own_layers(plan) else { return Ok(Prefilled::default()) };
        let mut meeting = Meet { sequence, bringing, text, wanted, brought: 0 };
        match how {
            Prefill::Auto | Prefill::Both => meeting.meet(cancel).await?,
            Prefill::Peer => meeting.wait_for_all(cancel).await,
            Prefill::Device => {}
        }
        let held = meeting.sequence.adopt(text);
        let told = if held == whole && is_told { whole } else { 0 };
        Ok(Prefilled { told, brought: meeting.brought })
    }

    /// Who could be asked for what the device lacks; `None` where nobody can.
    fn offer(
        &mut self,
        request: &Request,
        (plan, class): (&Plan, Privacy),
        text: &[TokenId],
    ) -> Option<Offer> {
        if !self.config.brings_prompts() {
            return None;
        }
        let uplink = self.reader(plan, class)?;
        let stage = whole_target(&uplink)?;
        let format = self.config.segments.format;
        let mut wanted = self.own_layers(plan)?.lacking(text, format);
        wanted.reverse();
        if wanted.len() < Meeting::BLOCKS_MIN {
            return None;
        }
        let meeting = self.meeting(&uplink, plan, &wanted, text.len())?;
        let open = self.open_for_reading(request, class, stage, text.len());
        Some(Offer { uplink, reading: Reading::new(open, text), wanted, meeting })
    }

    /// The peer that reads prompts for the device, where it is there and the text may reach it.
    fn reader(&self, plan: &Plan, class: Privacy) -> Option<Arc<Uplink>> {
        let named = self.config.segments.from.as_ref();
        // Where plans are found, any that has all of the target: the planner counted on one.
        let any = || {
            let auto = self.config.plan.auto.then_some(&self.config.peers).into_iter().flatten();
            let whole = |name: &&NodeName| {
                self.uplinks.to(name).is_some_and(|uplink| whole_target(&uplink).is_some())
            };
            auto.map(|address| &address.peer.name).find(whole)
        };
        let name = match plan.mode() {
            Mode::Split => plan.reader()?,
            Mode::Local | Mode::Remote | Mode::Speculative => named.or_else(any)?,
        };
        let uplink = self.uplinks.to(name)?;
        (uplink.is_up() && class.allows(uplink.peer().role)).then_some(uplink)
    }

    /// The KV of the layers that `plan` gives the device, where these are the target's.
    pub(crate) fn own_layers(&mut self, plan: &Plan) -> Option<&mut StageSequence> {
        match plan.mode() {
            Mode::Local if plan.is_target_alone() => {
                self.target.as_mut().map(|target| target.sequence_mut())
            }
            Mode::Split => {
                let layers = plan.device_stage()?.layers.end();
                self.stages.get_mut(&layers).map(|stage| stage.sequence_mut())
            }
            Mode::Local | Mode::Remote | Mode::Speculative => None,
        }
    }

    /// What bringing `wanted` into the layers that `plan` gives the device would take, where the peer has
    /// `unread` tokens to read first; as far as that is known: what is not takes no time.
    pub(crate) fn meeting(
        &mut self,
        uplink: &Uplink,
        plan: &Plan,
        wanted: &[(usize, Segment)],
        unread: usize,
    ) -> Option<Meeting> {
        let pace = self.config.engine.pace;
        let sequence = self.own_layers(plan)?;
        let (layers, all) = sequence.layers();
        let paced_s = pace.pass(BLOCK_SLOTS, layers, all).as_secs_f64();
        let row_s = sequence.row_time().map_or(0.0, |row| row.as_secs_f64());
        let link = uplink.estimate();
        let bytes = wanted.first().map_or(0, |(_, segment)| segment.usual_size());
        #[expect(clippy::cast_precision_loss, reason = "sizes and rows are far below 2^52")]
        let (bits, unread, slots) = (bytes as f64 * 8.0, unread as f64, BLOCK_SLOTS as f64);
        let (rtt_s, bits_per_s) = (link.rtt_ms.mean / 1e3, (link.down_mbps.mean * 1e6).max(1.0));
        // The session is opened, the text read, and the first segment asked for.
        let delay_s = 3.0 * rtt_s + unread * peers_row_s(uplink);
        Some(Meeting {
            blocks: wanted.len(),
            computed_s: paced_s.max(row_s * slots),
            brought_s: bits / bits_per_s,
            delay_s: delay_s + held_back_s(rtt_s, bits_per_s / 8.0),
        })
    }

    fn open_for_reading(
        &self,
        request: &Request,
        class: Privacy,
        stage: PlannedStage,
        length: usize,
    ) -> Open {
        Open {
            session: SessionId(self.config.network.random()),
            epoch: Epoch(1),
            have: Position(0),
            sampling: request.sampling,
            stages: vec![stage],
            end_tokens: Vec::new(),
            positions_max: Position::after(length).0,
            kv: self.config.kv.target,
            stream: None,
            tenant: None,
            lineage: None,
            class,
            constraint: None,
            likelihoods: None,
            trace: request.trace,
        }
    }
}

/// A prompt of whole blocks that two compute.
struct Meet<'a> {
    sequence: &'a mut StageSequence,
    bringing: Bringing,
    text: &'a [TokenId],
    /// What is brought, by block, the last one first.
    wanted: Vec<(usize, Segment)>,
    /// Tokens.
    brought: usize,
}

impl Meet<'_> {
    /// Until all is there, or nothing more comes.
    async fn wait_for_all(&mut self, cancel: &CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                next = self.bringing.next() => next,
            };
            match next {
                Some(brought) => self.take(&[brought]),
                None => return,
            }
        }
    }

    /// Until both ends meet, or nothing more comes.
    async fn meet(&mut self, cancel: &CancellationToken) -> Result<(), GenerateError> {
        loop {
            let come: Vec<_> = self.bringing.come().collect();
            self.take(&come);
            let held = self.sequence.adopt(self.text);
            if held == self.text.len() || self.bringing.is_over() || cancel.is_cancelled() {
                return Ok(());
            }
            let (sequence, text) = (&mut *self.sequence, self.text);
            compute(|| sequence.advance(text, BLOCK_SLOTS))?;
            let until = clock::now() + self.sequence.take_owed();
            self.take_until(held / BLOCK_SLOTS, until, cancel).await;
        }
    }

    /// Takes what comes while the device is busy with `block`; no longer than until that and all behind it
    /// have come.
    async fn take_until(&mut self, block: usize, until: Instant, cancel: &CancellationToken) {
        // The ends are looked at even where the device is never busy.
        tokio::task::yield_now().await;
        while !self.has_all_from(block) {
            let next = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                () = clock::reached(Some((until, ()))) => return,
                next = self.bringing.next() => next,
            };
            match next {
                Some(brought) => self.take(&[brought]),
                None => return clock::reached(Some((until, ()))).await,
            }
        }
    }

    /// Whether everything from `block` on has come.
    fn has_all_from(&self, block: usize) -> bool {
        let mut behind = self.wanted.iter().take_while(|(number, _)| *number >= block);
        behind.all(|(_, segment)| self.sequence.has(segment))
    }

    fn take(&mut self, brought: &[Brought]) {
        self.brought += self.sequence.take_all(brought) * BLOCK_SLOTS;
    }
}

/// Whether hidden states cross all hops of `plan` to its layers as they are: KV behind others is known under
/// another name.
pub(crate) fn is_exact(plan: &Plan) -> bool {
    let is_head_alone = |stage: &Stage| stage.head && stage.layers.is_empty();
    let into_layers = |stage: &&Stage| !stage.embedding && !is_head_alone(stage);
    let hops = plan.stages().iter().filter(into_layers);
    hops.map(|stage| stage.codec).all(|codec| codec == WireCodec::F32)
}

/// The peer as the only stage; `None` where it has not got all of the target.
pub(crate) fn whole_target(uplink: &Uplink) -> Option<PlannedStage> {
    let welcome = uplink.welcome()?;
    (welcome.holds == LayerRange::all(welcome.layers)).then(|| PlannedStage {
        node: welcome.node.clone(),
        layers: welcome.holds,
        embedding: true,
        head: true,
        codec: WireCodec::F32,
        scales: Vec::new(),
    })
}

/// Seconds that the peer takes for a row of a long pass, by what it says of itself; 0 where it says
/// nothing.
fn peers_row_s(uplink: &Uplink) -> f64 {
    const ROWS: f64 = 256.0;
    let welcome = uplink.welcome();
    let reach = welcome.as_ref().and_then(|welcome| welcome.reach.as_ref());
    let target = reach.and_then(|reach| reach.node.target.as_ref());
    target.map_or(0.0, |target| target.times.layers_s(target.layers, ROWS, ROWS) / ROWS)
}

#[cfg(test)]
mod tests;
