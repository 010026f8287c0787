//! What must have come of all that was said, kept apart from the journal and compared with it.

use super::days::Kind;
use journal::{
    Amount, BudgetPolicy, By, ConversationId, Journal, RequestId, Resource, Route, State, UnixTime,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

const DAY_S: u64 = 86_400;

/// 2024-03-01: before it is one month, after it another.
const MARCH: u64 = 1_709_251_200 / DAY_S;

/// What came of something said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Acted,
    Local,
    Hybrid,
    /// At once, for want of a way.
    Refused,
    /// At once, by a model.
    Failed,
    /// The process died over it.
    Cut,
    /// It is the same as one before.
    Repeated,
    /// It waits: no end yet.
    Waits,
    Answered,
    Expired,
    /// After it had waited.
    Withdrawn,
}

impl End {
    const ALL: [Self; 11] = [
        Self::Acted,
        Self::Local,
        Self::Hybrid,
        Self::Refused,
        Self::Failed,
        Self::Cut,
        Self::Repeated,
        Self::Waits,
        Self::Answered,
        Self::Expired,
        Self::Withdrawn,
    ];
}

/// Turns of a conversation, by who said them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Turns {
    person: usize,
    action: usize,
    local: usize,
    hybrid: usize,
    deferred: usize,
}

/// A request that waits or waited.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    number: usize,
    conversation: ConversationId,
    is_called_back: bool,
}

/// What must have come of all that was said.
#[derive(Debug)]
pub(super) struct Books {
    budgets: BudgetPolicy,
    said: Vec<(Kind, End)>,
    waiting: BTreeMap<RequestId, Waiting>,
    called: BTreeSet<RequestId>,
    turns: BTreeMap<ConversationId, Turns>,
    /// Conversations that must not leave the device any more.
    confined: BTreeSet<ConversationId>,
    spent: BTreeMap<u64, Amount>,
    /// How many things said a budget kept from the target.
    pub(super) broke: usize,
    /// Reserved by a process that died.
    orphaned: Amount,
    log: Vec<String>,
}

impl Books {
    pub(super) fn new(budgets: BudgetPolicy) -> Self {
        Self {
            budgets,
            said: Vec::new(),
            waiting: BTreeMap::new(),
            called: BTreeSet::new(),
            turns: BTreeMap::new(),
            confined: BTreeSet::new(),
            spent: BTreeMap::new(),
            broke: 0,
            orphaned: Amount::default(),
            log: Vec::new(),
        }
    }

    pub(super) fn log(&self) -> &[String] {
        &self.log
    }

    pub(super) fn note(&mut self, line: String) {
        self.log.push(line);
    }

    pub(super) fn count_of(&self, kind: Kind) -> usize {
        self.said.iter().filter(|said| said.0 == kind).count()
    }

    pub(super) fn count(&self, end: End) -> usize {
        self.said.iter().filter(|said| said.1 == end).count()
    }

    /// Something said that ended at once; in `conversation`, where it was remembered.
    pub(super) fn ended(&mut self, kind: Kind, end: End, conversation: Option<ConversationId>) {
        self.said.push((kind, end));
        let Some(conversation) = conversation else { return };
        let turns = self.turns.entry(conversation).or_default();
        turns.person += 1;
        match end {
            End::Acted => turns.action += 1,
            End::Local => turns.local += 1,
            End::Hybrid => turns.hybrid += 1,
            End::Refused | End::Failed | End::Cut | End::Repeated => {
                panic!("{end:?} is not remembered")
            }
            End::Waits | End::Answered | End::Expired | End::Withdrawn => panic!("{end:?} waited"),
        }
    }

    /// Something said that waits.
    pub(super) fn waits(
        &mut self,
        kind: Kind,
        id: RequestId,
        (conversation, is_called_back): (ConversationId, bool),
    ) {
        let number = self.said.len();
        self.said.push((kind, End::Waits));
        self.turns.entry(conversation).or_default().person += 1;
        let waiting = Waiting { number, conversation, is_called_back };
        assert!(self.waiting.insert(id, waiting).is_none(), "{id} waits twice");
    }

    /// What waits in `conversation` gets no answer any more.
    pub(super) fn confine(&mut self, conversation: ConversationId) {
        self.confined.insert(conversation);
    }

    /// The end of something that waited. It is its only one.
    pub(super) fn over(&mut self, id: RequestId, end: End) {
        let waited = self.waiting[&id];
        let (kind, was) = self.said[waited.number];
        // Whoever wanted an answer and is never there is given up, and the answer stays.
        if end == End::Expired && was == End::Answered && waited.is_called_back {
            return;
        }
        assert_eq!(was, End::Waits, "{id}, {kind:?}, ends again: {end:?}");
        self.said[waited.number].1 = end;
        if end == End::Answered {
            assert!(!self.confined.contains(&waited.conversation), "{id} left the device");
            self.turns.get_mut(&waited.conversation).expect("it was asked there").deferred += 1;
        }
    }

    /// An answer has been sent where it was wanted.
    pub(super) fn called_back(&mut self, id: RequestId) {
        let waited = self.waiting[&id];
        assert!(waited.is_called_back, "nobody wanted {id}");
        assert_eq!(self.said[waited.number].1, End::Answered, "{id}");
        assert!(self.called.insert(id), "{id} is called back for once more");
    }

    pub(super) const fn called(&self) -> &BTreeSet<RequestId> {
        &self.called
    }

