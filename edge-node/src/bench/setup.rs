//! What every measurement is told: which model, on how many threads, with which KV.

use anyhow::Context as _;
use base::KvFormat;
use runtime::{KvOptions, Pool};
use std::path::PathBuf;
use std::sync::Arc;

/// The formats of `--kv`, by the names that a device's configuration has for them.
const KV_FORMATS: [(&str, KvFormat); 4] =
    [("f32", KvFormat::F32), ("f16", KvFormat::F16), ("q8", KvFormat::Q8), ("q4", KvFormat::Q4)];

/// The arguments that all measurements share.
#[derive(Debug, clap::Args)]
pub(crate) struct SetupArguments {
    /// GGUF file or Hugging Face folder.
    #[arg(long)]
    model: PathBuf,
    /// Compute threads. Default: as many as there are cores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// f16, f32, q8 or q4: how keys and values are kept.
    #[arg(long, default_value = "f16", value_parser = parse_kv)]
    kv: KvFormat,
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) model: PathBuf,
    pub(crate) threads: usize,
    pub(crate) kv: KvFormat,
}

impl From<SetupArguments> for Setup {
    fn from(SetupArguments { model, threads, kv }: SetupArguments) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self { model, threads: threads.map_or_else(cores, usize::from), kv }
    }
}

impl Setup {
    /// The threads that passes run on.
    ///
    /// # Errors
    ///
    /// Where the system gives none.
    pub(crate) fn start_threads(&self) -> anyhow::Result<Arc<Pool>> {
        let pool = Pool::new(self.threads).map(Arc::new);
        pool.with_context(|| format!("cannot start {} compute threads", self.threads))
    }

    /// A sequence that sees all of itself and shares nothing.
    pub(crate) fn kv_options(&self) -> KvOptions {
        KvOptions { format: self.kv, ..KvOptions::default() }
    }
}

/// What `--kv` calls `format`.
pub(crate) fn kv_name(format: KvFormat) -> &'static str {
    let found = KV_FORMATS.iter().find(|(_, known)| *known == format);
    found.map_or("", |(name, _)| name)
}

fn parse_kv(text: &str) -> Result<KvFormat, String> {
    let found = KV_FORMATS.iter().find(|(name, _)| *name == text);
    found.map(|(_, format)| *format).ok_or_else(|| {
        let known = KV_FORMATS.map(|(name, _)| name);
        format!("KV formats are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kv_formats_are_those_of_the_configuration() {
        for (name, format) in KV_FORMATS {
            assert_eq!(parse_kv(name), Ok(format));
            assert_eq!(kv_name(format), name);
            assert_eq!(serde_json::to_value(format).unwrap(), name);
        }
        assert_eq!(parse_kv("q5"), Err("KV formats are f32, f16, q8, q4".to_owned()));
    }
}
