//! The merge loop of byte pair encoding: joins the best adjacent pair until no pair joins.
//!
//! Both families of tokenizers run this loop and differ in which pairs join, and how good they are
//! (`rank`, lower is better): BPE looks a pair up in its list of merges, SentencePiece looks the
//! concatenation up in its vocabulary. Among equals the leftmost pair joins first.
//!
//! A heap of candidates makes it O(n log n). A candidate is stale, and skipped, where one of its
//! halves was joined to something else meanwhile.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

/// A stretch of the text on its way to become a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Symbol {
    /// Where in the text, in bytes. Neighbours touch.
    pub(super) span: Range<usize>,
    /// The piece it is, where it is one.
    pub(super) id: Option<u32>,
}

/// What two neighbours become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Joined {
    pub(super) rank: u32,
    pub(super) id: u32,
}

/// Joins neighbours for as long as `join` allows any; lowest rank first, then leftmost.
pub(super) fn merge(
    symbols: Vec<Symbol>,
    join: impl Fn(&Symbol, &Symbol) -> Option<Joined>,
) -> Vec<Symbol> {
    let mut chain = Chain::new(symbols);
    let mut candidates = BinaryHeap::new();
    for left in 0..chain.links.len() {
        candidates.extend(chain.candidate(left, &join));
    }
    while let Some(Reverse(candidate)) = candidates.pop() {
        if !chain.is_current(&candidate) {
            continue;
        }
        chain.apply(&candidate);
        let previous = chain.links[candidate.left].previous;
        candidates.extend(previous.and_then(|left| chain.candidate(left, &join)));
        candidates.extend(chain.candidate(candidate.left, &join));
    }
    chain.into_symbols()
}

/// A pair that may join. The order of the fields is the order of merging.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    left: usize,
    right: usize,
    /// Where the halves ended when they were paired.
    ends: (usize, usize),
    id: u32,
}

/// The symbols as a doubly linked list; one that was joined to its left neighbour is `None`.
struct Chain {
    links: Vec<Link>,
}

struct Link {
    symbol: Option<Symbol>,
    previous: Option<usize>,
    next: Option<usize>,
}

impl Chain {
    fn new(symbols: Vec<Symbol>) -> Self {
        let count = symbols.len();
        let link = |(at, symbol): (usize, Symbol)| Link {
            symbol: Some(symbol),
            previous: at.checked_sub(1),
            next: (at + 1 < count).then_some(at + 1),
        };
        Self { links: symbols.into_iter().enumerate().map(link).collect() }
    }

    fn candidate(
        &self,
        left: usize,
        join: impl Fn(&Symbol, &Symbol) -> Option<Joined>,
    ) -> Option<Reverse<Candidate>> {
        let right = self.links[left].next?;
        let (l, r) = (self.links[left].symbol.as_ref()?, self.links[right].symbol.as_ref()?);
        let Joined { rank, id } = join(l, r)?;
        Some(Reverse(Candidate { rank, left, right, ends: (l.span.end, r.span.end), id }))
    }

    fn is_current(&self, candidate: &Candidate) -> bool {
        let end = |at: usize| self.links[at].symbol.as_ref().map(|symbol| symbol.span.end);
        let (left, right) = candidate.ends;
        end(candidate.left) == Some(left) && end(candidate.right) == Some(right)
    }

    fn apply(&mut self, candidate: &Candidate) {
        let next = self.links[candidate.right].next;
        self.links[candidate.right].symbol = None;
        self.links[candidate.left].next = next;
        if let Some(next) = next {
            self.links[next].previous = Some(candidate.left);
        }
        if let Some(symbol) = &mut self.links[candidate.left].symbol {
            symbol.span.end = candidate.ends.1;
            symbol.id = Some(candidate.id);
        }
    }

    fn into_symbols(self) -> Vec<Symbol> {
        self.links.into_iter().filter_map(|link| link.symbol).collect()
    }
}
