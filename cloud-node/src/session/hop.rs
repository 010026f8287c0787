//! Drives a session whose stage is in the middle: layers here, then the rest upstream.
//!
//! While the upstream cannot be reached, the device is told at once and the channel stays: an Open
//! on it tries again. Work that nobody wants any more is given up while it runs, as in `verify.rs`.

use super::home::{self, AtHome};
use super::{Driver, End, Ends, Outcome, Running, Said, Trouble, finish, out_of_turn, said};
use crate::engine::{Done, EngineError, Job, Rows};
use crate::node::Home;
use crate::stages::Accepted;
use bytes::Bytes;
use protocol::error::PeerMisbehaved;
use protocol::limits::HIDDEN_LEN_MAX;
use protocol::{Fault, FaultKind, Frame, HopWork, Hops, Kind, Message, SessionId, Side, Veil};
use runtime::Lineage;
use std::sync::Arc;
use transport::{ChannelError, Uplink, UplinkSession};

/// Until the turn ends. The machine is then without running work, fit for the next turn.
pub(super) async fn drive(
    driver: Driver<'_>,
    hops: &mut Hops,
    Place { home, veil, upstream_id }: Place<'_>,
    ends: &mut Ends,
) -> End {
    let lineage = driver.sequence.options().lineage;
    let lineage = (lineage != Lineage::EXACT).then(|| lineage.to_bytes());
    let home = home.map(AtHome::new);
    let mut flight = Flight { upstream: None, upstream_id, lineage, running: None, home, veil };
    if let Some(upstream) = driver.upstream() {
        flight.upstream = upstream.open_session().await;
    }
    hops.handle_open(driver.open.clone());
    if flight.upstream.is_none() && !driver.accepted.turns() {
        hops.handle_upstream_lost();
    }
    let end = driver.hop(hops, ends, &mut flight).await;
    // Of what is over above, too, nothing is to be held there: a peer below that misbehaved closes nothing itself.
    let over = matches!(end, End::Closed | End::Misbehaved(_));
    if over {
        give_up(hops, &mut flight.running);
    } else if flight.running.is_some() {
        let done = finish(&mut flight.running).await;
        driver.take_output(hops, done);
    }
    if over {
        hops.handle_close();
    }
    if let Some(home) = &mut flight.home {
        home.leave();
    }
    // Nobody is below any more; above should know.
    while let Some((side, frame)) = hops.poll_transmit() {
        if side == Side::Up && over {
            flight.send_up(hops, frame).await;
        }
    }
    end
}

/// What stands behind a session's layers here.
pub(super) struct Place<'a> {
    /// The head, where the chain comes back to it.
    pub(super) home: Option<&'a mut Home>,
    /// Before the upstream, where that may not have the text.
    pub(super) veil: &'a mut Option<Box<Veil>>,
    /// What the upstream knows the session as.
    pub(super) upstream_id: SessionId,
}

/// What a turn has under way.
struct Flight<'a> {
    /// `None` while the upstream is not there.
    upstream: Option<UplinkSession>,
    upstream_id: SessionId,
    /// Of the hidden states that go up.
    lineage: Option<[u8; 32]>,
    running: Option<Running>,
    /// The head, where the chain comes back to it.
    home: Option<AtHome<'a>>,
    veil: &'a mut Option<Box<Veil>>,
}

impl Flight<'_> {
    /// Sends up; nowhere, while nobody is there.
    async fn send_up(&mut self, hops: &mut Hops, mut frame: Frame) {
        if let Message::Open(open) = &mut frame.message {
            (open.session, open.lineage) = (self.upstream_id, self.lineage);
        }
        if let Some(home) = &mut self.home {
            home.goes_up(&frame.message);
        }
        if let Some(veil) = self.veil {
            frame.message = veil.up(frame.message);
        }
        let Some(upstream) = &mut self.upstream else { return };
        // A dead upstream ends its link within the silence that is borne.
        if upstream.send(frame).await.is_err() {
            self.lose_upstream(hops);
        }
    }

    fn lose_upstream(&mut self, hops: &mut Hops) {
        self.upstream = None;
        hops.handle_upstream_lost();
    }
}

