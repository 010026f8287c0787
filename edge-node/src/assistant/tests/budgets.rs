//! What may be spent, and what was.

use super::{NOON, Stage, ask, said, seconds};
use crate::assistant::tariff;
use crate::request::Request;
use crate::show::{Show, Unseen};
use base::{Privacy, Sampling};
use journal::{Amount, Caps, RequestId, UnixTime};
use routing::{Hindrance, Route, Standing};
use std::sync::atomic::Ordering;
use tokio_util::sync::CancellationToken;

/// Goal: what a reply took is counted to the byte, and nothing stays reserved.
#[test]
fn what_is_settled_is_what_crossed() {
    let mut stage = Stage::new(&[]);
    stage.config.patience.price_per_gigabyte = Some(2_000.0);
    stage.play(async |assistant| {
        let mut spent = Amount::default();
        for (text, asked) in [("why do cats purr", 1), ("explain entropy", 2)] {
            let answer = ask(assistant, said(None, text)).await.unwrap();
            assert_eq!(answer.route, Route::Hybrid);
            let usage = answer.reply.unwrap().usage;
            let bytes = usage.bytes_sent + usage.bytes_received;
            let tokens = (usage.prompt_tokens + usage.completion_tokens) as u64;
            // Two millionths a byte.
            let reply = Amount { money_micro: 2 * bytes, metered_bytes: bytes, tokens };
            spent = spent.plus(reply);
            let standing = assistant.kept(|journal| journal.standing(NOON)).unwrap();
            assert_eq!((standing.day, standing.reserved), (spent, Amount::default()), "{asked}");
        }
        assert!(spent.metered_bytes > 1_000);
    });
}

/// Goal: a reply that turns out dearer than anybody thought is cut short, and costs no more than was reserved. Method:
/// far too little is reserved for a long one.
#[test]
fn a_reply_ends_where_its_reservation_does() {
    let mut stage = Stage::new(&[]);
    stage.config.patience.metered = true;
    stage.config.mode = partitioner::Mode::Remote;
    stage.play(async |assistant| {
        let mut long = said(None, "tell me a story about a dragon");
        long.tokens_max = Some(400);
        long.sampling = Some(Sampling::new(1.5, 0, 1.0, 7).unwrap());
        let mut weighed = assistant.weigh(&long, NOON).await.unwrap();
        weighed.foreseen.reserve.metered_bytes = 8_000;
        let request = assistant.request(&long, &weighed, Privacy::Anywhere).unwrap();
        let request = Request { past_end: true, ..request };
        let (cancel, id) = (CancellationToken::new(), RequestId(9));
        let paid = (&mut Unseen as &mut dyn Show, &cancel);
        let reply = assistant.spend(id, &weighed.foreseen, &request, paid).await.unwrap();
        assert_eq!(reply.finish_reason, "budget");
        assert!(reply.tokens.len() < 400, "{} tokens", reply.tokens.len());
        let standing = assistant.kept(|journal| journal.standing(NOON)).unwrap();
        let spent = standing.day.metered_bytes;
        assert!((3_000..=8_000).contains(&spent), "{spent} bytes");
        assert_eq!(standing.reserved, Amount::default());
    });
}

/// Goal: a reply never costs more than was reserved for it, also where its link is dialled twice in the middle. Method:
/// replies of several lengths and heats in each mode, by the planner's forecast and by rule of thumb; and a handshake.
#[test]
fn a_reservation_is_enough() {
    for mode in
        [partitioner::Mode::Remote, partitioner::Mode::Speculative, partitioner::Mode::Split]
    {
        for measured in [true, false] {
            let mut stage = Stage::new(&[]);
            stage.config.mode = mode;
            stage.play(async |assistant| {
                if !measured {
                    assistant.device.config.measured = None;
                }
                let handshake = assistant.device.uplinks.traffic().udp;
                let handshake = handshake.sent.0 + handshake.received.0;
                assert!(2 * handshake <= tariff::BYTES_FLAT, "{handshake}");
                for tokens in [1, 8, 40] {
                    let mut hot = said(None, "tell me a story about a dragon");
                    hot.tokens_max = Some(tokens);
                    hot.sampling = Some(Sampling::new(1.5, 0, 1.0, tokens.into()).unwrap());
                    let reserved = assistant.weigh(&hot, NOON).await.unwrap().foreseen.reserve;
                    let usage = ask(assistant, hot).await.unwrap().reply.unwrap().usage;
                    let bytes = usage.bytes_sent + usage.bytes_received;
                    println!(
                        "{mode} {measured} {tokens}: {bytes} of {}; {usage:?}",
                        reserved.metered_bytes
                    );
                    let besides = reserved.metered_bytes - tariff::BYTES_FLAT;
                    assert!(bytes <= besides, "{mode} {measured} {tokens}: {bytes} of {besides}");
                    let said = (usage.prompt_tokens + usage.completion_tokens) as u64;
                    assert!(said <= reserved.tokens);
                }
            });
        }
    }
}

