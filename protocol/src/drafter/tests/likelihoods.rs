//! How likely the target's words were, as verdicts tell it.

use super::*;

#[test]
fn how_likely_the_targets_words_were_is_known_of_what_was_committed() {
    let mut desk = Desk::begun(config(), 4);
    let _ = desk.draft(&[5, 6]);
    let likelihoods = |tokens: &[u32]| -> Vec<_> {
        let one = |token: &u32| Likelihoods { chosen: (TokenId(*token), -0.5), top: Vec::new() };
        tokens.iter().map(one).collect()
    };
    let verdict = |epoch: Epoch, tokens: &[u32]| {
        let own = &tokens[1..];
        Verdict { epoch, likelihoods: likelihoods(tokens), ..plain(Position(4), 1, own) }
    };
    let epoch = desk.drafter.newest_epoch();
    desk.drafter.handle_verdict(desk.now, &verdict(Epoch(0), &[5, 9])).unwrap();
    assert_eq!(desk.drafter.likelihoods(Position(4)), None, "of an older epoch");
    desk.drafter.handle_verdict(desk.now, &verdict(epoch, &[5, 7])).unwrap();
    let known = (3..7).map(|at| desk.drafter.likelihoods(Position(at)).cloned());
    let expected = likelihoods(&[5, 7]).into_iter().map(Some);
    assert_eq!(
        known.collect::<Vec<_>>(),
        [None].into_iter().chain(expected).chain([None]).collect::<Vec<_>>()
    );
}
