//! The target's first layers on the device: turns the tokens of a pass into hidden states.

use crate::sequence::{SequenceError, StageSequence};
use base::TokenId;
use bytes::Bytes;
use kernels::wire::{self, Codec};
use partitioner::Stage as PlannedStage;
use protocol::{Frame, Hidden, Message, Pass, WireCodec};
use runtime::{ForwardError, KvOptions, ModelFile, Pool, SpanOutput, StageSpec};
use settings::Pace;
use std::sync::Arc;
use std::time::Duration;

/// The device's stage of a split.
#[derive(Debug)]
pub(crate) struct DeviceStage {
    sequence: StageSequence,
    width: usize,
}

impl DeviceStage {
    /// Loads the layers of `stage` from the target.
    ///
    /// # Errors
    ///
    /// [`SequenceError`].
    pub(crate) fn load(
        model: &ModelFile,
        stage: &PlannedStage,
        threads: &Arc<Pool>,
        positions_max: u32,
        kv: &KvOptions,
        pace: Pace,
    ) -> Result<Self, SequenceError> {
        let PlannedStage { layers, embedding, head, .. } = *stage;
        let spec = StageSpec { layers, embedding, head };
        let sequence = StageSequence::load(model, spec, threads, positions_max, kv, pace)?;
        Ok(Self { sequence, width: model.config().width })
    }

    /// The frame of `pass` with the hidden states of its rows. `text` is the log and the drafts after
    /// it: what the KV lacks before the pass is run as well.
    ///
    /// # Errors
    ///
    /// [`ForwardError`].
    pub(crate) fn attach(
        &mut self,
        mut pass: Pass,
        text: &[TokenId],
        codec: WireCodec,
    ) -> Result<Frame, ForwardError> {
        if pass.tokens.is_empty() {
            return Ok(Message::Pass(pass).into());
        }
        let base = pass.base.index();
        let text = [&text[..base], &pass.tokens].concat();
        let SpanOutput::Hidden(values) = self.sequence.run(&text, base)? else {
            unreachable!("a stage without a head gives hidden states")
        };
        let payload = Bytes::from(wire::encode(kernel_codec(codec), &values, self.width));
        let size = |n: usize| u32::try_from(n).expect("a pass is far smaller than 4 GiB");
        pass.hidden = Some(Hidden { codec, width: size(self.width), bytes: size(payload.len()) });
        Ok(Frame { message: Message::Pass(pass), payload })
    }

    /// As [`StageSequence::take_owed`].
    pub(crate) fn take_owed(&mut self) -> Duration {
        self.sequence.take_owed()
    }
}

/// The codec that `protocol` names and `kernels` implements.
const fn kernel_codec(codec: WireCodec) -> Codec<'static> {
    match codec {
        WireCodec::F32 => Codec::F32,
        WireCodec::F16 => Codec::F16,
        WireCodec::Int8 => Codec::Int8,
    }
}