/// Goal: over the day's limit the device answers itself and says why; after midnight the target does.
#[test]
fn a_day_that_is_spent_ends_at_midnight() {
    for tokens in [false, true] {
        let mut stage = Stage::new(&[]);
        let limit = match tokens {
            true => Caps { tokens: Some(40), ..Caps::default() },
            false => Caps { metered_bytes: Some(40_000), ..Caps::default() },
        };
        stage.limits().budgets.day = limit;
        stage.play(async |assistant| {
            let mut asked = 0;
            let over = loop {
                let answer = ask(assistant, said(None, "why do cats purr")).await.unwrap();
                asked += 1;
                assert!(asked < 60, "the budget is never used up");
                if answer.route != Route::Hybrid {
                    break answer;
                }
            };
            assert!(asked > 1, "the first one goes: {:?}", over.decision);
            assert_eq!(over.route, Route::Local);
            let hybrid = &over.decision.considered[2].standing;
            let Standing::Impossible(why) = hybrid else { panic!("{hybrid:?}") };
            assert!(why.to_string().contains("the day's budget leaves"), "{why}");
            assert_eq!(matches!(why, Hindrance::OverBudget { .. }), !tokens);
            // A second before midnight, and then at it.
            let to_midnight = 12 * 3_600 - (assistant.now().0 - NOON.0);
            stage.ahead.store(to_midnight - 1, Ordering::Relaxed);
            let late = ask(assistant, said(None, "why do cats purr")).await.unwrap();
            assert_eq!((late.route, assistant.now().0 < NOON.0 + 12 * 3_600), (Route::Local, true));
            seconds(1).await;
            let next = ask(assistant, said(None, "why do cats purr")).await.unwrap();
            assert_eq!(next.route, Route::Hybrid, "{:?}", next.decision);
            let day = assistant.kept(|journal| journal.standing(UnixTime(NOON.0 + 12 * 3_600)));
            assert!(day.unwrap().day.tokens < 40, "a new day");
        });
    }
}

/// Goal: a question for which there is no budget waits for one.
#[test]
fn what_waits_for_a_budget_goes_when_there_is_one() {
    let mut stage = Stage::new(&[]).alike(0.2);
    stage.limits().budgets.day = Caps { tokens: Some(40), ..Caps::default() };
    stage.play(async |assistant| {
        let waits = loop {
            let answer = ask(assistant, said(None, "why do cats purr")).await.unwrap();
            if answer.route != Route::Hybrid {
                break answer;
            }
        };
        assert_eq!(waits.route, Route::Deferred, "{:?}", waits.decision);
        let cancel = CancellationToken::new();
        assert!(assistant.tend(&cancel).await.unwrap().answered.is_empty());
        stage.ahead.store(13 * 3_600, Ordering::Relaxed);
        assert_eq!(assistant.tend(&cancel).await.unwrap().answered[0].0, waits.deferred.unwrap());
    });
}

/// Goal: a process that dies in mid-reply has spent no more than it had reserved, and the next one knows. Method: a
/// slow cloud, and an assistant that is dropped with its question.
#[test]
fn what_was_reserved_when_the_process_died_is_spent() {
    let (mut first, mut later) = (Stage::new(&[]), Stage::new(&[]));
    first.config.paces.cloud = settings::Pace { decode_ms: 500.0, per_row_ms: 0.0 };
    later.settings = first.settings.clone();
    let reserved = first.play(async |assistant| {
        let question = said(None, "tell me a story about a dragon");
        let reserved = assistant.weigh(&question, NOON).await.unwrap().foreseen.reserve;
        let asking = ask(assistant, question);
        tokio::time::timeout(std::time::Duration::from_secs(1), asking).await.unwrap_err();
        let standing = assistant.kept(|journal| journal.standing(NOON)).unwrap();
        assert_eq!((standing.day, standing.reserved), (Amount::default(), reserved));
        reserved
    });
    assert!(reserved.metered_bytes > 0 && reserved.tokens > 0);
    later.play(async |assistant| {
        let standing = assistant.kept(|journal| journal.standing(NOON)).unwrap();
        assert_eq!((standing.day, standing.reserved), (reserved, Amount::default()));
    });
}
