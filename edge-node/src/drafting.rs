//! Where the device's drafts come from: its model, a look-up in the text, or both.
//!
//! A source is chosen for each branch of drafts, and what the branch gave is held against its time: so
//! the best one is found while requests are answered.

use crate::lookup::Lookup;
use base::{Allowed, TokenId};
use protocol::{Drafted, Drafter, Origin, Source, Sources, Wish};
use std::time::{Duration, Instant};

/// With both sources, a token that the look-up finds is taken where it is right so often: the model's
/// is right about as often, and takes time.
const LOOKUP_ACCEPTANCE_MIN: f64 = 0.7;

/// Which sources may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceChoice {
    /// The best of them, found by trying.
    Auto,
    /// Always this one.
    Only(Source),
}

/// The sources of one request.
#[derive(Debug)]
pub(crate) struct Drafting {
    choice: SourceChoice,
    has_model: bool,
    sources: Sources,
    lookup: Lookup,
    branch: Option<Branch>,
}

/// The branch that is being drafted.
#[derive(Debug, Clone, Copy)]
struct Branch {
    id: u32,
    source: Source,
    began: Instant,
    /// The log's length then.
    log: usize,
}

/// What the device does for a wish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Idea {
    /// This is the draft.
    Known(Drafted),
    /// The model has to be asked.
    AskModel,
    /// There is nothing to draft here.
    Nothing,
}

impl Drafting {
    /// For a text that is over at one of `end_tokens`, with what earlier requests found out of `sources`.
    pub(crate) fn new(
        choice: SourceChoice,
        has_model: bool,
        sources: Sources,
        end_tokens: &[TokenId],
    ) -> Self {
        Self { choice, has_model, sources, lookup: Lookup::new(end_tokens), branch: None }
    }

    /// What was found out so far.
    pub(crate) const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// How to make the draft that `wish` asks for, where these tokens are `allowed`.
    pub(crate) fn idea(
        &mut self,
        now: Instant,
        drafter: &Drafter,
        wish: Wish,
        allowed: &Allowed,
    ) -> Idea {
        let source = self.source(now, wish.branch(), drafter.log().len());
        let found = match source {
            Source::Model => None,
            Source::Lookup | Source::Both => self.find(drafter),
        };
        let likely = |draft: &Drafted| {
            let chance = drafter.tuning().acceptance(draft.origin, draft.confidence);
            allowed.permits(draft.token)
                && (source == Source::Lookup || chance >= LOOKUP_ACCEPTANCE_MIN)
        };
        match (found.filter(likely), source) {
            (Some(draft), _) => Idea::Known(draft),
            (None, Source::Model | Source::Both) if self.has_model => Idea::AskModel,
            (None, Source::Model | Source::Both | Source::Lookup) => Idea::Nothing,
        }
    }

    /// What followed the text's end earlier in the text.
    fn find(&mut self, drafter: &Drafter) -> Option<Drafted> {
        let log = drafter.log().tokens();
        self.lookup.truncate(log.len());
        self.lookup.extend(&log[self.lookup.len()..]);
        let ahead: Vec<_> = drafter.ahead().collect();
        let (token, confidence) = self.lookup.draft_after(&ahead, 1).pop()?;
        Some(Drafted { token, origin: Origin::Lookup, confidence, took: Duration::ZERO })
    }

    /// The source of a branch; a new branch ends the one before.
    fn source(&mut self, now: Instant, id: u32, log: usize) -> Source {
        if let SourceChoice::Only(source) = self.choice {
            return source;
        }
        if !self.has_model {
            return Source::Lookup;
        }
        if let Some(branch) = self.branch.filter(|branch| branch.id == id) {
            return branch.source;
        }
        if let Some(ended) = self.branch {
            let tokens = u32::try_from(log.saturating_sub(ended.log)).unwrap_or(u32::MAX);
            let took = now.saturating_duration_since(ended.began);
            self.sources.observe(ended.source, tokens, took);
        }
        let source = self.sources.choose();
        self.branch = Some(Branch { id, source, began: now, log });
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::{
        DraftLength, KvFormat, LayerRange, NodeName, Position, Privacy, Sampling, WireCodec,
    };
    use protocol::{
        AfterOutage, DrafterConfig, Epoch, Opened, PlannedStage, PrefixHash, Route, SessionId,
        Tuning,
    };
    use transport::clock;

    /// A device with a text in which 1, 2 was followed by 3, and which ends in 1, 2 again; its session is open.
    fn drafter(now: Instant) -> Drafter {
        let stage = PlannedStage {
            node: NodeName::new("cloud").unwrap(),
            layers: LayerRange::all(2),
            embedding: true,
            head: true,
            codec: WireCodec::F32,
            scales: Vec::new(),
        };
        let config = DrafterConfig {
            session: SessionId([1; 16]),
            epoch: Epoch(1),
            have: Position(0),
            sampling: Sampling::GREEDY,
            route: Route {
                stages: vec![stage],
                draft_length: DraftLength::Fixed(3),
                window: 3,
                chunks: 1,
                extend: 0,
                vouched: false,
            },
            prompt: [1, 2, 3, 4, 1, 2].map(TokenId).to_vec(),
            tokens_max: 20,
            positions_max: 100,
            kv: KvFormat::F16,
            stream: None,
            end_tokens: Vec::new(),
            tuning: Tuning::default(),
            class: Privacy::Anywhere,
            constraint: None,
            likelihoods: None,
            trace: None,
            pass_rows_max: 8,
            retransmit: None,
            retry: Duration::from_secs(1),
            after_outage: AfterOutage::Keep,
        };
        let mut drafter = Drafter::new(config, now);
        let (epoch, held, prefix) = (Epoch(1), Position(0), PrefixHash::EMPTY);
        drafter.handle_opened(now, &Opened { epoch, held, prefix, passes: 0 }).unwrap();
        drafter
    }

    /// Drafts on their way are said where the link is lost: no source may lead out of the grammar.
    #[test]
    fn what_the_text_said_before_is_no_draft_where_it_is_not_allowed() {
        let now = clock::now();
        let drafter = drafter(now);
        let wish = drafter.wish().expect("there is room");
        let idea = |allowed: TokenId| {
            let only = SourceChoice::Only(Source::Lookup);
            let mut drafting = Drafting::new(only, true, Sources::default(), &[]);
            let allowed = Allowed::Only([allowed].into_iter().collect());
            drafting.idea(now, &drafter, wish, &allowed)
        };
        let Idea::Known(draft) = idea(TokenId(3)) else { panic!("the text has said it before") };
        assert_eq!((draft.token, draft.origin), (TokenId(3), Origin::Lookup));
        assert_eq!(idea(TokenId(4)), Idea::Nothing);
    }
}
