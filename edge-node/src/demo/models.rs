//! Where the demo pair is.

use crate::config::ModelPaths;
use std::path::{Path, PathBuf};

const TARGET: &str = "causeway-demo-target-q8_0.gguf";
const DRAFT: &str = "causeway-demo-draft-q8_0.gguf";

/// The pair in `folder`, or where a checkout has it.
///
/// # Errors
///
/// Where no folder has both files.
pub(crate) fn find(folder: Option<PathBuf>) -> anyhow::Result<ModelPaths> {
    let here = PathBuf::from("models");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let folders = folder.map_or_else(|| vec![here, source], |folder| vec![folder]);
    let pair = |folder: &PathBuf| (folder.join(TARGET), folder.join(DRAFT));
    let found = folders.iter().map(pair).find(|(target, draft)| target.exists() && draft.exists());
    match found {
        Some((target, draft)) => Ok(ModelPaths {
            target: Some(target),
            draft: Some(draft),
            packed: None,
            likeness: None,
        }),
        None => {
            let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
            anyhow::bail!(
                "no {TARGET} and {DRAFT} in {}; name their folder with --models",
                names.join(" or ")
            )
        }
    }
}