    pub(super) fn spend(&mut self, amount: Amount, now: UnixTime) {
        let day = self.spent.entry(now.0 / DAY_S).or_default();
        *day = day.plus(amount);
    }

    /// A process died that had reserved so much.
    pub(super) fn orphan(&mut self, reserved: Amount) {
        self.orphaned = self.orphaned.plus(reserved);
    }

    /// A process begins: what the last one had reserved is spent, and what it did and did not tell is noted.
    pub(super) fn take_over(&mut self, journal: &Journal, now: UnixTime) {
        let orphaned = std::mem::take(&mut self.orphaned);
        self.spend(orphaned, now);
        for (id, waited) in self.waiting.clone() {
            let state = journal.deferred(id).unwrap().expect("nothing is lost").state;
            let is_there = matches!(state, State::Answered { .. } | State::Delivered { .. });
            if is_there && self.said[waited.number].1 == End::Waits {
                self.over(id, End::Answered);
            }
            let is_delivered = matches!(state, State::Delivered { .. });
            if is_delivered && waited.is_called_back && !self.called.contains(&id) {
                self.called_back(id);
            }
        }
        self.compare(journal, now);
    }

    /// Holds the journal against the books, to the byte.
    pub(super) fn compare(&self, journal: &Journal, now: UnixTime) {
        self.compare_budgets(journal, now);
        let all = journal.conversations().unwrap();
        assert_eq!(all.len(), self.turns.len(), "a conversation for each that was answered");
        for (conversation, wanted) in &self.turns {
            let found = turns(journal, *conversation);
            assert_eq!(found, *wanted, "{conversation}");
        }
        assert_eq!(journal.all_deferred().unwrap().len(), self.waiting.len());
        for (id, waited) in &self.waiting {
            let state = journal.deferred(*id).unwrap().expect("nothing is lost").state;
            let is_right = match self.said[waited.number].1 {
                End::Waits => matches!(state, State::Waiting { .. } | State::Sent { .. }),
                // Who could not be called back in a day is not called any more.
                End::Answered if waited.is_called_back => {
                    let is_called = self.called.contains(id);
                    is_called == matches!(state, State::Delivered { .. })
                        && matches!(
                            state,
                            State::Answered { .. }
                                | State::Delivered { .. }
                                | State::Expired { .. }
                        )
                }
                End::Answered => matches!(state, State::Delivered { .. }),
                End::Expired => matches!(state, State::Expired { .. }),
                End::Withdrawn => matches!(state, State::Refused { .. }),
                End::Acted | End::Local | End::Hybrid | End::Refused => panic!("{id} never waited"),
                End::Failed | End::Cut | End::Repeated => panic!("{id} never waited"),
            };
            assert!(is_right, "{id}: {state:?}, {:?}", self.said[waited.number]);
        }
    }

    /// The same of what was spent alone, and the limits.
    pub(super) fn compare_budgets(&self, journal: &Journal, now: UnixTime) {
        let standing = journal.standing(now).unwrap();
        let today = now.0 / DAY_S;
        let day = self.spent.get(&today).copied().unwrap_or_default();
        let month = self.spent.iter().filter(|(day, _)| (**day < MARCH) == (today < MARCH));
        let month = month.fold(Amount::default(), |sum, (_, amount)| sum.plus(*amount));
        assert_eq!((standing.day, standing.month), (day, month));
        assert_eq!(standing.reserved, Amount::default(), "nothing is under way");
        for resource in [Resource::MoneyMicro, Resource::MeteredBytes, Resource::Tokens] {
            for (caps, spent) in [(self.budgets.day, day), (self.budgets.month, month)] {
                let (cap, spent) = (caps.of(resource).unwrap_or(u64::MAX), spent.of(resource));
                assert!(spent <= cap, "{spent} of {cap} {resource}");
            }
        }
    }
}

fn turns(journal: &Journal, conversation: ConversationId) -> Turns {
    let mut found = Turns::default();
    for turn in journal.last_turns(conversation, usize::MAX, usize::MAX).unwrap() {
        *match turn.by {
            By::Person => &mut found.person,
            By::Action(_) => &mut found.action,
            By::Model { route: Route::Local, .. } => &mut found.local,
            By::Model { route: Route::Hybrid, .. } => &mut found.hybrid,
            By::Model { route: Route::Deferred, .. } => &mut found.deferred,
        } += 1;
    }
    found
}

/// A table of what came of each sort, and of each day's budgets.
impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = End::ALL.iter().filter(|end| self.count(**end) > 0).collect::<Vec<_>>();
        write!(f, "{:<10}", "")?;
        for end in &ends {
            write!(f, "{:>10}", format!("{end:?}"))?;
        }
        for kind in Kind::ALL {
            write!(f, "\n{:<10}", format!("{kind:?}"))?;
            for end in &ends {
                let count = self.said.iter().filter(|said| **said == (kind, **end)).count();
                write!(f, "{count:>10}")?;
            }
        }
        let caps = self.budgets.day;
        for (day, spent) in &self.spent {
            let cap = |resource| caps.of(resource).unwrap_or(u64::MAX);
            let Amount { metered_bytes, tokens, .. } = spent;
            write!(
                f,
                "\nday {day}: {metered_bytes:>7} of {} metered bytes, {tokens:>5} of {} tokens",
                cap(Resource::MeteredBytes),
                cap(Resource::Tokens)
            )?;
        }
        write!(
            f,
            "\n{} called back, {} kept from the target by budgets",
            self.called.len(),
            self.broke
        )
    }
}
