//! One process: what it is told and when it tends, and what must have come of each.

use super::super::{Recorder, said, turns};
use super::books::End;
use super::days::{Death, Kind, Phase, Wish};
use super::life::{BACK, Life};
use crate::assistant::{Answer, Ask, AskError, Assistant, Tended};
use crate::reply::Reply;
use crate::{Notice, Show};
use base::Privacy;
use journal::{Amount, Outcome, RequestId};
use routing::{Decision, Route, Standing};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use transport::{Traffic, clock};

/// How often is looked after what waits.
const PERIOD: Duration = Duration::from_secs(60);

/// How far a process comes with what it dies over.
const LAST: Duration = Duration::from_millis(300);

/// What is heard, whether the target comes along or not.
#[derive(Default)]
struct Heard(String);

impl Show for Heard {
    fn piece(&mut self, text: &str, _: bool) {
        self.0.push_str(text);
    }

    fn notice(&mut self, _: &Notice) {}
}

/// One process of it.
pub(super) struct Process<'l> {
    pub(super) life: &'l mut Life,
    pub(super) phase: &'l Phase,
    pub(super) assistant: &'l mut Assistant<Recorder>,
}

/// How things stand before something is done.
struct Before {
    traffic: Traffic,
    spent: Amount,
    done: usize,
    refuses: u64,
}

