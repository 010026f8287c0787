//! An assistant on the terminal: for `edge-node run` and `chat`, where any of its sections is configured.

use super::{Acts, Answer, Ask, Assistant, Tended};
use crate::chat::{Lines, prompt_for_line};
use crate::config::Config;
use crate::run::Terminal;
use anyhow::Context as _;
use journal::Outcome;
use routing::{Hindrance, Route, Standing};
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Says one thing, and prints what comes of it: the answer, or all of it as one JSON object.
pub(crate) async fn say(
    config: Config,
    ask: Ask,
    json: bool,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let mut assistant = Assistant::with_hands(config).await?;
    let answer = assistant.ask(ask, &mut Terminal::new(json), cancel).await?;
    let mut out = std::io::stdout();
    match json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&in_json(&answer))?)?,
        false => {
            writeln!(out)?;
            print_notice(&answer);
        }
    }
    assistant.close().await;
    Ok(())
}

/// Converses until the input ends. Between two lines, what was put off goes out when it can.
pub(crate) async fn converse(config: Config, mut lines: Lines) -> anyhow::Result<()> {
    let mut assistant = Assistant::with_hands(config).await?;
    let mut conversation = None;
    loop {
        prompt_for_line()?;
        let Some(line) = next_line(&mut assistant, &mut lines).await? else {
            writeln!(std::io::stdout())?;
            assistant.close().await;
            return Ok(());
        };
        if line.trim().is_empty() {
            continue;
        }
        let ask = Ask { conversation, keep: true, ..Ask::new(line) };
        match answer(&mut assistant, ask).await? {
            Ok(answer) => {
                writeln!(std::io::stdout())?;
                print_notice(&answer);
                conversation = Some(answer.conversation);
            }
            Err(refused) => print_line(&format!("[{}]", settings::chain(&refused))),
        }
    }
}

/// One answer, which Ctrl-C cuts short. What is refused ends no conversation.
async fn answer<H: Acts>(
    assistant: &mut Assistant<H>,
    ask: Ask,
) -> anyhow::Result<Result<Answer, super::AskError>> {
    let (cancel, mut show) = (CancellationToken::new(), Terminal::new(false));
    let answering = assistant.ask(ask, &mut show, &cancel);
    tokio::pin!(answering);
    loop {
        tokio::select! {
            answer = &mut answering => return Ok(answer),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                cancel.cancel();
            }
        }
    }
}

/// The next line; `None` where the input ends, or with Ctrl-C. Whoever types is not kept waiting: what was put off
/// then waits again.
async fn next_line<H: Acts>(
    assistant: &mut Assistant<H>,
    lines: &mut Lines,
) -> anyhow::Result<Option<String>> {
    loop {
        let pause = assistant.next_tending()?;
        tokio::select! {
            line = lines.recv() => return line.transpose().context("cannot read from standard input"),
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                return Ok(None);
            }
            () = waited(pause) => {}
        }
        let cancel = CancellationToken::new();
        let tending = assistant.tend(&cancel);
        tokio::pin!(tending);
        let (mut typed, mut over) = (None, false);
        let tended = loop {
            tokio::select! {
                tended = &mut tending => break tended?,
                line = lines.recv(), if typed.is_none() => {
                    cancel.cancel();
                    typed = Some(line);
                }
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    cancel.cancel();
                    over = true;
                }
            }
        };
        print_tended(&tended);
        if over {
            return Ok(None);
        }
        if let Some(line) = typed {
            return line.transpose().context("cannot read from standard input");
        }
    }
}

async fn waited(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// What is said beside the words of an answer.
fn notice(answer: &Answer) -> Option<String> {
    match (answer.route, &answer.intent, &answer.outcome, answer.deferred) {
        (Route::Action, Some(intent), Some(Outcome::Done), _) => {
            Some(format!("[action: {intent}]"))
        }
        (Route::Action, Some(intent), Some(Outcome::Failed(why)), _) => {
            Some(format!("[action: {intent}: {why}]"))
        }
        (Route::Deferred, _, _, Some(id)) => {
            Some(format!("[deferred: {id} waits{}]", because(answer)))
        }
        (Route::Local, ..) => {
            let because = because(answer);
            (!because.is_empty()).then(|| format!("[local{because}]"))
        }
        (Route::Action | Route::Hybrid | Route::Deferred, ..) => None,
    }
}

/// What keeps the target from answering, where anything does.
fn because(answer: &Answer) -> String {
    let hybrid = answer.decision.considered.iter().find(|found| found.route == Route::Hybrid);
    match hybrid.map(|found| &found.standing) {
        // A device that has no target never misses it.
        Some(Standing::Impossible(Hindrance::NoTarget)) => String::new(),
        Some(Standing::Impossible(why)) => format!(": {why}"),
        Some(Standing::Chosen(_) | Standing::Possible(_)) | None => String::new(),
    }
}

fn print_notice(answer: &Answer) {
    if let Some(notice) = notice(answer) {
        print_line(&notice);
    }
}

fn print_tended(tended: &Tended) {
    for (id, _, text) in &tended.answered {
        print_line(&format!("[deferred: {id} is answered: {text}]"));
    }
    for (id, why) in &tended.refused {
        print_line(&format!("[deferred: {id} will not be answered: {why}]"));
    }
    for id in &tended.expired {
        print_line(&format!("[deferred: {id} has expired]"));
    }
}

fn print_line(line: &str) {
    // Standard error that is closed takes nothing, and nothing depends on it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn in_json(answer: &Answer) -> Value {
    json!({
        "conversation": answer.conversation,
        "route": answer.route,
        "class": answer.decision.class,
        "rules": answer.decision.rules,
        "text": answer.text,
        "intent": answer.intent,
        "outcome": answer.outcome,
        "deferred": answer.deferred,
        "because": because(answer).trim_start_matches(": "),
        "reply": answer.reply,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Privacy;
    use journal::{ConversationId, RequestId};
    use routing::{Considered, Decision};

    fn answer(route: Route, hybrid: Hindrance) -> Answer {
        let standing = Standing::Impossible(hybrid);
        let considered = vec![Considered { route: Route::Hybrid, standing }];
        let (class, rules) = (Privacy::Anywhere, Vec::new());
        Answer {
            conversation: ConversationId(1),
            route,
            decision: Decision { route: Some(route), class, rules, considered },
            text: "words".to_owned(),
            reply: None,
            deferred: None,
            intent: None,
            outcome: None,
        }
    }

    #[test]
    fn people_are_told_what_was_done_and_why_the_target_did_not_answer() {
        let away = || Hindrance::OutOfReach { since: Duration::from_secs(9) };
        let local = notice(&answer(Route::Local, away())).unwrap();
        assert_eq!(local, "[local: the target has been out of reach for 9 s]");
        assert_eq!(notice(&answer(Route::Local, Hindrance::NoTarget)), None);
        assert_eq!(notice(&answer(Route::Hybrid, away())), None);
        let waits = Answer { deferred: Some(RequestId(7)), ..answer(Route::Deferred, away()) };
        let waits = notice(&waits).unwrap();
        assert!(waits.contains("07 waits: the target has been out of reach"), "{waits}");
        let acted = |outcome| Answer {
            intent: Some("light".to_owned()),
            outcome: Some(outcome),
            ..answer(Route::Action, away())
        };
        assert_eq!(notice(&acted(Outcome::Done)).unwrap(), "[action: light]");
        let failed = notice(&acted(Outcome::Failed("no lamp".to_owned()))).unwrap();
        assert_eq!(failed, "[action: light: no lamp]");
    }
}
