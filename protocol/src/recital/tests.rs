//! A verifier that is read to.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects, and panics on the rest"
)]

use super::*;
use crate::{Chosen, Epoch, FaultKind, SessionId, Verifier, VerifierConfig};
use base::{KvFormat, Privacy, Sampling};
use bytes::Bytes;
use std::time::Instant;

/// The one clock reading of these tests: where simulated time begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do; it is never read again")]
fn dawn() -> Instant {
    Instant::now()
}

fn open() -> Open {
    Open {
        session: SessionId([1; 16]),
        epoch: Epoch(3),
        have: Position(0),
        sampling: Sampling::new(0.0, 0, 1.0, 0).unwrap(),
        stages: Vec::new(),
        end_tokens: Vec::new(),
        positions_max: 1000,
        kv: KvFormat::F16,
        stream: None,
        tenant: None,
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: None,
        trace: None,
    }
}

fn text(length: u32) -> Vec<TokenId> {
    (0..length).map(TokenId).collect()
}

/// Goal: a verifier reads all of the text, once, and nothing is asked. Method: a real one, whose
/// answers come one at a time; texts around the lengths of passes and of all that may be under way.
#[test]
fn a_verifier_reads_the_whole_text_once() {
    let clock = dawn();
    for length in [1, 31, 32, 33, 128, 129, 500] {
        let mut recital = Recital::new(open(), &text(length), 32);
        let mut verifier = Verifier::new(VerifierConfig { hidden: None, head_alone: false });
        let mut rows = 0;
        for _ in 0..1000 {
            while let Some(message) = recital.poll_transmit() {
                match message {
                    Message::Open(open) => verifier.handle_open(&open),
                    Message::Pass(pass) => {
                        assert!(!pass.ask);
                        verifier.handle_pass(clock, pass, Bytes::new()).unwrap();
                    }
                    other => panic!("{other:?}"),
                }
            }
            if let Some(work) = verifier.poll_work(clock) {
                rows += work.tokens.len();
                verifier.handle_chosen(clock, Chosen::default(), 1);
            }
            match verifier.poll_transmit() {
                Some(Message::Opened(opened)) => recital.handle_opened(&opened),
                Some(Message::Verdict(verdict)) => recital.handle_verdict(&verdict),
                Some(other) => panic!("{other:?}"),
                None => break,
            }
        }
        assert!(recital.is_read());
        assert_eq!((rows, verifier.held()), (length as usize, Position(length)));
    }
}

#[test]
fn a_refusal_ends_it_and_one_of_another_epoch_does_not() {
    let mut recital = Recital::new(open(), &text(10), 4);
    let fault = |epoch| Fault::on_session(epoch, FaultKind::Overloaded, "full");
    recital.handle_fault(&fault(Epoch(2)));
    assert_eq!(recital.refused(), None);
    recital.handle_fault(&fault(Epoch(3)));
    assert_eq!((recital.refused(), recital.is_read()), (Some("full"), false));
    assert!(recital.poll_transmit().is_none());
}
