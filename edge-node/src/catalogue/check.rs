//! Whether a device's models are all there, are a pair, and fit what its plan asks of each tier.

use super::show;
use crate::Config;
use crate::config::missing_models;
use base::KvFormat;
use partitioner::{LocalChoice, Mode, Plan};
use runtime::{Difference, KvOptions, LoadError, ModelFile, StageSpec, Tokenizer};
use std::fmt::Write as _;
use std::path::Path;

/// As many as show what is going on.
const DIFFERENCES_MAX: usize = 5;

/// What a check found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// For people.
    pub(super) text: String,
    /// How many things are wrong.
    pub(super) problems: usize,
}

/// Looks at the configuration `path`.
///
/// # Errors
///
/// Where it cannot be read, or is wrong in what is not about models.
pub(super) fn of(path: &Path) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for missing in missing_models(path)? {
        found.problem(&missing);
    }
    if found.problems > 0 {
        return Ok(found);
    }
    let config = Config::load(path)?;
    let target = found.open("target", config.models.target.as_deref());
    let draft = found.open("draft", config.models.draft.as_deref());
    if let (Some(target), Some(draft)) = (&target, &draft) {
        found.pair(target, draft);
    }
    found.plans(&config, target.as_ref(), draft.as_ref());
    Ok(found)
}

impl Found {
    // Writing to a string does not fail.
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
    }

    fn problem(&mut self, text: &str) {
        self.problems += 1;
        self.line(&format!("wrong: {text}"));
    }

    /// Opens a model, and says what it is.
    fn open(&mut self, which: &str, path: Option<&Path>) -> Option<ModelFile> {
        let path = path?;
        self.line(&format!("{which}: {}", path.display()));
        let opened = ModelFile::open(path).and_then(|model| Ok((show::head(&model)?, model)));
        match opened {
            Ok((head, model)) => {
                self.text += &head;
                Some(model)
            }
            Err(error) => {
                self.problem(&settings::chain(&error));
                None
            }
        }
    }

    /// Whether a token means the same to both.
    fn pair(&mut self, target: &ModelFile, draft: &ModelFile) {
        let tokenizers = target.tokenizer().and_then(|target| Ok((target, draft.tokenizer()?)));
        let (target, draft) = match tokenizers {
            Ok(both) => both,
            Err(error) => return self.problem(&settings::chain(&error)),
        };
        if target.fingerprint() == draft.fingerprint() {
            return self.line("pair: target and draft mean the same by each token");
        }
        self.problem(&no_pair(&target, &draft));
        for difference in target.differences(&draft, DIFFERENCES_MAX) {
            self.line(&in_words(&difference));
        }
    }

    /// What each node takes by the plan that a request begins with, and by those after it.
    fn plans(&mut self, config: &Config, target: Option<&ModelFile>, draft: Option<&ModelFile>) {
        if config.plan.auto {
            return self.line(
                "plan: found for each request (mode auto); `edge-node models show` says what each part takes",
            );
        }
        for request in config.requests() {
            let mode = request.mode;
            // Of a target that is elsewhere only, no layers are known here.
            let layers = target.map_or(0, |target| target.config().layers);
            let needs_layers = mode != Mode::Local;
            if needs_layers && target.is_none() {
                self.line(&format!(
                    "plan {mode}: the target is not on this device, so that what it takes elsewhere is not known"
                ));
            } else {
                match request.check(layers) {
                    Ok(plan) => self.plan(config, &plan, target),
                    Err(error) => self.problem(&format!("plan: {}", settings::chain(&error))),
                }
            }
            self.local(config, mode, target, draft);
        }
    }

    fn plan(&mut self, config: &Config, plan: &Plan, target: Option<&ModelFile>) {
        self.line(&format!("plan {}:", plan.mode()));
        let Some(target) = target else { return };
        for stage in plan.stages() {
            let spec =
                StageSpec { layers: stage.layers, embedding: stage.embedding, head: stage.head };
            match taken(config, target, spec, config.kv.target) {
                Ok(taken) => {
                    let node = stage.node.to_string();
                    self.line(&format!("  {node:<12} {spec} of the target: {taken}"));
                }
                Err(error) => return self.problem(&settings::chain(&error)),
            }
        }
    }

    /// The model that the device has as a whole beside its stages.
    fn local(
        &mut self,
        config: &Config,
        mode: Mode,
        target: Option<&ModelFile>,
        draft: Option<&ModelFile>,
    ) {
        let alone = mode == Mode::Local && config.plan.local == LocalChoice::Target;
        let (which, model, format) = match (alone, target, draft) {
            (true, Some(target), _) => ("the target", target, config.kv.target),
            (true, None, _) => {
                return self.problem("plan local runs the target, and there is none");
            }
            (false, _, Some(draft)) => ("the draft model", draft, config.kv.draft),
            (false, _, None) if mode == Mode::Local => {
                return self.problem("plan local runs the draft model, and there is none");
            }
            (false, _, None) => return,
        };
        let whole = StageSpec::whole(model.config().layers);
        match taken(config, model, whole, format) {
            Ok(taken) => {
                let name = config.name.to_string();
                self.line(&format!("  {name:<12} {which}: {taken}"));
            }
            Err(error) => self.problem(&settings::chain(&error)),
        }
    }
}

/// What the part `spec` of a model takes where it is, with one conversation in it.
fn taken(
    config: &Config,
    model: &ModelFile,
    spec: StageSpec,
    format: KvFormat,
) -> Result<String, LoadError> {
    let positions = positions(config, model);
    let options = KvOptions { format, stream: config.kv.stream, ..KvOptions::default() };
    let kv = model.kv_bytes(spec.layers, &options, positions as usize);
    let weights = model.weight_bytes(spec)?;
    Ok(format!("{weights} of weights, {kv} of KV for a conversation of {positions} positions"))
}

/// The longest conversation that both the device and the model have room for.
fn positions(config: &Config, model: &ModelFile) -> u32 {
    config.engine.positions_max.min(model.config().context_length)
}

fn no_pair(target: &Tokenizer, draft: &Tokenizer) -> String {
    format!(
        "target and draft are no pair: only token ids travel, and they mean other text by them \
         (fingerprints {} and {}, {} and {} pieces); the first that differ:",
        target.fingerprint(),
        draft.fingerprint(),
        target.vocab_size(),
        draft.vocab_size()
    )
}

fn in_words(Difference { token, ours, theirs }: &Difference) -> String {
    let said = |piece: &Option<String>| match piece {
        Some(piece) => format!("{piece:?}"),
        None => "nothing".to_owned(),
    };
    format!("  token {}: {} to the target, {} to the draft", token.0, said(ours), said(theirs))
}
