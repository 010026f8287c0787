//! From logits to features, on logits made up for it and on those of the demo pair.

use super::*;
use crate::demo;
use crate::likeness::glance::Glance;
use crate::likeness::probe::{Probe, last_row, probe};
use crate::models::Models;
use crate::sequence::StageSequence;
use base::{Allowed, Sampling, TokenId};
use runtime::{KvOptions, Pool, StageSpec, Turn, sampler};
use settings::Pace;
use std::sync::Arc;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// Probabilities of 1/2, 1/4, 1/8 and 1/8: the entropy is 1.75 bits.
#[test]
fn a_glance_is_that_of_a_case_done_by_hand() {
    let logits = [0.125_f32, 0.5, 0.25, 0.125].map(|share| share.ln() + 7.0);
    let Glance { probability, margin, entropy } = Glance::of(&logits);
    assert!(near(probability, 0.5) && near(margin, 0.25), "{probability} {margin}");
    assert!(near(entropy, 1.75 * std::f64::consts::LN_2), "{entropy}");
}

#[test]
fn odd_rows_give_numbers_all_the_same() {
    let tied = Glance::of(&[2.0, 2.0, f32::NEG_INFINITY]);
    assert!(near(tied.probability, 0.5) && tied.margin == 0.0, "{tied:?}");
    assert!(near(tied.entropy, std::f64::consts::LN_2), "{tied:?}");
    assert_eq!(Glance::of(&[3.0]), Glance { probability: 1.0, margin: 1.0, entropy: 0.0 });
    let far = Glance::of(&[f32::MAX, f32::MIN]);
    assert_eq!(far, Glance { probability: 1.0, margin: 1.0, entropy: 0.0 });
}

#[test]
fn features_are_means_and_the_weakest_place() {
    let glance = |probability, margin| Glance { probability, margin, entropy: 0.0 };
    let said = [glance(0.5, 0.25), glance(0.25, 0.125), glance(1.0, 1.0)];
    let found = Features::new(&[0.5, 0.125], &said, true, 8);
    let ln_2 = std::f64::consts::LN_2;
    let expected = [-ln_2, 0.125, -2.0 * ln_2, 1.0, 3.0 * ln_2];
    for ((found, expected), name) in found.columns().into_iter().zip(expected).zip(NAMES) {
        assert!(near(found, expected), "{name}: {found}, not {expected}");
    }
}

/// A word that the model thinks impossible, or a row that says nothing, is bounded.
#[test]
fn what_is_impossible_counts_as_rare() {
    let glance = Glance { probability: 0.0, margin: 0.0, entropy: 0.0 };
    let found = Features::new(&[0.0], &[glance], false, 0);
    assert_eq!(found.columns(), [-8.0, 0.0, -8.0, 0.0, 0.0]);
    assert_eq!(Features::new(&[], &[glance], false, 1).columns()[2], 0.0);
}

/// The draft model of the demo pair, a prompt, and where an answer ends.
fn draft() -> (StageSequence, Vec<TokenId>, Vec<TokenId>) {
    let models = Models::open(&demo::models::find(None).unwrap()).unwrap();
    let model = models.draft.as_ref().unwrap();
    let (spec, kv) = (StageSpec::whole(model.config().layers), KvOptions::default());
    let threads = Arc::new(Pool::new(1).unwrap());
    let draft = StageSequence::load(model, spec, &threads, 256, &kv, Pace::default()).unwrap();
    let content = "I'd like a table for two tonight.".to_owned();
    let prompt = models.tokenizer.chat(&[Turn::said("user", content)]).unwrap();
    (draft, prompt, models.tokenizer.end_tokens().to_vec())
}

/// Goal: a probe sees what the model itself would do, and nothing that it ran is lost. Method: the same is
/// asked for one token at a time.
#[test]
fn a_probe_sees_the_models_own_words() {
    let (mut draft, prompt, end_tokens) = draft();
    let Probe { features, said, glances } =
        probe(&mut draft, &prompt, 4, 256, &end_tokens).unwrap();
    assert_eq!((said.len(), glances.len(), features.prompt_tokens), (8, 8, prompt.len()));
    assert_eq!(draft.len(), prompt.len() + 7, "all but the last word are in the KV");

    let mut nats = 0.0;
    for at in 4..prompt.len() {
        let row = last_row(&mut draft, &prompt[..at]).unwrap();
        // No word counts for less.
        nats += f64::from(sampler::probability(&row, &Allowed::Any, prompt[at])).ln().max(-8.0);
    }
    assert!(near(features.prompt_sureness, nats / (prompt.len() - 4) as f64), "{features:?}");
    let mut text = prompt;
    for (token, glance) in said.iter().zip(glances) {
        let row = last_row(&mut draft, &text).unwrap();
        let place = base::Position::after(text.len());
        assert_eq!(sampler::choose(&row, &Allowed::Any, &Sampling::GREEDY, place).unwrap(), *token);
        let own = f64::from(row[token.0 as usize]);
        let total: f64 = row.iter().map(|logit| (f64::from(*logit) - own).exp()).sum();
        assert!(near(1.0 / total, glance.probability), "{total} {glance:?}");
        text.push(*token);
    }
}

#[test]
fn a_probe_ends_with_the_answer_or_with_the_room() {
    let (mut draft, prompt, _) = draft();
    let all = probe(&mut draft, &prompt, 0, 256, &[]).unwrap();
    let end = [all.said[2]];
    let ended = probe(&mut draft, &prompt, 0, 256, &end).unwrap();
    let first = all.said.iter().position(|token| *token == end[0]).unwrap();
    assert_eq!((ended.said.len(), ended.features.is_complete), (first + 1, true));
    let cut = probe(&mut draft, &prompt, 0, prompt.len() + 2, &[]).unwrap();
    assert_eq!((cut.said.len(), cut.features.is_complete), (2, false));
    // The whole prompt was heard before: there is nothing new in it.
    let heard = probe(&mut draft, &prompt, prompt.len(), 256, &[]).unwrap();
    assert_eq!((heard.features.prompt_sureness, heard.said), (0.0, all.said));
}
