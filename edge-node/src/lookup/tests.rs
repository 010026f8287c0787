//! Against a reading of the whole text, quadratic and plain.

use super::*;

/// SplitMix64: a stream of numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    /// Words of an alphabet, with the first rarer than the others.
    fn text(&mut self, length: usize, alphabet: usize) -> Vec<TokenId> {
        let mut token = || match self.below(alphabet) {
            0 => self.below(alphabet),
            word => word,
        };
        (0..length).map(|_| TokenId(u32::try_from(token()).unwrap())).collect()
    }
}

const END: TokenId = TokenId(0);

fn ids(ids: &[u32]) -> Vec<TokenId> {
    ids.iter().copied().map(TokenId).collect()
}

/// A text that is looked up and kept whole beside it.
#[derive(Debug, Clone)]
struct Twin {
    text: Vec<TokenId>,
    /// The first position that the look-up may remember.
    start: usize,
    lookup: Lookup,
}

impl Twin {
    fn new(window: usize) -> Self {
        let lookup = Lookup { window, ..Lookup::new(&[END]) };
        Self { text: Vec::new(), start: 0, lookup }
    }

    fn of(text: &[u32]) -> Self {
        let mut twin = Self::new(WINDOW);
        twin.extend(&ids(text));
        twin
    }

    fn extend(&mut self, tokens: &[TokenId]) {
        self.lookup.extend(tokens);
        self.text.extend(tokens);
        self.start = self.start.max(self.text.len().saturating_sub(self.lookup.window));
    }

    fn truncate(&mut self, length: usize) {
        self.lookup.truncate(length);
        self.text.truncate(length);
        self.start = self.start.min(length);
    }

    /// What [`Lookup::draft_after`] promises, said by looking everywhere.
    fn expected(&self, tail: &[TokenId], wanted: usize) -> Vec<(TokenId, f32)> {
        let text = &self.text[self.start..];
        let mut extended = [text, tail].concat();
        let judged = if tail.is_empty() { text.len().saturating_sub(1) } else { text.len() };
        let last = text.len().saturating_sub(1).min(judged);
        let mut drafts = Vec::new();
        while drafts.len() < wanted && !extended[last..].contains(&END) {
            let Some((token, confidence)) = next(text, &extended) else { break };
            drafts.push((token, confidence));
            extended.push(token);
        }
        drafts
    }

    fn check(&self, tail: &[TokenId], wanted: usize) {
        let (found, expected) =
            (self.lookup.draft_after(tail, wanted), self.expected(tail, wanted));
        assert_eq!(found, expected, "after {:?} and {tail:?}", &self.text[self.start..]);
        assert_eq!(self.lookup.len(), self.text.len());
    }
}

fn next(text: &[TokenId], extended: &[TokenId]) -> Option<(TokenId, f32)> {
    let followed = |length: usize| {
        let suffix = &extended[extended.len().checked_sub(length)?..];
        let mut followed: Vec<_> = (2..text.len())
            .filter(|end| text[..*end].ends_with(&extended[extended.len() - 2..]))
            .collect();
        let latest = followed.split_off(followed.len().saturating_sub(64)).into_iter().rev();
        let latest = latest.filter(|end| text[..*end].ends_with(suffix));
        let tokens: Vec<_> = latest.map(|end| text[end]).collect();
        (!tokens.is_empty()).then_some((length, tokens))
    };
    let (length, tokens) = (2..=8).rev().find_map(followed)?;
    let count = |token| tokens.iter().filter(|other| **other == token).count();
    let most = tokens.iter().map(|token| count(*token)).max()?;
    let token = *tokens.iter().find(|token| count(**token) == most)?;
    let evidence = most as f32 + 1.0 - 2.0 / length as f32;
    Some((token, evidence / (tokens.len() as f32 + 1.0)))
}

/// The drafted tokens without their confidence.
fn words(drafts: &[(TokenId, f32)]) -> Vec<u32> {
    drafts.iter().map(|(token, _)| token.0).collect()
}

#[test]
fn drafts_are_those_of_a_reading_of_the_whole_text() {
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let (alphabet, length) = (2 + dice.below(6), dice.below(300));
        let mut twin = Twin::new(WINDOW);
        twin.extend(&dice.text(length, alphabet));
        for _ in 0..4 {
            twin.check(&[], 12);
            let length = dice.below(12);
            twin.check(&dice.text(length, alphabet), 12);
            twin.extend(&dice.text(1, alphabet));
        }
    }
}

#[test]
fn drafts_stay_those_of_the_text_while_it_grows_is_cut_and_forgets() {
    for seed in 0..200 {
        let mut dice = Dice(seed);
        let alphabet = 2 + dice.below(3);
        let mut twin = Twin::new(2 + dice.below(60));
        for _ in 0..60 {
            let length = dice.below(20);
            match dice.below(3) {
                0 => twin.truncate(twin.text.len().saturating_sub(length)),
                _ => twin.extend(&dice.text(length, alphabet)),
            }
            twin.check(&[], 6);
            let length = dice.below(4);
            twin.check(&dice.text(length, alphabet), 6);
        }
    }
}

#[test]
fn a_repeated_passage_is_found_and_followed_to_its_end() {
    let twin = Twin::of(&[7, 1, 2, 3, 4, 5, 6, 9, 9, 8, 1, 2, 3]);
    let drafts = twin.lookup.draft(4);
    assert_eq!(words(&drafts), [4, 5, 6, 9]);
    assert_eq!(words(&twin.lookup.draft(1)), [4]);
    assert!(twin.lookup.draft(0).is_empty());
    assert!(drafts.is_sorted_by(|before, after| before.1 < after.1), "{drafts:?}");
}

