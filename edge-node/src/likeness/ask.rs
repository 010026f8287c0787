//! What a device knows of a request before it answers it.

use super::features::Features;
use super::probe::probe;
use super::weights::Weights;
use crate::compute::compute;
use crate::device::Device;
use crate::generate::GenerateError;
use crate::prompt::Prompt;
use transport::clock;

impl Device {
    /// By what this device judges at first whether its draft model answers as well as the target.
    pub const fn likeness_weights(&self) -> &Weights {
        &self.weights
    }

    /// What the draft model makes of `prompt`; `None` where there is none, or where nobody else may be asked.
    /// Takes about what its first eight tokens take, and whoever answers goes on from there.
    ///
    /// # Errors
    ///
    /// [`GenerateError`] where the prompt is empty or leaves no room for an answer.
    pub async fn features(&mut self, prompt: &Prompt) -> Result<Option<Features>, GenerateError> {
        self.check_prompt(prompt)?;
        let Prompt::Travelling(prompt) = prompt else { return Ok(None) };
        let prompt = prompt.tokens();
        let new = self.said.iter().zip(prompt).take_while(|(a, b)| a == b).count();
        let positions_max = self.positions_max() as usize;
        let Some(draft) = &mut self.draft else { return Ok(None) };
        let (sequence, end_tokens) = (draft.sequence_mut(), self.models.tokenizer.end_tokens());
        let probed = compute(|| probe(sequence, prompt, new, positions_max, end_tokens))?;
        clock::reached(Some((clock::now() + draft.take_owed(), ()))).await;
        Ok(Some(probed.features))
    }
}