impl Driver<'_> {
    async fn hop(&self, hops: &mut Hops, ends: &mut Ends, flight: &mut Flight<'_>) -> End {
        loop {
            while flight.running.is_none()
                && let Some(work) = hops.poll_work()
            {
                self.begin(hops, flight, work);
            }
            self.hear_home(hops, flight).await;
            if let Err(end) = self.deliver(hops, ends, flight).await {
                return end;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return End::Superseded,
                frame = ends.receiver.recv() => {
                    if let Err(end) = take_from_below(hops, frame) {
                        return end;
                    }
                    give_up_obsolete(hops, &mut flight.running);
                }
                frame = from_above(&mut flight.upstream, flight.veil) => {
                    if take_from_above(hops, &mut flight.home, frame).is_err() {
                        flight.lose_upstream(hops);
                    }
                    give_up_obsolete(hops, &mut flight.running);
                }
                done = finish(&mut flight.running) => self.take_output(hops, done),
                done = home::finish(&mut flight.home) => self.take_choice(&mut flight.home, done),
            }
        }
    }

    /// Runs the work in the engine, or passes it on where no layer of it is ours.
    fn begin(&self, hops: &mut Hops, flight: &mut Flight<'_>, work: HopWork) {
        let Accepted { run, reads, writes, .. } = &self.accepted;
        let run = *run;
        if work.told {
            flight.running = Some(self.look_up(hops.text(), work.truncate_to, work.tokens));
            return;
        }
        let rows = match &work.hidden {
            Some(rows) if run.layers.is_empty() && rows.skip == 0 && reads == writes => {
                return hops.handle_output(rows.payload.clone());
            }
            Some(rows) => match self.decode(rows) {
                Ok(values) => Rows::Hidden { values, tokens: work.tokens },
                Err(trouble) => return refuse(hops, &trouble),
            },
            None => Rows::Tokens(work.tokens),
        };
        let (sequence, base) = (self.sequence.clone(), work.truncate_to);
        let job = Job { sequence, run, base, rows, choose: None };
        let (running, leaving) =
            (self.submit(None, None, job), work.leaving * self.node.host.width as usize);
        flight.running = Some(Box::pin(async move {
            let mut outcome = running.await?;
            if let Outcome::Ran(Done { hidden, .. }) = &mut outcome {
                hidden.drain(..hidden.len() - leaving);
            }
            Ok(outcome)
        }));
    }

    fn take_output(&self, hops: &mut Hops, done: Result<Outcome, EngineError>) {
        match done {
            Ok(Outcome::Known(rows)) => hops.handle_known(rows),
            Ok(Outcome::Ran(done)) => {
                let width = self.node.host.width as usize;
                let coder = self.accepted.writes.as_ref().expect("a stage in between writes");
                let payload = coder.encode(&done.hidden, width);
                match payload.len() {
                    bytes if bytes > HIDDEN_LEN_MAX => refuse(hops, &Trouble::too_long(bytes)),
                    _ => hops.handle_output(Bytes::from(payload)),
                }
            }
            Err(EngineError::Gap { .. }) => hops.handle_forgotten(),
            Err(error) => refuse(hops, &Trouble::of(self.node, &error)),
        }
    }

    /// Sends all that the machine has to say, both ways.
    async fn deliver(
        &self,
        hops: &mut Hops,
        ends: &mut Ends,
        flight: &mut Flight<'_>,
    ) -> Result<(), End> {
        while let Some((side, mut frame)) = hops.poll_transmit() {
            match side {
                Side::Down => {
                    if flight.upstream.is_none() {
                        self.name_upstream(&mut frame);
                    }
                    ends.send(frame, &self.stop).await?;
                }
                Side::Up => flight.send_up(hops, frame).await,
            }
        }
        Ok(())
    }

    /// The head's word goes up, and on as if it came from there.
    async fn hear_home(&self, hops: &mut Hops, flight: &mut Flight<'_>) {
        while let Some(home) = &mut flight.home
            && let Some((side, message)) = self.judge(home)
        {
            match side {
                Side::Up => flight.send_up(hops, message.into()).await,
                Side::Down if take_word(hops, message).is_ok() => {}
                Side::Down => flight.lose_upstream(hops),
            }
        }
        give_up_obsolete(hops, &mut flight.running);
    }

    /// Who is above, where the chain goes on there.
    fn upstream(&self) -> Option<&Arc<Uplink>> {
        self.node.upstream.as_ref().filter(|_| !self.accepted.turns())
    }

    /// The machine does not know who is up there; the device should.
    fn name_upstream(&self, frame: &mut Frame) {
        let Some(upstream) = self.upstream() else { return };
        if let Message::Fault(fault @ Fault { kind: FaultKind::Unavailable, .. }) =
            &mut frame.message
        {
            let named = Fault::on_session(fault.epoch, fault.kind, &unreachable(upstream));
            let retry_ms = upstream.redial().as_millis();
            *fault = named.retry_after(u32::try_from(retry_ms).unwrap_or(u32::MAX));
        }
    }
}

