//! The device's model files, opened and known to fit each other.

use crate::config::ModelPaths;
use crate::loaded::Whose;
use crate::start_error::StartError;
use runtime::{ModelFile, Tokenizer};

/// What is on the device's disk. Nothing of it is loaded yet but headers.
#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) target: Option<ModelFile>,
    pub(crate) draft: Option<ModelFile>,
    /// The one that both models share.
    pub(crate) tokenizer: Tokenizer,
}

impl Models {
    /// Opens the files and compares their tokenizers.
    ///
    /// # Errors
    ///
    /// [`StartError`] where a file cannot be read, or the two models do not share a tokenizer.
    pub(crate) fn open(paths: &ModelPaths) -> Result<Self, StartError> {
        let open = |path: &std::path::PathBuf| {
            let model = ModelFile::open(path)?;
            match &paths.packed {
                None => Ok(model),
                Some(folder) => model.keep_packed(folder),
            }
        };
        let target = paths.target.as_ref().map(open).transpose()?;
        let draft = paths.draft.as_ref().map(open).transpose()?;
        let tokenizers = [&target, &draft].map(|model| model.as_ref().map(ModelFile::tokenizer));
        let [of_target, of_draft] = tokenizers;
        let (of_target, of_draft) = (of_target.transpose()?, of_draft.transpose()?);
        if let (Some(of_target), Some(of_draft)) = (&of_target, &of_draft)
            && of_target.fingerprint() != of_draft.fingerprint()
        {
            return Err(StartError::Pair {
                target: of_target.fingerprint(),
                draft: of_draft.fingerprint(),
            });
        }
        let tokenizer = of_target.or(of_draft).ok_or(StartError::NoModel)?;
        Ok(Self { target, draft, tokenizer })
    }

    /// One of them, where it is there.
    pub(crate) const fn of(&self, whose: Whose) -> Option<&ModelFile> {
        match whose {
            Whose::Draft => self.draft.as_ref(),
            Whose::Target => self.target.as_ref(),
        }
    }

    /// The longest text that every model here can take, up to `positions_max`.
    pub(crate) fn context_length(&self, positions_max: u32) -> u32 {
        let lengths = [&self.target, &self.draft].into_iter().flatten();
        lengths.map(|model| model.config().context_length).fold(positions_max, u32::min)
    }
}
