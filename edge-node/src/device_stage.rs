//! The target's first layers on the device: turns the tokens of a pass into hidden states.

use crate::sequence::StageSequence;
use base::TokenId;
use bytes::Bytes;
use protocol::{Frame, Hidden, Message, Pass};
use runtime::{ForwardError, HopCoder, SpanOutput};
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
    /// Runs `sequence`, which has the first layers of a model with rows of `width`.
    pub(crate) fn new(sequence: StageSequence, width: usize) -> Self {
        let (layers, all) = sequence.layers();
        Self { sequence, width, is_last: layers.end() == all }
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