impl Process<'_> {
    /// Lives to its end.
    pub(super) async fn live(mut self) {
        let began = clock::now();
        let now = self.assistant.now();
        let (life, assistant) = (&mut *self.life, &mut *self.assistant);
        assistant.kept(|journal| life.books.take_over(journal, now));
        for wish in &self.phase.wishes {
            self.idle_until(began + wish.at).await;
            self.say(wish).await;
        }
        self.idle_until(began + self.phase.lasts).await;
        match self.phase.death {
            Death::Calm => {}
            Death::Asking => self.die_asking().await,
            Death::Tending => self.die_tending().await,
        }
    }

    async fn idle_until(&mut self, until: Instant) {
        while let Some(left) = until.checked_duration_since(clock::now()) {
            if self.assistant.next_tending().unwrap().is_some() {
                self.tend(Duration::MAX).await;
            }
            let left = left.max(Duration::from_millis(1));
            tokio::time::sleep(left.min(PERIOD)).await;
        }
    }

    fn before(&mut self) -> Before {
        let now = self.assistant.now();
        Before {
            traffic: self.assistant.device.uplinks.traffic(),
            spent: self.assistant.kept(|journal| journal.standing(now)).unwrap().day,
            done: self.life.recorder.done.lock().unwrap().len(),
            refuses: self.life.recorder.refuses.load(Ordering::Relaxed),
        }
    }

    /// What was spent since then. It crossed the link, or nothing is metered here.
    fn spent(&mut self, before: &Before) -> Amount {
        let after = self.before();
        let spent = after.spent.less(before.spent);
        let crossed = (after.traffic - before.traffic).udp;
        let crossed = crossed.sent.0 + crossed.received.0;
        let metered = if self.phase.is_metered { crossed } else { 0 };
        assert!(spent.metered_bytes <= metered, "{spent:?} of {crossed}");
        assert!(crossed > 0 || spent == Amount::default(), "{spent:?} for nothing");
        spent
    }

    fn compare_budgets(&mut self) {
        let now = self.assistant.now();
        self.assistant.kept(|journal| self.life.books.compare_budgets(journal, now));
    }

    fn compare(&mut self) {
        let now = self.assistant.now();
        self.assistant.kept(|journal| self.life.books.compare(journal, now));
    }

    /// Does what waits, for so long. Every third time whoever is called is not there.
    async fn tend(&mut self, most: Duration) {
        self.life.tendings += 1;
        let refuses = u64::from(self.life.tendings.is_multiple_of(3));
        self.life.recorder.refuses.store(refuses, Ordering::Relaxed);
        let before = self.before();
        let cancel = CancellationToken::new();
        let tended = timeout(most, self.assistant.tend(&cancel)).await;
        let spent = self.spent(&before);
        let now = self.assistant.now();
        self.life.books.spend(spent, now);
        let Ok(tended) = tended else { return self.died() };
        let tended = tended.unwrap();
        if tended == Tended::default() {
            return self.compare_budgets();
        }
        let books = &mut self.life.books;
        for (id, conversation, text) in tended.answered {
            books.note(format!("{now} {id} {conversation} answered {text:?}, {spent:?}"));
            books.over(id, End::Answered);
            let turns = turns(self.assistant, conversation);
            assert!(turns.iter().any(|turn| turn.text == text), "{id} is answered nowhere");
        }
        for (id, why) in tended.refused {
            books.note(format!("{now} {id} withdrawn: {why}"));
            books.over(id, End::Withdrawn);
        }
        for id in tended.expired {
            books.note(format!("{now} {id} expired"));
            books.over(id, End::Expired);
        }
        for id in tended.called_back {
            books.note(format!("{now} {id} called back"));
            books.called_back(id);
        }
        self.compare();
    }

    fn asked(&self, wish: &Wish) -> Ask {
        Ask {
            class: wish.class,
            demanded: wish.demanded,
            deadline: wish.deadline,
            callback: wish.is_called_back.then(|| BACK.to_owned()),
            key: wish.key.clone(),
            ..said(self.life.talk.filter(|_| wish.here), wish.text)
        }
    }

    async fn say(&mut self, wish: &Wish) {
        let known = self.life.keyed.clone().filter(|_| wish.kind == Kind::Again);
        if let Some((again, id)) = known {
            return self.say_again(again, id).await;
        }
        let kind = if wish.kind == Kind::Again { Kind::Question } else { wish.kind };
        let asked = self.asked(wish);
        self.life.recorder.refuses.store(u64::from(wish.fails), Ordering::Relaxed);
        let before = self.before();
        let mut heard = Heard::default();
        let came = self.assistant.ask(asked.clone(), &mut heard, &CancellationToken::new()).await;
        if let Ok(answer) = &came {
            assert_eq!(heard.0, answer.text, "what is said is shown");
            if wish.here {
                self.life.talk = Some(answer.conversation);
            }
        }
        self.enter(kind, &asked, &before, came);
        self.compare();
    }

    /// Enters what came of something said, and holds it against what was done and spent for it.
    fn enter(&mut self, kind: Kind, asked: &Ask, before: &Before, came: Result<Answer, AskError>) {
        let (spent, now) = (self.spent(before), self.assistant.now());
        let line = match came {
            Ok(answer) => {
                let line = format!("{} {} {:?}", answer.conversation, answer.route, answer.text);
                self.enter_answer(kind, asked, before, answer);
                line
            }
            Err(AskError::Refused(decision)) => {
                self.check_class(decision.class, before);
                assert_eq!((spent, self.acts(before)), (Amount::default(), (0, 0)));
                self.life.books.ended(kind, End::Refused, None);
                "refused".to_owned()
            }
            Err(AskError::Generate(error)) => {
                self.life.books.ended(kind, End::Failed, None);
                format!("failed: {error}")
            }
            Err(other) => panic!("{asked:?}: {other}"),
        };
        let books = &mut self.life.books;
        books.spend(spent, now);
        books.note(format!("{now} {kind:?} {:?} {line} {spent:?}", asked.text));
    }

    fn enter_answer(&mut self, kind: Kind, asked: &Ask, before: &Before, answer: Answer) {
        let Answer { conversation, route, outcome, deferred, reply, decision, .. } = answer;
        self.check_class(decision.class, before);
        assert_eq!(route == Route::Action, kind == Kind::Intent, "{asked:?}");
        assert!(kind != Kind::Secret || decision.class == Privacy::Device, "{asked:?}");
        assert_eq!(reply.is_some(), matches!(route, Route::Local | Route::Hybrid));
        assert_eq!(deferred.is_some(), route == Route::Deferred);
        let wanted = match &outcome {
            None => (0, 0),
            Some(Outcome::Done) => (1, 1),
            Some(Outcome::Failed(why)) if why.starts_with("asked for") => (0, 0),
            Some(Outcome::Failed(_)) => (1, 0),
        };
        assert_eq!(self.acts(before), wanted, "{asked:?}: {outcome:?}");
        let paid = match (route, &reply) {
            (Route::Hybrid, Some(reply)) => self.cost(reply),
            (Route::Action | Route::Local | Route::Hybrid | Route::Deferred, _) => {
                Amount::default()
            }
        };
        assert_eq!(self.spent(before), paid, "{asked:?}");
        let books = &mut self.life.books;
        books.broke += usize::from(is_broke(&decision));
        if decision.class == Privacy::Device {
            books.confine(conversation);
        }
        match (route, deferred) {
            (Route::Deferred, Some(id)) => {
                books.waits(kind, id, (conversation, asked.callback.is_some()));
                if asked.key.is_some() {
                    self.life.keyed = Some((asked.clone(), id));
                }
            }
            (Route::Action, _) => books.ended(kind, End::Acted, Some(conversation)),
            (Route::Hybrid, _) => books.ended(kind, End::Hybrid, Some(conversation)),
            (Route::Local | Route::Deferred, _) => {
                books.ended(kind, End::Local, Some(conversation));
            }
        }
    }

    /// What a reply of the target costs, by its own word.
    fn cost(&self, Reply { usage, tokens, .. }: &Reply) -> Amount {
        let bytes = usage.bytes_sent + usage.bytes_received;
        Amount {
            metered_bytes: if self.phase.is_metered { bytes } else { 0 },
            tokens: (usage.prompt_tokens + tokens.len()) as u64,
            ..Amount::default()
        }
    }

    /// Nothing of class device crosses a link, not even a sign of life.
    fn check_class(&mut self, class: Privacy, before: &Before) {
        let traffic = self.before().traffic;
        assert!(class != Privacy::Device || traffic == before.traffic, "{traffic:?}");
    }

    /// How many actions were tried since then, and how many done.
    fn acts(&mut self, before: &Before) -> (u64, usize) {
        let after = self.before();
        let done = after.done - before.done;
        (done as u64 + before.refuses - after.refuses, done)
    }

    /// The same key is the same request, whatever has come of it.
    async fn say_again(&mut self, asked: Ask, id: RequestId) {
        let before = self.before();
        let cancel = CancellationToken::new();
        let again = self.assistant.ask(asked, &mut Heard::default(), &cancel).await.unwrap();
        assert_eq!((again.route, again.deferred), (Route::Deferred, Some(id)));
        assert_eq!(self.spent(&before), Amount::default());
        self.life.books.ended(Kind::Again, End::Repeated, None);
        self.compare();
    }

    async fn die_asking(&mut self) {
        let asked = said(None, "tell me a story about a dragon");
        let before = self.before();
        let (mut heard, cancel) = (Heard::default(), CancellationToken::new());
        let asking = self.assistant.ask(asked.clone(), &mut heard, &cancel);
        match timeout(LAST, asking).await {
            Ok(came) => self.enter(Kind::Question, &asked, &before, came),
            Err(_) => {
                self.life.books.ended(Kind::Question, End::Cut, None);
                self.died();
            }
        }
    }

    async fn die_tending(&mut self) {
        let demanded = Some(Route::Deferred);
        let asked = Ask { demanded, ..said(None, "explain how black holes form") };
        let before = self.before();
        let cancel = CancellationToken::new();
        let came = self.assistant.ask(asked.clone(), &mut Heard::default(), &cancel).await;
        self.enter(Kind::Question, &asked, &before, came);
        self.tend(LAST).await;
    }

    /// The process is over; what it had reserved nobody settles.
    fn died(&mut self) {
        let now = self.assistant.now();
        let standing = self.assistant.kept(|journal| journal.standing(now)).unwrap();
        self.life.books.orphan(standing.reserved);
        self.life.books.note(format!("{now} died with {:?} reserved", standing.reserved));
    }
}

/// Whether a budget kept it from the target.
fn is_broke(decision: &Decision) -> bool {
    let hybrid = decision.considered.iter().find(|found| found.route == Route::Hybrid);
    match hybrid.map(|found| &found.standing) {
        Some(Standing::Impossible(why)) => why.to_string().contains("budget leaves"),
        Some(Standing::Chosen(_) | Standing::Possible(_)) | None => false,
    }
}
