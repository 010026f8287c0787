//! Weights for a pair of models, and the file that they come from.

use super::features::{Features, NAMES};
use super::fit::{Fitted, scaled};
use super::learner::WEIGHTS;
use crate::certify::Digest;
use crate::config::ModelPaths;
use crate::models::Models;
use base::{ByteCount, ModelFingerprint};
use runtime::ModelFile;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The version of the file that this code writes and reads.
const VERSION: u32 = 1;

/// Many times what a file has.
const BYTES_MAX: u64 = 64 << 10;

/// A scaled feature is no further from the usual: what is odder says no more.
pub(super) const SCALED_MAX: f64 = 3.0;

/// No request is judged so surely: with it alone the chance is 1 in 10^21.
pub(super) const WEIGHT_MAX: f64 = 50.0;

/// Fitted to the demo pair, on dialogues that neither model was trained on.
const DEMO: &str = include_str!("demo.json");

/// How the chance follows from features, for a pair of models.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    draft: ModelFingerprint,
    target: ModelFingerprint,
    requests: usize,
    columns: [Column; Features::COUNT],
    values: [f64; WEIGHTS],
}

/// What a feature usually is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    pub(super) mean: f64,
    /// How far from that it usually is; above 0.
    pub(super) scale: f64,
}

/// Weights that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The system says no.
    #[error("cannot read the weights {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Larger than any.
    #[error("{path} is longer than {}, which no weights are", ByteCount(BYTES_MAX))]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not what `edge-node likeness` writes.
    #[error("{path} is no file of weights; `edge-node likeness --out` makes one")]
    Form {
        /// The file.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: serde_json::Error,
    },
    /// It says what cannot be used.
    #[error("{path} cannot be used; `edge-node likeness --out` makes another one")]
    Flaw {
        /// The file.
        path: PathBuf,
        /// What.
        #[source]
        flaw: WeightsFlaw,
    },
    /// Other models.
    #[error("{path} is of the {role} {fitted}, this device's is {actual}: fit that one")]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// `draft` or `target`.
        role: &'static str,
        /// Whose it is.
        fitted: ModelFingerprint,
        /// Whose it should be.
        actual: ModelFingerprint,
    },
}

/// What is wrong with weights.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum WeightsFlaw {
    /// Written by another program.
    #[error("version {0}; this program reads {VERSION}")]
    Version(u32),
    /// Features that this program does not have, or in another order.
    #[error("its features are not {}", NAMES.join(", "))]
    Features,
    /// A mean or a scale.
    #[error("feature {0} has no finite mean and positive scale")]
    Scale(&'static str),
    /// A weight.
    #[error("a weight is not within {WEIGHT_MAX} of 0: {0}")]
    Weight(f64),
}

/// The weights that a device of these models starts with: those that `paths` names, or those that come with
/// the program.
///
/// # Errors
///
/// [`WeightsError`] where the file is none, or of other models.
pub(crate) fn present(paths: &ModelPaths, models: &Models) -> Result<Weights, WeightsError> {
    match (&paths.likeness, &models.draft) {
        (Some(path), Some(draft)) => {
            let target = models.target.as_ref().map(ModelFile::fingerprint);
            Weights::load(path, draft.fingerprint(), target)
        }
        (Some(_) | None, _) => Ok(Weights::shipped()),
    }
}

/// The file, key by key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileWeights {
    version: u32,
    draft: Digest,
    target: Digest,
    /// To how many they were fitted.
    requests: usize,
    /// The log odds of a request that is as usual in everything.
    usual: f64,
    features: Vec<FileFeature>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileFeature {
    name: String,
    mean: f64,
    scale: f64,
    weight: f64,
}

impl Weights {
    /// Those that come with the program: of the demo pair, and for others a first guess, to learn from.
    pub(super) fn shipped() -> Self {
        let file = serde_json::from_str(DEMO).expect("a test reads it");
        Self::check(file).expect("a test checks it")
    }

