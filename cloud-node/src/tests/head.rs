//! The target's head on a device, to which chains come back.

use super::world::{MODEL, alone};
use base::{Allowed, LayerRange, Position, Sampling, TokenId, WireCodec};
use protocol::{Frame, Homecoming, Message, Side, Work};
use runtime::{
    HopCoder, Input, KvOptions, KvPool, SequenceId, Span, SpanOutput, Stage, StageSpec, sampler,
};
use std::time::Instant;

pub(super) struct Head {
    pub(super) homecoming: Homecoming,
    /// What the device knows of the text.
    pub(super) text: Vec<TokenId>,
    /// Bytes of hidden states that came.
    pub(super) came: usize,
    stage: Stage,
    pool: KvPool,
    sequence: SequenceId,
    coder: HopCoder,
}

impl Head {
    pub(super) fn new(codec: WireCodec) -> Self {
        let (last, width) = (MODEL.config().layers, MODEL.config().width);
        let layers = LayerRange::new(last, last).unwrap();
        let spec = StageSpec { layers, embedding: false, head: true };
        let stage = MODEL.load_stage(spec, &alone()).unwrap();
        let mut pool = stage.new_pool(1).unwrap();
        let sequence = pool.open(&KvOptions::default());
        let coder = HopCoder::new(codec, &[], width).unwrap();
        let homecoming = Homecoming::new(codec, u32::try_from(width).unwrap());
        Self { homecoming, text: Vec::new(), came: 0, stage, pool, sequence, coder }
    }

    /// What goes up, and what the device hears, of a frame that came down.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not of a ring is as it is")]
    pub(super) fn take(
        &mut self,
        Frame { message, payload }: Frame,
        sampling: &Sampling,
    ) -> (Vec<Message>, Option<Message>) {
        match message {
            Message::Opened(opened) => self.homecoming.handle_opened(&opened, &self.text).unwrap(),
            Message::Pass(pass) => {
                self.came += payload.len();
                self.homecoming.handle_pass(Instant::now(), pass, payload).unwrap();
            }
            message => return (Vec::new(), Some(message)),
        }
        while let Some(work) = self.homecoming.poll_work(Instant::now()) {
            let chosen = self.choose(&work, sampling);
            self.homecoming.handle_chosen(Instant::now(), chosen.into(), 1);
        }
        let (mut up, mut down) = (Vec::new(), None);
        while let Some((side, message)) = self.homecoming.poll_transmit() {
            match side {
                Side::Up => up.push(message),
                Side::Down => assert_eq!(down.replace(message), None, "one answer a frame"),
            }
        }
        (up, down)
    }

    fn choose(&mut self, work: &Work, sampling: &Sampling) -> Vec<TokenId> {
        let (width, vocab) = (MODEL.config().width, MODEL.config().vocab);
        let rows = work.hidden.as_ref().unwrap();
        let values = self.coder.decode(&rows.payload, rows.rows, width).unwrap();
        let (input, base) = (Input::Hidden(&values[rows.skip * width..]), work.truncate_to);
        let span = Span { sequence: self.sequence, base, input, logits: work.choose.clone() };
        let output = self.stage.forward(self.stage.spec(), &[span], &mut self.pool);
        let SpanOutput::Logits(logits) = output.unwrap().remove(0) else { panic!("no logits") };
        let at = |row| Position::after(base.index() + row + 1);
        let logits = logits.chunks_exact(vocab).enumerate();
        logits
            .map(|(row, logits)| sampler::choose(logits, &Allowed::Any, sampling, at(row)).unwrap())
            .collect()
    }
}
