//! What goes up under a veil, and what comes back.

use super::*;
use crate::dice::Dice;
use crate::{Epoch, Rollback, SessionId, TenantSecret};
use base::{KvFormat, Privacy};

const VOCAB: u32 = 100;
const SECRET: [u8; 32] = [9; 32];

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

fn veil() -> Veil {
    Veil::new(SECRET, VOCAB, &[])
}

/// A pass of `tokens` that follow `before`, the last of them drafts.
fn pass(before: &[TokenId], tokens: &[TokenId], drafts: u32) -> Pass {
    let base = Position::after(before.len());
    let prefix = PrefixHash::EMPTY.extend(before).check();
    let (said, ask, extend, told, hidden) = (0, true, 0, false, None);
    let (epoch, tokens) = (Epoch(1), tokens.to_vec());
    Pass { epoch, base, prefix, tokens, said, drafts, ask, extend, told, hidden }
}

fn up(veil: &mut Veil, pass: &Pass) -> Pass {
    let Message::Pass(veiled) = veil.up(Message::Pass(pass.clone())) else { panic!() };
    veiled
}

fn down(veil: &mut Veil, pass: Pass) -> Pass {
    let Message::Pass(plain) = veil.down(Message::Pass(pass)) else { panic!() };
    plain
}

fn verdict(from: u32, tokens: &[u32]) -> Verdict {
    let (agreed, accepted, passes, cost) = (Vec::new(), 0, 1, None);
    Verdict {
        epoch: Epoch(1),
        from: Position(from),
        agreed,
        accepted,
        tokens: ids(tokens),
        likelihoods: Vec::new(),
        passes,
        cost,
    }
}

/// Goal: above places every pass that it would place without a veil, finds the same beginnings the same, and gets
/// no id that is the token's own but by chance; what comes back is what went up. Method: a text that grows, is
/// contradicted and cut, at random, beside a `Transcript` of what came up.
#[test]
fn above_sees_the_same_texts_in_other_ids() {
    let (mut kept, mut seen) = (0, 0);
    for seed in 0..20 {
        let (mut dice, mut veil) = (Dice(seed), veil());
        let (mut text, mut above) = (Vec::<TokenId>::new(), Transcript::default());
        let mut below = |n: usize| usize::try_from(dice.below(n as u64)).unwrap();
        for _ in 0..40 {
            text.truncate(text.len() - below(text.len() + 1) / 4);
            let tokens: Vec<_> = {
                let n = 1 + below(5);
                (0..n).map(|_| TokenId(u32::try_from(below(100)).unwrap())).collect()
            };
            let sent = pass(&text, &tokens, 0);
            let veiled = up(&mut veil, &sent);
            let base = veiled.base.index();
            assert_eq!(
                above.hash(base).map(PrefixHash::check),
                Some(veiled.prefix),
                "it is placed"
            );
            above.truncate(base);
            above.extend(&veiled.tokens);
            assert_eq!(down(&mut veil, veiled.clone()), sent);
            assert_eq!(up(&mut veil, &sent), veiled, "asking twice asks the same");
            kept += tokens.iter().zip(&veiled.tokens).filter(|(plain, id)| plain == id).count();
            seen += tokens.len();
            text.extend(tokens);
        }
        let again = Veil::new(SECRET, VOCAB, &text);
        assert_eq!(again.veiled, above, "the same secret gives the same ids");
    }
    assert!(kept * 40 < seen, "{kept} of {seen} ids are their tokens: one in a hundred is chance");
}

/// Goal: above can tell whether a draft was what the target says. Method: the id of the target's word is that which
/// the pass with this word has there.
#[test]
fn a_verdict_speaks_of_the_ids_that_went_up() {
    let mut veil = veil();
    let text = ids(&[5, 6, 7]);
    let sent = up(&mut veil, &pass(&[], &text, 2));
    let Message::Verdict(right) = veil.up(Message::Verdict(verdict(1, &[6]))) else { panic!() };
    let Message::Verdict(wrong) = veil.up(Message::Verdict(verdict(1, &[8]))) else { panic!() };
    assert_eq!(right.tokens[0], sent.tokens[1]);
    assert_ne!(wrong.tokens[0], sent.tokens[1]);
    let next = up(&mut veil, &pass(&text[..1], &ids(&[8, 9]), 0));
    assert_eq!(next.tokens[0], wrong.tokens[0]);
}

