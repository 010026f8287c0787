//! What is said in a week, where and when: all of it a function of a seed.

use base::Privacy;
use journal::UnixTime;
use link_emulator::{Emulation, LinkProfile};
use partitioner::Mode;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use routing::Route;
use std::path::Path;
use std::time::Duration;

/// 2024-02-29, a Thursday: its month ends with it.
const FIRST: UnixTime = UnixTime(1_709_164_800);

const DAY_S: u64 = 86_400;

/// The last lacks a temperature that there is.
const INTENTS: [&str; 4] = [
    "set the heating to 21 degrees",
    "turn on the lamp",
    "put milk on the list",
    "set the heating to 50 degrees",
];

const QUESTIONS: [&str; 6] = [
    "why do cats purr",
    "explain how black holes form",
    "tell me a story about a dragon",
    "who invented the telephone",
    "why do dogs bark",
    "explain entropy",
];

/// Of which sort something said is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An intent's words.
    Intent,
    /// For a model.
    Question,
    /// For a model, and only here.
    Secret,
    /// The key of one that was put off, again.
    Again,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Intent, Self::Question, Self::Secret, Self::Again];
}

/// Something that will be said.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// When, after the phase began.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) text: &'static str,
    /// Whether in the conversation of the day, and not in a new one.
    pub(super) here: bool,
    pub(super) class: Option<Privacy>,
    pub(super) demanded: Option<Route>,
    pub(super) deadline: Option<Duration>,
    pub(super) is_called_back: bool,
    pub(super) key: Option<String>,
    /// Whether the first thing that is acted on for it fails.
    pub(super) fails: bool,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// When nothing is to be done.
    Calm,
    /// While a question is asked.
    Asking,
    /// While what waits is sent.
    Tending,
}

/// One process, in one place.
#[derive(Debug, Clone)]
pub(super) struct Phase {
    pub(super) place: &'static str,
    pub(super) begins: UnixTime,
    pub(super) lasts: Duration,
    pub(super) link: Emulation,
    pub(super) is_metered: bool,
    pub(super) mode: Mode,
    /// The chance that the device's own answers are as good as the target's.
    pub(super) likeness: f64,
    pub(super) wishes: Vec<Wish>,
    pub(super) death: Death,
    pub(super) seed: u64,
}

/// A place of every day.
struct Place {
    name: &'static str,
    hour: u64,
    delay_ms: u32,
    is_metered: bool,
}

const PLACES: [Place; 5] = [
    Place { name: "home", hour: 6, delay_ms: 8, is_metered: false },
    Place { name: "there", hour: 7, delay_ms: 40, is_metered: true },
    Place { name: "office", hour: 9, delay_ms: 2, is_metered: false },
    Place { name: "back", hour: 17, delay_ms: 40, is_metered: true },
    Place { name: "night", hour: 22, delay_ms: 8, is_metered: false },
];

/// Seven days of five places each.
pub(super) fn week(seed: u64) -> Vec<Vec<Phase>> {
    let dice = &mut ChaCha8Rng::seed_from_u64(seed);
    (0..7).map(|day| PLACES.iter().map(|place| phase(dice, day, place)).collect()).collect()
}

/// Two days after `last`, at home, where nothing is said.
pub(super) fn after(last: &Phase) -> Phase {
    let begins = UnixTime(last.begins.0 + 2 * DAY_S);
    Phase { begins, wishes: Vec::new(), death: Death::Calm, seed: !last.seed, ..last.clone() }
}

fn phase(dice: &mut ChaCha8Rng, day: u64, place: &Place) -> Phase {
    let lasts = Duration::from_secs(if place.is_metered { 1_800 } else { 600 });
    let tunnels = if place.is_metered { tunnels(dice) } else { Vec::new() };
    let count = if place.is_metered { 12 } else { 4 };
    let mut wishes: Vec<Wish> = (0..count).map(|_| wish(dice, lasts, &tunnels)).collect();
    wishes.sort_by_key(|wish| wish.at);
    // Keys are of a request, whenever it is said.
    for (number, wish) in wishes.iter_mut().enumerate().filter(|_| place.is_metered) {
        let named = wish.kind == Kind::Question && number % 2 == 0;
        wish.key = named.then(|| format!("{day}-{}-{number}", place.name));
    }
    Phase {
        place: place.name,
        begins: UnixTime(FIRST.0 + day * DAY_S + place.hour * 3_600),
        lasts,
        link: link(place.delay_ms, &tunnels),
        is_metered: place.is_metered,
        mode: *[Mode::Remote, Mode::Speculative].choose(dice).expect("two"),
        likeness: *[0.2, 0.2, 0.7].choose(dice).expect("three"),
        wishes,
        death: *[Death::Calm, Death::Calm, Death::Asking, Death::Tending].choose(dice).expect("4"),
        seed: dice.random(),
    }
}

/// When each begins, and how long it is, in seconds.
fn tunnels(dice: &mut ChaCha8Rng) -> Vec<(u64, u64)> {
    let tunnel =
        |third: u64| (third * 600 + dice.random_range(20..400), dice.random_range(20..=180));
    (0..3).map(tunnel).collect()
}

fn wish(dice: &mut ChaCha8Rng, lasts: Duration, tunnels: &[(u64, u64)]) -> Wish {
    let end = u64::try_from(lasts.as_millis()).expect("half an hour");
    let at = match tunnels.choose(dice) {
        // So that the link is lost in the middle of some.
        Some((begins, _)) if dice.random_bool(0.2) => begins * 1_000 - dice.random_range(0..400),
        Some((begins, length)) if dice.random_bool(0.3) => {
            (begins * 1_000) + dice.random_range(0..length * 1_000)
        }
        Some(_) | None => dice.random_range(1_000..end - 60_000),
    };
    let kinds = [Kind::Intent, Kind::Question, Kind::Question, Kind::Question, Kind::Secret];
    let mut kind = *kinds.choose(dice).expect("five");
    if dice.random_bool(0.08) {
        kind = Kind::Again;
    }
    let text = match kind {
        Kind::Intent => INTENTS.choose(dice),
        Kind::Question | Kind::Again => QUESTIONS.choose(dice),
        Kind::Secret => Some(&"my salary is secret"),
    };
    let demands = kind == Kind::Question && dice.random_bool(0.1);
    let routes = [Route::Hybrid, Route::Deferred, Route::Local, Route::Action];
    let seconds = dice.random_range(1..400);
    Wish {
        at: Duration::from_millis(at),
        kind,
        text: text.expect("some"),
        here: dice.random_bool(if kind == Kind::Secret { 0.1 } else { 0.5 }),
        class: (kind == Kind::Secret).then_some(Privacy::Device),
        demanded: demands.then(|| *routes.choose(dice).expect("four")),
        deadline: dice.random_bool(0.25).then_some(Duration::from_secs(seconds)),
        is_called_back: dice.random_bool(0.5),
        key: None,
        fails: dice.random_bool(0.25),
    }
}

fn link(delay_ms: u32, tunnels: &[(u64, u64)]) -> Emulation {
    let cuts = tunnels.iter().map(|(at, length)| format!("{{ at_s = {at}, for_s = {length} }}"));
    let cuts = cuts.collect::<Vec<_>>().join(", ");
    let text = format!(
        "about = ''\n[up]\ndelay_ms = {delay_ms}\n[down]\ndelay_ms = {delay_ms}\n[outages]\nscheduled = [{cuts}]"
    );
    let no_file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    LinkProfile::parse(&text).expect("a profile").resolve(no_file).expect("no files")
}
