//! Which codecs a plan may use, by what was certified.

use crate::certify::{Certificate, CertificateError, Cost};
use crate::config::Config;
use crate::models::Models;
use partitioner::{Certificates, QualityBudget};

/// The certificate that the configuration names; none without one, or without a target that it could be
/// of.
///
/// # Errors
///
/// [`CertificateError`] where the file is none, or of another target.
pub(crate) fn load(
    config: &Config,
    models: &Models,
) -> Result<Option<Certificate>, CertificateError> {
    let (Some(path), Some(target)) = (&config.planner.certificate, &models.target) else {
        return Ok(None);
    };
    Certificate::load(path, target.fingerprint(), config.kv.target).map(Some)
}

/// The same as the planner reads it.
pub(crate) fn for_planner(
    certificate: Option<&Certificate>,
    budget: QualityBudget,
) -> Certificates {
    let Some(certificate) = certificate else { return Certificates::none() };
    let row = |boundary, cost: &Cost| partitioner::Certificate {
        codec: cost.codec,
        boundary,
        bits: cost.bits_per_value,
        kl: cost.kl_mean,
        top1: cost.top1_agreement,
        perplexity_change: cost.perplexity_change_percent / 100.0,
    };
    let boundaries = certificate.boundaries();
    let measured = boundaries
        .flat_map(|boundary| certificate.costs(boundary).map(move |cost| row(boundary, cost)));
    Certificates { measured: measured.collect(), budget }
}
