//! What is known of something said, and which way it goes therefore.

use super::foresee::{Foreseen, Wanted};
use super::memory::as_read;
use super::tariff::{Budget, left};
use super::{Acts, Ask, AskError, Assistant};
use crate::compute::compute;
use crate::likeness::Features;
use base::Privacy;
use intents::{Incomplete, Means, Recognition, Understood};
use journal::{ConversationId, UnixTime};
use routing::{Decision, Facts, Hybrid, IntentFacts, Left, decide};
use runtime::Turn;
use transport::clock;

/// A reply is given room for so much of the longest conversation, before old turns are left out for it.
const REPLY_SHARE: u32 = 4;

/// Something said, with all that is known of it.
#[derive(Debug)]
pub(super) struct Weighed {
    /// Where it was said.
    pub(super) conversation: ConversationId,
    /// Whether that is remembered here.
    pub(super) is_kept: bool,
    /// What it was taken for, where intents are known.
    pub(super) recognition: Option<Recognition>,
    /// The same, as a route is decided by.
    pub(super) intent: Option<IntentFacts>,
    /// The conversation as a model reads it.
    pub(super) turns: Vec<Turn>,
    /// The most tokens of the reply.
    pub(super) tokens_max: u32,
    /// What the draft model makes of it, where that was asked.
    pub(super) features: Option<Features>,
    /// What the target would take.
    pub(super) foreseen: Foreseen,
    /// Which way it goes.
    pub(super) decision: Decision,
}

impl<H: Acts> Assistant<H> {
    /// Weighs what is said, and does nothing yet.
    pub(super) async fn weigh(&mut self, ask: &Ask, now: UnixTime) -> Result<Weighed, AskError> {
        ask.check(self.mind.limits.text_bytes_max)?;
        let known = match ask.conversation {
            Some(id) => Some(self.mind.memory.class(id)?.ok_or(AskError::NoConversation(id))?),
            None => None,
        };
        let conversation = ask.conversation.unwrap_or_else(|| ConversationId(self.new_id()));
        let classes = [known, ask.class].into_iter().flatten();
        let own = classes.fold(self.device.config.planner.privacy, Ord::min);
        let own = self.class_of_all(ask.turns.iter().flatten(), own);
        // What a tool has answered is nothing that a person says, and what an action says is of no grammar.
        let is_said = ask.grammar.is_none()
            && ask.turns.iter().flat_map(|turns| turns.last()).all(|last| last.role == "user");
        let recognition = if is_said { self.recognize(&ask.text, conversation)? } else { None };
        let intent = recognition.as_ref().and_then(intent_facts);
        let name = intent.as_ref().map(|intent| intent.name.as_str());
        let class = self.mind.routing.policy.class(&ask.text, name, own);
        let tokens_max = ask.tokens_max.unwrap_or(self.device.config.generation.tokens_max);
        let (turns, prompt) = self.turns(ask, conversation, tokens_max)?;
        let features = match class != Privacy::Device && !self.acts(intent.as_ref()) {
            true => self.features(&turns, class).await?,
            false => None,
        };
        let usual = self.usual_likeness(features.as_ref());
        if class != Privacy::Device && self.depends_on_reach(ask, intent.as_ref(), usual) {
            self.probe().await;
        }
        let wanted = Wanted { prompt, tokens_max: self.room(prompt, tokens_max), class };
        let (foreseen, left) = self.affordable(wanted, now)?;
        let facts = Facts {
            text: &ask.text,
            intent: intent.clone(),
            privacy: own,
            demanded: ask.demanded,
            deadline: ask.deadline,
            likeness: likeness(usual, &foreseen.hybrid, self.device.target.is_some()),
            local: self.device.foresee_alone(wanted, &self.mind.experience()),
            hybrid: foreseen.hybrid.clone(),
            left,
            no_room: self.no_room()?,
        };
        let decision = decide(&self.mind.routing.policy, &facts);
        Ok(Weighed {
            conversation,
            is_kept: ask.turns.is_none(),
            recognition,
            intent,
            turns,
            features,
            tokens_max: wanted.tokens_max,
            foreseen,
            decision,
        })
    }

