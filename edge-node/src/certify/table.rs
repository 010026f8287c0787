//! A certificate for people.

use super::certificate::{Certificate, Cost};
use super::facts::{BoundaryFacts, Facts, TextFacts};
use crate::bench::kv_name;
use std::fmt;

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts { numerics, kv, layers, text, positions, perplexity, boundaries, .. } =
            self.facts();
        let TextFacts { bytes, tokens, context, chunks, .. } = text;
        let (model, kv) = (self.model(), kv_name(*kv));
        writeln!(f, "model {model} of {layers} layers, KV {kv}, numerics {numerics}")?;
        writeln!(f, "text of {bytes} bytes, {tokens} tokens, {chunks} chunks of {context}")?;
        writeln!(f, "{positions} positions scored, perplexity {perplexity:.4}")?;
        writeln!(
            f,
            "\n{:>8}  {:<9} {:>10} {:>10} {:>10} {:>10} {:>11}",
            "boundary", "codec", "bits/value", "same top-1", "mean KL", "p99 KL", "perplexity"
        )?;
        for BoundaryFacts { boundary, costs, .. } in boundaries {
            for cost in costs {
                let Cost { codec, bits_per_value, kl_mean, kl_p99, .. } = cost;
                writeln!(
                    f,
                    "{boundary:>8}  {codec:<9} {bits_per_value:>10.2} {:>8.2} % {kl_mean:>10.2e} \
                     {kl_p99:>10.2e} {:>+9.3} %",
                    100.0 * cost.top1_agreement,
                    cost.perplexity_change_percent,
                )?;
            }
        }
        Ok(())
    }
}
