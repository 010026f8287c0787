//! What a model says, computed here: no node, no link, one sequence, one row a pass or many.

use super::{Kv, Sampling};
use base::{Allowed, Position, TokenId};
use runtime::{Input, KvOptions, KvPool, ModelFile, Pool, SequenceId, Span, SpanOutput};
use runtime::{Stage, StageSpec, Tokenizer, sampler};
use std::path::Path;
use std::sync::Arc;

/// A whole model and its tokenizer.
#[derive(Debug)]
pub(crate) struct Oracle {
    stage: Stage,
    spec: StageSpec,
    tokenizer: Tokenizer,
    kv: KvOptions,
}

impl Oracle {
    pub(crate) fn open(path: &Path) -> Self {
        Self::with(path, &Kv::DEFAULT)
    }

    /// With KV kept as `kv` says.
    pub(crate) fn with(path: &Path, kv: &Kv) -> Self {
        let file = ModelFile::open(path).unwrap();
        let spec = StageSpec::whole(file.config().layers);
        let stage = file.load_stage(spec, &Arc::new(Pool::new(1).unwrap())).unwrap();
        let kv = KvOptions { format: kv.format, stream: kv.stream(), ..KvOptions::default() };
        Self { stage, spec, tokenizer: file.tokenizer().unwrap(), kv }
    }

    /// How many layers the model has.
    pub(crate) fn layers(&self) -> u32 {
        self.spec.layers.end()
    }

    /// The text of a run's tokens after `prompt`.
    pub(crate) fn text(&self, prompt: &str, tokens: &[u32]) -> String {
        let mut stream = self.tokenizer.stream_after(&self.tokenizer.prompt(prompt));
        let mut text: String = tokens.iter().map(|token| stream.push(TokenId(*token))).collect();
        text += &stream.finish();
        text
    }

    /// The answer to `prompt`: at most `count` tokens, ending before an end token.
    pub(crate) fn answer(&self, prompt: &str, sampling: Sampling, count: usize) -> Vec<u32> {
        let (prompt, sampling) = (self.tokenizer.prompt(prompt), checked(sampling));
        let (mut pool, sequence) = self.sequence(prompt.len() + count);
        let (mut said, mut base) = (prompt.clone(), 0);
        while said.len() < prompt.len() + count {
            let logits = said.len() - base - 1..said.len() - base;
            let (at, input) = (Position::after(base), Input::Tokens(&said[base..]));
            let span = Span { sequence, base: at, input, logits };
            let output = self.stage.forward(self.spec, &[span], &mut pool).unwrap().remove(0);
            let SpanOutput::Logits(logits) = output else { panic!("no logits") };
            base = said.len();
            let token =
                sampler::choose(&logits, &Allowed::Any, &sampling, Position::after(base)).unwrap();
            if self.tokenizer.end_tokens().contains(&token) {
                break;
            }
            said.push(token);
        }
        said[prompt.len()..].iter().map(|token| token.0).collect()
    }

    /// Room for `length` positions.
    fn sequence(&self, length: usize) -> (KvPool, SequenceId) {
        let bound = self.stage.kv_bytes(&self.kv, length, length);
        let mut pool = self.stage.new_pool_of(bound).unwrap();
        let sequence = pool.open(&self.kv);
        (pool, sequence)
    }

    /// What the model itself would have said at each place of `tokens`, given all before it.
    pub(crate) fn choices(&self, prompt: &str, tokens: &[u32], sampling: Sampling) -> Vec<u32> {
        let (prompt, sampling) = (self.tokenizer.prompt(prompt), checked(sampling));
        let said: Vec<TokenId> =
            prompt.iter().copied().chain(tokens.iter().copied().map(TokenId)).collect();
        let (mut pool, sequence) = self.sequence(said.len());
        let logits = prompt.len() - 1..said.len() - 1;
        let (base, input) = (Position::after(0), Input::Tokens(&said));
        let span = Span { sequence, base, input, logits };
        let output = self.stage.forward(self.spec, &[span], &mut pool).unwrap().remove(0);
        let SpanOutput::Logits(logits) = output else { panic!("no logits") };
        let rows = logits.chunks_exact(self.stage.config().vocab).zip(prompt.len()..);
        rows.map(|(row, at)| {
            sampler::choose(row, &Allowed::Any, &sampling, Position::after(at)).unwrap().0
        })
        .collect()
    }
}

fn checked(sampling: Sampling) -> base::Sampling {
    base::Sampling::new(sampling.temperature, 0, 1.0, sampling.seed).unwrap()
}

/// Goal: the two ways of asking agree, so that a test may use either. Method: each token of an
/// answer is the choice at its place.
#[test]
fn an_answer_is_made_of_the_choices_at_its_places() {
    let oracle = Oracle::open(&super::demo_target());
    for sampling in [Sampling::GREEDY, Sampling { temperature: 0.8, seed: 7 }] {
        let answer = oracle.answer("Book a table for two", sampling, 16);
        assert!(!answer.is_empty());
        assert_eq!(oracle.choices("Book a table for two", &answer, sampling), answer);
    }
}
