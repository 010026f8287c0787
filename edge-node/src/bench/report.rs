//! What was measured, as data: every figure with its unit, and its share of what the machine can do.

use super::figures::{Figure, Series};
use super::memory::Memory;
use super::plan::{Plan, Skipped};
use super::samples::Spread;
use super::setup::Setup;
use super::yardsticks::Yardsticks;
use base::{ByteCount, KvFormat, LayerRange};
use runtime::{LoadError, ModelConfig, ModelFile, Pool, Stage, StageSpec};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// All that one run of the command measured. Each figure is a key of its own, after these.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) model: PathBuf,
    /// Which functions the kernels chose for this processor.
    pub(super) kernels: &'static str,
    pub(super) threads: usize,
    pub(super) repeats: usize,
    pub(super) kv: KvFormat,
    /// Of the model, on disk.
    pub(super) file_bytes: Option<ByteCount>,
    #[serde(flatten)]
    pub(super) weights: WeightCounts,
    /// From opening the file until the weights are ready: once, with the file's pages as they were.
    pub(super) load_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resident_after_load_bytes: Option<ByteCount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resident_at_end_bytes: Option<ByteCount>,
    /// Of all sequences that the figures need.
    pub(super) kv_bytes: ByteCount,
    pub(super) read_gb_per_s: Spread,
    pub(super) int8_gmac_per_s: Spread,
    pub(super) float_gmac_per_s: Spread,
    #[serde(serialize_with = "as_notes")]
    pub(super) skipped: Vec<Skipped>,
    #[serde(flatten, serialize_with = "as_keys")]
    pub(super) figures: Vec<Measured>,
}

/// What is known of a run apart from its figures.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) load: Duration,
    pub(super) memory: Memory,
    pub(super) kv_bytes: ByteCount,
    pub(super) weights: WeightCounts,
    pub(super) skipped: Vec<Skipped>,
}

/// A figure's result.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    #[serde(skip)]
    pub(super) figure: Figure,
    #[serde(flatten)]
    pub(super) spread: Spread,
    /// Of the time it took, that in which the weights could be read or multiplied at the best rates of
    /// this machine, whichever is longer. KV and attention are not counted.
    pub(super) share_of_limit: f64,
    pub(super) limit: Limit,
    /// Of a pass of several rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ratio_to_one_row: Option<f64>,
}

/// What a figure cannot outrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Limit {
    ReadBandwidth,
    ArithmeticRate,
}

/// How much of a model passes use.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct WeightCounts {
    /// Bytes of weights that a pass of one row reads, as the file has them.
    #[serde(rename = "weights_read_bytes")]
    pub(super) read: ByteCount,
    /// Bits of a weight, scales included.
    #[serde(rename = "weight_bits")]
    pub(super) bits: f64,
    /// Multiply-adds of a row in the layers.
    #[serde(skip)]
    layers: f64,
    /// Multiply-adds of a row whose logits are wanted in the head.
    #[serde(skip)]
    head: f64,
}

impl WeightCounts {
    /// Those of the whole model `stage`.
    ///
    /// # Errors
    ///
    /// Where the embedding cannot be mapped.
    pub(super) fn of(
        model: &ModelFile,
        stage: &Stage,
        threads: &Arc<Pool>,
    ) -> Result<Self, LoadError> {
        let ModelConfig { width, heads, kv_heads, head_width, mlp_width, vocab, .. } =
            *model.config();
        let attention = 2 * width * heads * head_width + 2 * width * kv_heads * head_width;
        let layers = model.config().layers as usize * (attention + 3 * width * mlp_width);
        let (layers, head) = (layers as f64, (vocab * width) as f64);
        // Of an embedding that is not the head as well, a pass reads no more than a row.
        let unread = match model.config().tied {
            true => ByteCount(0),
            false => {
                let spec = StageSpec { layers: LayerRange::all(0), embedding: true, head: false };
                model.load_stage(spec, threads)?.weight_bytes()
            }
        };
        let read = stage.weight_bytes() - unread;
        Ok(Self { read, bits: read.0 as f64 * 8.0 / (layers + head), layers, head })
    }

    /// Whether products are of integers, for most of the model.
    pub(super) const fn is_quantized(&self) -> bool {
        self.bits < 16.0
    }
}

impl Report {
    /// Puts it together.
    pub(super) fn new(
        setup: &Setup,
        plan: &Plan,
        run: Run,
        yardsticks: &Yardsticks<'_>,
        series: &[Series],
    ) -> Self {
        let Run { load, memory, kv_bytes, weights, skipped } = run;
        let read_gb_per_s = yardsticks.read_gb_per_s();
        let int8_gmac_per_s = yardsticks.int8_gmac_per_s();
        let float_gmac_per_s = yardsticks.float_gmac_per_s();
        let gmac_per_s = if weights.is_quantized() { int8_gmac_per_s } else { float_gmac_per_s };
        let reading = weights.read.0 as f64 / 1e9 / read_gb_per_s.max;
        let measured = |of: &Series| {
            let spread = of.spread();
            let (rows, wanted) = of.figure.rows_of_a_pass();
            let multiply_adds = weights.layers * rows as f64 + weights.head * wanted as f64;
            let multiplying = multiply_adds / 1e9 / gmac_per_s.max;
            let limit =
                if reading > multiplying { Limit::ReadBandwidth } else { Limit::ArithmeticRate };
            let took = of.figure.seconds_of_a_pass(spread.median);
            let ratio_to_one_row = one_row(series, of.figure).map(|one| of.ratio_to(one));
            let share_of_limit = reading.max(multiplying) / took;
            Measured { figure: of.figure, spread, share_of_limit, limit, ratio_to_one_row }
        };
        Self {
            model: setup.model.clone(),
            kernels: kernels::table_name(),
            threads: setup.threads,
            repeats: plan.repeats,
            kv: setup.kv,
            file_bytes: size_on_disk(&setup.model),
            weights,
            load_ms: load.as_secs_f64() * 1e3,
            resident_after_load_bytes: memory.after_load,
            resident_at_end_bytes: memory.at_end,
            kv_bytes,
            read_gb_per_s,
            int8_gmac_per_s,
            float_gmac_per_s,
            skipped,
            figures: series.iter().map(measured).collect(),
        }
    }
}

/// The pass of one row that `figure`, a pass of rows, is held against.
fn one_row(series: &[Series], figure: Figure) -> Option<&Series> {
    match figure {
        Figure::Pass { context, .. } => {
            let one = Figure::Pass { rows: 1, context };
            series.iter().find(|series| series.figure == one)
        }
        Figure::Prefill { .. } | Figure::Decode { .. } | Figure::Batch { .. } => None,
    }
}

/// Of a file, or of the files in a folder.
fn size_on_disk(path: &Path) -> Option<ByteCount> {
    let whole = std::fs::metadata(path).ok()?;
    if whole.is_file() {
        return Some(ByteCount(whole.len()));
    }
    let files = std::fs::read_dir(path).ok()?.filter_map(|entry| entry.ok()?.metadata().ok());
    Some(files.filter(std::fs::Metadata::is_file).map(|file| ByteCount(file.len())).sum())
}

fn as_keys<S: Serializer>(figures: &[Measured], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().map(|measured| (measured.figure.key(), measured)))
}

fn as_notes<S: Serializer>(skipped: &[Skipped], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(skipped.iter().map(|skipped| (&skipped.key, &skipped.why)))
}