#[test]
fn a_loop_is_followed_for_as_long_as_is_wanted() {
    let twin = Twin::of(&[5, 6, 7, 5, 6]);
    assert_eq!(words(&twin.lookup.draft(7)), [7, 5, 6, 7, 5, 6, 7]);
}

#[test]
fn a_draft_ends_with_its_evidence() {
    assert!(Twin::of(&[1, 2, 3, 4]).lookup.draft(8).is_empty());
    assert!(Twin::of(&[1]).lookup.draft(8).is_empty());
    assert!(Twin::of(&[]).lookup.draft(8).is_empty());
    // 2 3 is followed by 9, and 3 9 by nothing but the text that is looked up.
    assert_eq!(words(&Twin::of(&[2, 3, 9, 2, 3]).lookup.draft(1)), [9]);
    let twin = Twin::of(&[2, 3, 9, 8]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[2, 3]), 8)), [9, 8]);
}

#[test]
fn a_longer_match_outweighs_more_frequent_and_later_ones() {
    let twin = Twin::of(&[1, 2, 3, 4, 2, 3, 5, 2, 3, 5, 1, 2, 3]);
    assert_eq!(words(&twin.lookup.draft(1)), [4]);
}

#[test]
fn of_equal_matches_the_most_frequent_follower_wins_and_the_latest_of_equals() {
    let twin = Twin::of(&[2, 3, 4, 2, 3, 4, 2, 3, 5, 9, 2, 3]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[8, 2, 3]), 1)), [4]);
    let twin = Twin::of(&[1, 2, 3, 4, 6, 2, 3, 5, 9]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[8, 2, 3]), 1)), [5]);
}

#[test]
fn confidence_rises_with_the_match_with_places_and_with_agreement() {
    let passage = ids(&[11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    let confidence = |matched: usize| {
        let mut lookup = Lookup::new(&[]);
        lookup.extend(&passage);
        lookup.draft_after(&passage[10 - matched..10], 1)[0].1
    };
    assert_eq!(confidence(2), 0.5);
    assert_eq!(confidence(4), 0.75);
    assert_eq!(confidence(8), 0.875);
    assert_eq!(confidence(9), 0.875);
    let of = |text: &[u32]| Twin::of(text).lookup.draft_after(&ids(&[9, 2, 3]), 1)[0].1;
    assert_eq!(of(&[2, 3, 4]), 0.5);
    assert_eq!(of(&[2, 3, 4, 2, 3, 4, 2, 3, 4]), 0.75);
    assert_eq!(of(&[2, 3, 4, 2, 3, 4, 2, 3, 5]), 0.5);
}

#[test]
fn nothing_is_drafted_after_an_end_token() {
    let mut twin = Twin::of(&[1, 2, 3, 0, 4, 5, 1, 2]);
    assert_eq!(words(&twin.lookup.draft(8)), [3, 0]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[3]), 8)), [0]);
    assert!(twin.lookup.draft_after(&ids(&[3, 0]), 8).is_empty());
    assert!(twin.lookup.draft_after(&ids(&[3, 0, 4]), 8).is_empty());
    twin.extend(&ids(&[3, 0]));
    assert!(twin.lookup.draft(8).is_empty());
    twin.extend(&ids(&[4]));
    assert_eq!(words(&twin.lookup.draft(2)), [5, 1], "a next turn is a text of its own");
}

#[test]
fn a_tail_is_matched_and_leaves_no_trace() {
    let twin = Twin::of(&[1, 2, 3, 4, 5, 1]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[2]), 3)), [3, 4, 5]);
    assert_eq!(words(&twin.lookup.draft_after(&ids(&[2, 3, 4]), 2)), [5, 1]);
    // 8 9 stands in the tail alone.
    assert!(twin.lookup.draft_after(&ids(&[8, 9, 7, 8, 9]), 3).is_empty());
}

#[test]
fn what_is_cut_is_forgotten() {
    let mut twin = Twin::of(&[1, 2, 3, 4, 1, 2]);
    assert_eq!(words(&twin.lookup.draft(1)), [3]);
    twin.truncate(2);
    assert!(twin.lookup.draft(1).is_empty());
    assert_eq!(twin.lookup.latest.len(), 1);
    twin.truncate(5);
    assert_eq!(twin.lookup.len(), 2, "a text does not grow by being cut");
    twin.extend(&ids(&[9, 1, 2]));
    assert_eq!(words(&twin.lookup.draft(1)), [9]);
    twin.truncate(0);
    assert!(twin.lookup.is_empty() && twin.lookup.latest.is_empty());
}

#[test]
fn memory_is_bounded_by_the_window() {
    let (mut twin, mut dice) = (Twin::new(100), Dice(1));
    for _ in 0..50 {
        twin.extend(&dice.text(37, 50));
        assert!(twin.lookup.kept.len() <= 100);
        assert!(twin.lookup.latest.len() < 100);
    }
    twin.check(&[], 8);
    twin.truncate(1000);
    assert!(twin.lookup.kept.is_empty() && twin.lookup.latest.is_empty());
    twin.extend(&ids(&[3, 4, 5, 3, 4]));
    assert_eq!(twin.lookup.len(), 1005);
    assert_eq!(words(&twin.lookup.draft(1)), [5]);
}
