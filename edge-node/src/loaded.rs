//! Parts of models that are in memory: several sequences run the same one, and who comes later finds it there.

use runtime::{LoadError, ModelFile, Pool, Stage, StageSpec};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Which of the device's models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The one that drafts.
    Draft,
    /// The one that decides.
    Target,
}

/// A part of one of them.
type Part = (Whose, StageSpec);

/// What is loaded for as long as somebody runs it.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    parts: Mutex<Vec<(Part, Weak<Stage>)>>,
}

impl Loaded {
    /// The part `spec` of `model`, which is `whose`: as it is in memory, or loaded now.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where weights are missing.
    pub(crate) fn stage(
        &self,
        whose: Whose,
        model: &ModelFile,
        spec: StageSpec,
        threads: &Arc<Pool>,
    ) -> Result<Arc<Stage>, LoadError> {
        // Held while it is loaded: two that want the same part at once shall not both load it.
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|(_, stage)| stage.strong_count() > 0);
        let known = parts.iter().find(|(part, _)| *part == (whose, spec));
        if let Some(stage) = known.and_then(|(_, stage)| stage.upgrade()) {
            return Ok(stage);
        }
        let stage = Arc::new(model.load_stage(spec, threads)?);
        parts.push(((whose, spec), Arc::downgrade(&stage)));
        Ok(stage)
    }
}
