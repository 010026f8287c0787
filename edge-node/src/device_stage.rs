//! The target's first layers on the device: turns the tokens of a pass into hidden states.

use crate::sequence::{SequenceError, StageSequence};
use base::TokenId;
use bytes::Bytes;
use partitioner::Stage as PlannedStage;
use protocol::{Frame, Hidden, Message, Pass};
use runtime::{ForwardError, HopCoder, KvOptions, ModelFile, Pool, SpanOutput, StageSpec};
use settings::Pace;
use std::sync::Arc;
use std::time::Duration;

/// The device's stage of a split.
#[derive(Debug)]
pub(crate) struct DeviceStage {
    sequence: StageSequence,
    width: usize,
    /// Whether no layer is behind it.
    is_last: bool,
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
        let is_last = layers.end() == model.config().layers;
        Ok(Self { sequence, width: model.config().width, is_last })
    }

    /// The frame of `pass` with the hidden states that the next stage reads, as `coder` says. `text` is the log and the
    /// drafts after it: what the KV lacks before the pass is run as well.
    ///
    /// # Errors
    ///
    /// [`ForwardError`].
    pub(crate) fn attach(
        &mut self,
        mut pass: Pass,
        text: &[TokenId],
        coder: &HopCoder,
    ) -> Result<Frame, ForwardError> {
        if pass.tokens.is_empty() {
            return Ok(Message::Pass(pass).into());
        }
        let base = pass.base.index();
        let text = [&text[..base], &pass.tokens].concat();
        let SpanOutput::Hidden(values) = self.sequence.run(&text, base)? else {
            unreachable!("a stage without a head gives hidden states")
        };
        let leaving = if self.is_last { pass.chosen_rows() } else { pass.tokens.len() };
        if leaving == 0 {
            return Ok(Message::Pass(pass).into());
        }
        let values = &values[values.len() - leaving * self.width..];
        let payload = Bytes::from(coder.encode(values, self.width));
        let size = |n: usize| u32::try_from(n).expect("a pass is far smaller than 4 GiB");
        let (codec, width) = (coder.codec(), size(self.width));
        pass.hidden = Some(Hidden { codec, width, bytes: size(payload.len()) });
        Ok(Frame { message: Message::Pass(pass), payload })
    }

    /// Its KV.
    pub(crate) const fn sequence_mut(&mut self) -> &mut StageSequence {
        &mut self.sequence
    }

    /// As [`StageSequence::take_owed`].
    pub(crate) fn take_owed(&mut self) -> Duration {
        self.sequence.take_owed()
    }
}
