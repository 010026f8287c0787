//! What an operator allows and prefers.

use base::Privacy;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way that a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// An intent's action; no model answers.
    Action,
    /// The device's own model answers, and no network is touched.
    Local,
    /// The target answers, by the plan that is best now.
    Hybrid,
    /// The request waits until the target can be had.
    Deferred,
}

impl Route {
    /// All, in the order in which they are explained.
    pub const ALL: [Self; 4] = [Self::Action, Self::Local, Self::Hybrid, Self::Deferred];

    /// The route as configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Local => "local",
            Self::Hybrid => "hybrid",
            Self::Deferred => "deferred",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an operator allows and prefers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The routes that there are at all.
    pub routes: Vec<Route>,
    /// An intent is acted on where it is right with this chance; one that fits a template always is.
    pub act_from: f64,
    /// The device answers by itself where its answer is as good as the target's with this chance.
    pub alone_from: f64,
    /// Where the target cannot be had, a request waits if the device's own answer is as good with less than
    /// this chance.
    pub wait_below: f64,
    /// No request waits that is worth less than so many seconds of it.
    pub wait_s_min: u64,
    /// Exceptions, all of which apply.
    pub rules: Vec<Rule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            routes: Route::ALL.to_vec(),
            act_from: 0.8,
            alone_from: 0.95,
            wait_below: 0.5,
            wait_s_min: 60,
            rules: Vec::new(),
        }
    }
}

/// An exception: for requests of which all that it names is so.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// What it is called in explanations.
    pub name: String,
    /// Taken for one of these intents; one that ends in `*` stands for all that begin so.
    pub intents: Option<Vec<String>>,
    /// Says one of these words or phrases, whatever their case.
    pub says: Option<Vec<String>>,
    /// Of one of these classes, before any rule.
    pub classes: Option<Vec<Privacy>>,
    /// Then it may travel so far at most.
    pub class: Option<Privacy>,
    /// Then it may go these ways at most.
    pub routes: Option<Vec<Route>>,
    /// Then it is refused, and told this.
    pub refuse: Option<String>,
}

/// A policy that cannot be meant. Whoever wrote it is to blame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// No chance.
    #[error("{key} is {value}; a chance is from 0 to 1")]
    NoChance {
        /// The key.
        key: &'static str,
        /// What it says.
        value: f64,
    },
    /// The device would wait for what it would also answer alone.
    #[error("wait_below is {wait_below} and alone_from {alone_from}; it must not be larger")]
    Crossed {
        /// Of the policy.
        wait_below: f64,
        /// Of the policy.
        alone_from: f64,
    },
    /// A rule without a name.
    #[error("rule {0} has no name; explanations need one")]
    Nameless(usize),
    /// A rule that changes nothing.
    #[error("rule {0:?} does nothing: it needs class, routes or refuse")]
    Idle(String),
    /// Requests that would wait for a way that they may not go.
    #[error("{place} allows deferred and not hybrid: what waits goes to the target in the end")]
    WaitsInVain {
        /// The policy's routes, or a rule.
        place: String,
    },
    /// A rule for everybody.
    #[error("rule {0:?} is for every request: it needs intents, says or classes")]
    Unbound(String),
}

impl Policy {
    /// Whether it can be meant.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the key or rule, and what would be right.
    pub fn check(&self) -> Result<(), PolicyError> {
        let Self { act_from, alone_from, wait_below, .. } = *self;
        let chances =
            [("act_from", act_from), ("alone_from", alone_from), ("wait_below", wait_below)];
        for (key, value) in chances {
            if !(0.0..=1.0).contains(&value) {
                return Err(PolicyError::NoChance { key, value });
            }
        }
        if wait_below > alone_from {
            return Err(PolicyError::Crossed { wait_below, alone_from });
        }
        check_routes("routes".to_owned(), &self.routes)?;
        self.rules.iter().enumerate().try_for_each(|(at, rule)| rule.check(at + 1))
    }

    /// How far a request may travel that says `text`, was taken for `intent`, and is of `class` by itself.
    pub fn class(&self, text: &str, intent: Option<&str>, class: Privacy) -> Privacy {
        let rules = self.rules_for(text, intent, class);
        rules.filter_map(|rule| rule.class).fold(class, Ord::min)
    }

    /// The rules that apply to such a request.
    pub(crate) fn rules_for<'a>(
        &'a self,
        text: &'a str,
        intent: Option<&'a str>,
        class: Privacy,
    ) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.applies(text, intent, class))
    }
}

impl Rule {
    fn check(&self, number: usize) -> Result<(), PolicyError> {
        if self.name.is_empty() {
            return Err(PolicyError::Nameless(number));
        }
        if self.class.is_none() && self.routes.is_none() && self.refuse.is_none() {
            return Err(PolicyError::Idle(self.name.clone()));
        }
        if self.intents.is_none() && self.says.is_none() && self.classes.is_none() {
            return Err(PolicyError::Unbound(self.name.clone()));
        }
        self.routes
            .as_ref()
            .map_or(Ok(()), |routes| check_routes(format!("rule {:?}", self.name), routes))
    }

    /// Whether it is about a request that says `text`, was taken for `intent`, and is of `class`.
    pub(crate) fn applies(&self, text: &str, intent: Option<&str>, class: Privacy) -> bool {
        let all = |names: &Option<Vec<String>>, fits: &dyn Fn(&String) -> bool| {
            names.as_ref().is_none_or(|names| names.iter().any(fits))
        };
        let is_intent = |pattern: &String| intent.is_some_and(|name| is_like(name, pattern));
        all(&self.intents, &is_intent)
            && all(&self.says, &|phrase| says(text, phrase))
            && self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
    }
}

/// Who may wait may go to the target.
fn check_routes(place: String, routes: &[Route]) -> Result<(), PolicyError> {
    let in_vain = routes.contains(&Route::Deferred) && !routes.contains(&Route::Hybrid);
    if in_vain { Err(PolicyError::WaitsInVain { place }) } else { Ok(()) }
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

/// Whether the words of `phrase` stand in `text` one after another. Punctuation parts words.
fn says(text: &str, phrase: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(str::to_lowercase).collect()
    };
    let (text, phrase) = (words(text), words(phrase));
    !phrase.is_empty() && text.windows(phrase.len()).any(|window| window == phrase)
}