    /// How far a conversation may travel that its caller keeps, and that is of `class`: every turn of it goes along with
    /// the last one, so that a rule about any of them is one about all.
    pub(super) fn class_of_all<'a>(
        &self,
        turns: impl Iterator<Item = &'a Turn>,
        class: Privacy,
    ) -> Privacy {
        let policy = &self.mind.routing.policy;
        turns.fold(class, |class, turn| policy.class(&turn.content, None, class))
    }

    /// The conversation as a model reads it, and its tokens. Of one that is kept here old turns give way where it is too
    /// long; one that its caller keeps is the caller's business.
    fn turns(
        &self,
        ask: &Ask,
        conversation: ConversationId,
        tokens_max: u32,
    ) -> Result<(Vec<Turn>, usize), AskError> {
        let Some(turns) = &ask.turns else {
            let history = self.mind.memory.history(conversation)?;
            return self.fitting(as_read(&history, &ask.text), tokens_max);
        };
        // Their number is of no class.
        let tokens = self.device.chat_prompt_of(turns, Privacy::Device)?.len();
        Ok((turns.clone(), tokens))
    }

    /// Whether another route would be taken where the target is out of reach, than one on which the device goes on
    /// alone by itself. A link that was idle may be, and nobody knows; to ask takes some tenths of a second.
    fn depends_on_reach(&self, ask: &Ask, intent: Option<&IntentFacts>, usual: f64) -> bool {
        let unlike = self.device.target.is_none() && usual < self.mind.routing.policy.wait_below;
        (ask.demanded.is_some() || unlike) && !self.acts(intent)
    }

    /// Whether an intent is surely meant, and can be acted on.
    fn acts(&self, intent: Option<&IntentFacts>) -> bool {
        let surely = |intent: &IntentFacts| intent.confidence >= self.mind.routing.policy.act_from;
        intent.is_some_and(|intent| intent.acts && surely(intent))
    }

    /// What the draft model makes of a conversation, where anything depends on it.
    async fn features(
        &mut self,
        turns: &[Turn],
        class: Privacy,
    ) -> Result<Option<Features>, AskError> {
        if self.device.target.is_some() || self.mind.routing.likeness.is_some() {
            return Ok(None);
        }
        let prompt = self.device.chat_prompt_of(turns, class)?;
        Ok(self.device.features(&prompt).await?)
    }

    /// The chance that the draft model's answer is as good as the target's: as set, or as these features say. Of what
    /// nobody else may read, or does, it makes no difference.
    fn usual_likeness(&self, features: Option<&Features>) -> f64 {
        let judged = features.map_or(0.0, |features| self.mind.likeness().chance(features));
        self.mind.routing.likeness.unwrap_or(judged)
    }

    /// Asks those by whom the target is reached whether they are there.
    pub(crate) async fn probe(&self) {
        let config = &self.device.config;
        let request = config.first_request();
        let named = if config.plan.auto { None } else { request.first_peer() };
        if config.plan.auto || named.is_some() {
            self.mind.reach.probe(named).await;
        }
    }

    fn recognize(
        &self,
        text: &str,
        conversation: ConversationId,
    ) -> Result<Option<Recognition>, AskError> {
        let Some(recognizer) = &self.mind.recognizer else { return Ok(None) };
        let context = self.mind.dialogues().context(conversation, clock::now());
        Ok(Some(compute(|| recognizer.recognize(text, &context))?))
    }

    /// `turns` without the oldest, where all of them leave a reply no room; and how many tokens they are.
    fn fitting(
        &self,
        mut turns: Vec<Turn>,
        tokens_max: u32,
    ) -> Result<(Vec<Turn>, usize), AskError> {
        let positions_max = self.device.positions_max();
        let reply = tokens_max.min(positions_max / REPLY_SHARE);
        let room = (positions_max - reply) as usize;
        loop {
            // Their number is of no class.
            let tokens = self.device.chat_prompt_of(&turns, Privacy::Device)?.len();
            if tokens <= room || turns.len() < 3 {
                return Ok((turns, tokens));
            }
            turns.drain(..2);
        }
    }

    /// How many tokens of a reply there is room for.
    fn room(&self, prompt: usize, tokens_max: u32) -> u32 {
        let prompt = u32::try_from(prompt).unwrap_or(u32::MAX);
        tokens_max.min(self.device.positions_max().saturating_sub(prompt))
    }

    /// What the target would take, and what budgets leave for it.
    pub(super) fn affordable(
        &mut self,
        wanted: Wanted,
        now: UnixTime,
    ) -> Result<(Foreseen, Left), AskError> {
        let mut foreseen = self.device.foresee(wanted, &self.mind.reach, &self.mind.experience());
        let policy = *self.budgets();
        let standing = self.mind.memory.journal(|journal| journal.standing(now));
        let Some(standing) = standing.transpose()? else { return Ok((foreseen, Left::default())) };
        let (left, tokens) = left(&policy, &standing);
        if let Some(why) = too_many_tokens(&foreseen, tokens) {
            foreseen.hybrid = Hybrid::NoPlan(why);
        }
        Ok((foreseen, left))
    }

    /// Why no request can wait, where that is so.
    fn no_room(&self) -> Result<Option<String>, AskError> {
        let most = self.mind.limits.deferred_max;
        let all = self.mind.memory.journal(|journal| journal.all_deferred()).transpose()?;
        let Some(all) = all else {
            return Ok(Some("without [journal] nothing waits".to_owned()));
        };
        let waiting = all.iter().filter(|deferred| deferred.state.ended().is_none()).count();
        Ok((waiting >= most).then(|| format!("{waiting} requests wait already, as many as may")))
    }
}

/// The chance that the device's own answer is as good as the target's: that is so of the target itself, where all of it
/// is here and no better plan is to be had; else it is the `usual` one.
fn likeness(usual: f64, hybrid: &Hybrid, is_target_here: bool) -> f64 {
    match hybrid {
        Hybrid::None | Hybrid::OutOfReach { .. } | Hybrid::NoPlan(_) if is_target_here => 1.0,
        Hybrid::None | Hybrid::OutOfReach { .. } | Hybrid::NoPlan(_) | Hybrid::Planned(_) => usual,
    }
}

/// Why so many tokens of others are too many, where they are: routes know of money and bytes alone.
fn too_many_tokens(foreseen: &Foreseen, budget: Budget) -> Option<String> {
    let (left, whose) = budget?;
    let needs = foreseen.reserve.tokens;
    let over = matches!(foreseen.hybrid, Hybrid::Planned(_)) && needs > left;
    over.then(|| format!("it may take {needs} tokens, and {whose} leaves {left}"))
}

/// An intent as a route is decided by. One that needs to know more acts by asking, where its file says what.
fn intent_facts(recognition: &Recognition) -> Option<IntentFacts> {
    match recognition {
        Recognition::Understood(Understood { intent, means, .. }) => {
            let confidence = match means {
                Means::Exact | Means::Answer => 1.0,
                Means::Classifier(confidence) => f64::from(*confidence),
            };
            Some(IntentFacts { name: intent.clone(), confidence, acts: true })
        }
        Recognition::Incomplete(Incomplete { intent, ask, .. }) => {
            Some(IntentFacts { name: intent.clone(), confidence: 1.0, acts: ask.is_some() })
        }
        Recognition::OutOfScope { .. } => None,
    }
}