    /// Reads the weights at `path` for a `draft`, and for a `target` where the device has its file.
    ///
    /// # Errors
    ///
    /// [`WeightsError`] says what the file is, and what would be right.
    pub fn load(
        path: &Path,
        draft: ModelFingerprint,
        target: Option<ModelFingerprint>,
    ) -> Result<Self, WeightsError> {
        let weights = Self::read(path)?;
        let models = [
            ("draft", weights.draft, draft),
            ("target", weights.target, target.unwrap_or(weights.target)),
        ];
        match models.into_iter().find(|(_, fitted, actual)| fitted != actual) {
            None => Ok(weights),
            Some((role, fitted, actual)) => {
                Err(WeightsError::OtherModel { path: path.to_owned(), role, fitted, actual })
            }
        }
    }

    /// Fitted to so many `requests` of a pair.
    pub(super) fn fitted(
        (draft, target): (ModelFingerprint, ModelFingerprint),
        requests: usize,
        (columns, values): Fitted,
    ) -> Self {
        Self { draft, target, requests, columns, values }
    }

    /// As a file has them.
    pub(super) fn to_file(&self) -> FileWeights {
        let feature = |(at, name): (usize, &&str)| FileFeature {
            name: (*name).to_owned(),
            mean: self.columns[at].mean,
            scale: self.columns[at].scale,
            weight: self.values[at + 1],
        };
        FileWeights {
            version: VERSION,
            draft: Digest(self.draft.0),
            target: Digest(self.target.0),
            requests: self.requests,
            usual: self.values[0],
            features: NAMES.iter().enumerate().map(feature).collect(),
        }
    }

    /// First the one for no feature.
    pub(super) const fn values(&self) -> [f64; WEIGHTS] {
        self.values
    }

    /// What the weights are multiplied with.
    pub(super) fn scaled(&self, features: &Features) -> [f64; WEIGHTS] {
        scaled(&self.columns, features)
    }

    /// Tells these weights and scales from others.
    pub(super) fn digest(&self) -> [u8; 16] {
        let columns = self.columns.iter().flat_map(|column| [column.mean, column.scale]);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.draft.0).update(&self.target.0);
        for number in columns.chain(self.values) {
            hasher.update(&number.to_le_bytes());
        }
        let mut digest = [0; 16];
        hasher.finalize_xof().fill(&mut digest);
        digest
    }

    fn read(path: &Path) -> Result<Self, WeightsError> {
        let owned = || path.to_owned();
        let cannot = |source| WeightsError::Read { path: owned(), source };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(cannot)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(WeightsError::TooLarge { path: owned() });
        }
        let form = |source| WeightsError::Form { path: owned(), source };
        let file = serde_json::from_slice(&bytes).map_err(form)?;
        Self::check(file).map_err(|flaw| WeightsError::Flaw { path: owned(), flaw })
    }

    fn check(file: FileWeights) -> Result<Self, WeightsFlaw> {
        let FileWeights { version, draft, target, requests, usual, features } = file;
        if version != VERSION {
            return Err(WeightsFlaw::Version(version));
        }
        if !features.iter().map(|feature| feature.name.as_str()).eq(NAMES) {
            return Err(WeightsFlaw::Features);
        }
        let mut columns = [Column { mean: 0.0, scale: 1.0 }; Features::COUNT];
        let mut values = [usual; WEIGHTS];
        for (at, FileFeature { mean, scale, weight, .. }) in features.into_iter().enumerate() {
            if !(mean.is_finite() && scale.is_finite() && scale > 0.0) {
                return Err(WeightsFlaw::Scale(NAMES[at]));
            }
            (columns[at], values[at + 1]) = (Column { mean, scale }, weight);
        }
        if let Some(beyond) = values.iter().find(|value| !is_bounded(**value)) {
            return Err(WeightsFlaw::Weight(*beyond));
        }
        let [draft, target] = [draft, target].map(|digest| ModelFingerprint(digest.0));
        Ok(Self { draft, target, requests, columns, values })
    }
}

/// Whether a weight is a number that makes sense.
pub(super) fn is_bounded(weight: f64) -> bool {
    weight.abs() <= WEIGHT_MAX
}