/// What a device is told while the upstream is down.
fn unreachable(upstream: &Uplink) -> String {
    format!("the upstream {} at {} cannot be reached", upstream.peer(), upstream.address())
}

/// The session's channel to the upstream is of no more use.
struct UpstreamGone;

impl UpstreamGone {
    /// It broke the protocol.
    fn blame(error: PeerMisbehaved) -> Self {
        tracing::warn!(%error, "the upstream misbehaved");
        Self
    }
}

/// The next frame from above; never, where nobody is there.
async fn from_above(
    upstream: &mut Option<UplinkSession>,
    veil: &mut Option<Box<Veil>>,
) -> Result<Frame, ChannelError> {
    let Some(upstream) = upstream else { return std::future::pending().await };
    let Frame { message, payload } = upstream.recv().await?;
    let message = match veil {
        Some(veil) => veil.down(message),
        None => message,
    };
    Ok(Frame { message, payload })
}

fn give_up_obsolete(hops: &mut Hops, running: &mut Option<Running>) {
    if hops.is_obsolete() {
        give_up(hops, running);
    }
}

/// Leaves a running job to itself: the engine ends what nobody waits for.
fn give_up(hops: &mut Hops, running: &mut Option<Running>) {
    if running.take().is_some() {
        hops.handle_abandoned();
    }
}

fn refuse(hops: &mut Hops, trouble: &Trouble) {
    hops.handle_refused(trouble.kind, &trouble.detail, trouble.retry_after_ms);
}

/// Hands in what the peer sent.
fn take_from_below(hops: &mut Hops, frame: Result<Frame, ChannelError>) -> Result<(), End> {
    match said(frame)? {
        Said::Pass(pass, payload) => hops.handle_pass(pass, payload).map_err(End::Misbehaved)?,
        // Drafts without rows are for a node that has all layers.
        Said::Draft(_) => return Err(out_of_turn(Kind::Draft)),
        Said::Verdict(verdict) => {
            hops.handle_verdict(Side::Down, verdict).map_err(End::Misbehaved)?;
        }
        Said::Rollback(rollback) => hops.handle_rollback(rollback),
        Said::Nothing => {}
    }
    Ok(())
}

/// Hands in what the upstream sent: to the head what comes back to it.
fn take_from_above(
    hops: &mut Hops,
    home: &mut Option<AtHome<'_>>,
    frame: Result<Frame, ChannelError>,
) -> Result<(), UpstreamGone> {
    let Frame { message, payload } = frame.map_err(|_| UpstreamGone)?;
    match (message, home) {
        (Message::Opened(opened), Some(home)) => {
            home.take_opened(&opened, hops).map_err(UpstreamGone::blame)
        }
        (Message::Pass(pass), Some(home)) => {
            home.take_pass(pass, payload).map_err(UpstreamGone::blame)
        }
        (Message::Pass(pass), None) => {
            hops.handle_return(pass, payload).map_err(UpstreamGone::blame)
        }
        (Message::Verdict(_), Some(_)) => {
            Err(UpstreamGone::blame(PeerMisbehaved::OutOfTurn { kind: Kind::Verdict }))
        }
        (message, _) => take_word(hops, message),
    }
}

/// Hands in what is said above, or by the head as if it were there.
fn take_word(hops: &mut Hops, message: Message) -> Result<(), UpstreamGone> {
    match message {
        Message::Opened(opened) => hops.handle_opened(&opened).map_err(UpstreamGone::blame),
        Message::Verdict(verdict) => {
            hops.handle_verdict(Side::Up, verdict).map_err(UpstreamGone::blame)
        }
        Message::Fault(fault) => {
            hops.handle_fault(fault);
            Ok(())
        }
        Message::Hello(_)
        | Message::Welcome(_)
        | Message::Open(_)
        | Message::Pass(_)
        | Message::Draft(_)
        | Message::Rollback(_)
        | Message::Close(_)
        | Message::Ping(_)
        | Message::Pong(_)
        | Message::SegmentRequest(_)
        | Message::SegmentPart(_)
        | Message::Receipt(_) => Err(UpstreamGone),
    }
}
