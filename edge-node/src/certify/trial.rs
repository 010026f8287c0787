//! One codec at one boundary: the run that has to live with what it leaves.

use super::certificate::Cost;
use super::divergence::Divergence;
use super::exact::Exact;
use super::hop::{Arrived, send};
use super::ladder::Ladder;
use super::scales::Scales;
use crate::bench::perplexity::Distribution;
use anyhow::Context as _;
use base::WireCodec;

/// What is known of the pair so far.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) boundary: u32,
    codec: WireCodec,
    divergence: Divergence,
    /// On the wire, of `values`.
    bytes: u64,
    values: u64,
}

impl Trial {
    /// Of no chunk so far.
    pub(super) fn new(boundary: u32, codec: WireCodec) -> Self {
        Self { boundary, codec, divergence: Divergence::new(), bytes: 0, values: 0 }
    }

    /// Runs a chunk from the boundary on, over the hop: all its rows are coded, so that the KV behind
    /// the hop is made of coded rows too.
    ///
    /// # Errors
    ///
    /// Where the coded run predicts no numbers.
    pub(super) fn run(
        &mut self,
        ladder: &mut Ladder,
        exact: &Exact,
        scales: &Scales,
    ) -> anyhow::Result<()> {
        let (codec, boundary) = (self.codec, self.boundary);
        let (scales, rows) = (scales.at(boundary), exact.hidden(boundary));
        let arrived = send(codec, scales, rows, ladder.width());
        let taken = arrived.map_err(anyhow::Error::from);
        let taken = taken.and_then(|arrived| self.take(ladder, exact, arrived));
        taken.with_context(|| format!("{codec} at boundary {boundary}"))
    }

    /// The same with rows that have arrived.
    pub(super) fn take(
        &mut self,
        ladder: &mut Ladder,
        exact: &Exact,
        arrived: Arrived,
    ) -> anyhow::Result<()> {
        let Arrived { rows: mut x, bytes } = arrived;
        self.bytes += bytes as u64;
        self.values += x.len() as u64;
        for layer in self.boundary..ladder.layers() {
            x = ladder.climb(layer, &x)?;
        }
        let mut rows = exact.rows();
        ladder.top(&x, |coded| {
            let (exact, next) = rows.next().expect("as many rows as the exact run has");
            self.divergence.add(&Distribution::of(exact), &Distribution::of(coded), next)
        })
    }

    /// What the codec costs here, where the exact run has this perplexity.
    pub(super) fn cost(&self, exact_perplexity: f64) -> Cost {
        let Self { codec, divergence, bytes, values, .. } = self;
        Cost {
            codec: *codec,
            bits_per_value: *bytes as f64 * 8.0 / *values as f64,
            top1_agreement: divergence.top1_agreement(),
            kl_mean: divergence.kl_mean(),
            kl_p99: divergence.kl_p99(),
            perplexity: divergence.perplexity(),
            perplexity_change_percent: (divergence.perplexity() / exact_perplexity - 1.0) * 100.0,
        }
        .in_six_digits()
    }
}