#[test]
fn what_above_holds_is_known_here_or_nothing() {
    let mut veil = veil();
    let sent = up(&mut veil, &pass(&[], &ids(&[1, 2, 3]), 0));
    let theirs = |length: usize| PrefixHash::EMPTY.extend(&sent.tokens[..length]);
    let (epoch, passes) = (Epoch(1), 4);
    let mut hear = |held: u32, prefix| {
        let opened = Opened { epoch, held: Position(held), prefix, passes };
        let Message::Opened(opened) = veil.down(Message::Opened(opened)) else { panic!() };
        let gap = FaultKind::Gap { held: Position(held), prefix };
        let fault = veil.down(Message::Fault(Fault::on_session(epoch, gap, "a gap")));
        let Message::Fault(Fault { kind: FaultKind::Gap { held, prefix }, .. }) = fault else {
            panic!("{fault:?}");
        };
        assert_eq!((held, prefix), (opened.held, opened.prefix), "both say the same");
        (held.0, prefix)
    };
    assert_eq!(hear(2, theirs(2)), (2, PrefixHash::EMPTY.extend(&ids(&[1, 2]))));
    assert_eq!(hear(2, theirs(3)), (0, PrefixHash::EMPTY), "of another text");
    assert_eq!(hear(9, theirs(3)), (0, PrefixHash::EMPTY), "of a longer one");
}

/// Goal: a pass that builds on what never went up is refused above, and says nothing of its text.
#[test]
fn what_cannot_be_placed_stays_so() {
    let mut veil = veil();
    up(&mut veil, &pass(&[], &ids(&[1, 2, 3]), 0));
    for before in [ids(&[1, 2, 3, 4]), ids(&[1, 9])] {
        let lost = pass(&before, &ids(&[70, 71]), 0);
        let veiled = up(&mut veil, &lost);
        assert_ne!(veiled.prefix, lost.prefix);
        let real = veil.veiled.hash(before.len()).map(PrefixHash::check);
        assert_ne!(Some(veiled.prefix), real);
        assert_eq!(veiled.tokens, ids(&[0, 0]));
    }
}

#[test]
fn a_cut_goes_for_both_texts() {
    let mut veil = veil();
    up(&mut veil, &pass(&[], &ids(&[1, 2, 3]), 0));
    let rollback = Rollback { epoch: Epoch(2), to: Position(1) };
    assert_eq!(veil.up(Message::Rollback(rollback)), Message::Rollback(rollback));
    assert_eq!((veil.plain.len(), veil.veiled.len()), (1, 1));
}

#[test]
fn who_does_not_choose_is_not_told_how() {
    let open = Open {
        session: SessionId([1; 16]),
        epoch: Epoch(1),
        have: Position(3),
        sampling: Sampling::new(0.8, 40, 0.95, 7).unwrap(),
        stages: Vec::new(),
        end_tokens: ids(&[2]),
        positions_max: 64,
        kv: KvFormat::F16,
        stream: None,
        tenant: Some(TenantSecret([4; 32])),
        lineage: None,
        class: Privacy::Anywhere,
        constraint: None,
        likelihoods: Some(5),
        trace: None,
    };
    let Message::Open(veiled) = veil().up(Message::Open(open.clone())) else { panic!() };
    let (sampling, end_tokens, tenant, likelihoods) = (Sampling::GREEDY, Vec::new(), None, None);
    assert_eq!(veiled, Open { sampling, end_tokens, tenant, likelihoods, ..open });
}

#[test]
fn a_pass_that_never_went_up_comes_back_as_it_is() {
    let stranger = Pass { prefix: PrefixCheck([1, 2, 3, 4]), ..pass(&ids(&[1]), &ids(&[5]), 0) };
    assert_eq!(down(&mut veil(), stranger.clone()), stranger);
}

/// Goal: what comes back of a branch that was left meanwhile is that branch, so that below knows it for stale.
#[test]
fn a_branch_that_was_left_comes_back_as_it_was() {
    let mut veil = veil();
    let text = ids(&[5, 6, 7]);
    let sent =
        [pass(&[], &text, 2), pass(&text, &ids(&[8, 9]), 2), pass(&text[..1], &ids(&[4]), 0)];
    let veiled = sent.each_ref().map(|pass| up(&mut veil, pass));
    let back = veiled.clone().map(|pass| down(&mut veil, pass));
    assert_eq!(back, sent);
    assert_eq!(down(&mut veil, veiled[1].clone()), veiled[1], "each comes back once");
}

/// Goal: passes that never come back do not pile up.
#[test]
fn the_veil_remembers_no_more_than_can_be_in_flight() {
    let mut veil = veil();
    for _ in 0..3 * limits::PASSES_IN_FLIGHT_MAX {
        up(&mut veil, &pass(&[], &ids(&[5, 6]), 0));
    }
    assert_eq!(veil.sent.len(), limits::PASSES_IN_FLIGHT_MAX);
}
