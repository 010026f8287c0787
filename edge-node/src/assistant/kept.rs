//! `edge-node conversations`, `deferred` and `forget`: what a device's journal holds, and its removal. The device is
//! not started; while it runs it has the journal for itself.

use crate::config::{Config, JournalSettings};
use anyhow::Context as _;
use journal::{Conversation, ConversationId, Deferred, Journal, State, UnixTime};
use runtime::SegmentStore;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The command line of `edge-node conversations`.
#[derive(Debug, clap::Args)]
pub struct ConversationsArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
    /// Print one JSON list instead of lines.
    #[arg(long)]
    json: bool,
}

/// The command line of `edge-node deferred`.
#[derive(Debug, clap::Args)]
pub struct DeferredArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
    /// Print one JSON list instead of lines.
    #[arg(long)]
    json: bool,
}

/// The command line of `edge-node forget`.
#[derive(Debug, clap::Args)]
pub struct ForgetArguments {
    /// Which conversation: 32 hexadecimal digits.
    conversation: ConversationId,
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
}

/// Lists conversations, the one that was used last first.
///
/// # Errors
///
/// Where the journal cannot be read.
pub fn conversations(arguments: &ConversationsArguments) -> anyhow::Result<()> {
    let now = SystemTime::now().into();
    let all = open(&arguments.config, now)?.conversations()?;
    let in_json = |Conversation { id, created, used, privacy, turns, bytes }: &Conversation| {
        json!({
            "id": id, "created_unix_s": created, "used_unix_s": used, "class": privacy, "turns": turns, "bytes": bytes
        })
    };
    let line = |Conversation { id, used, privacy, turns, .. }: &Conversation| {
        let class = privacy.as_str();
        format!("{id}  {turns} turns, class {class}, used {}", ago(*used, now))
    };
    print(&all, arguments.json, in_json, line)
}

/// Lists deferred requests, the oldest first.
///
/// # Errors
///
/// Where the journal cannot be read.
pub fn deferred(arguments: &DeferredArguments) -> anyhow::Result<()> {
    let now = SystemTime::now().into();
    let all = open(&arguments.config, now)?.all_deferred()?;
    let in_json = |Deferred { request, state, .. }: &Deferred| {
        json!({
            "id": request.id,
            "key": request.key,
            "conversation": request.conversation,
            "expires_unix_s": request.expires,
            "state": state,
        })
    };
    let line = |Deferred { request, state, .. }: &Deferred| {
        let (id, conversation) = (request.id, request.conversation);
        let why = match state {
            State::Refused { reason, .. } => format!(": {reason}"),
            State::Waiting { .. }
            | State::Sent { .. }
            | State::Answered { .. }
            | State::Delivered { .. }
            | State::Expired { .. } => String::new(),
        };
        format!("{id}  of conversation {conversation} {state}{why}")
    };
    print(&all, arguments.json, in_json, line)
}

/// Removes a conversation, its bytes too, and the KV that is kept on disk: of which text that is, nobody can tell.
///
/// # Errors
///
/// Where there is no such conversation, or journal or store cannot be written.
pub fn forget(arguments: &ForgetArguments) -> anyhow::Result<()> {
    let mut journal = open(&arguments.config, SystemTime::now().into())?;
    journal.forget(arguments.conversation)?;
    if let Some((folder, bound)) = Config::load(&arguments.config)?.segments.store {
        let store = SegmentStore::open(&folder, bound)?;
        store.clear().with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Ok(())
}

fn open(config: &Path, now: UnixTime) -> anyhow::Result<Journal> {
    let settings = Config::load(config)?.assistant.journal;
    let JournalSettings { path, limits } = settings
        .with_context(|| format!("{}: there is no [journal]: nothing is kept", config.display()))?;
    let (journal, _) = Journal::open(&path, limits, now)?;
    Ok(journal)
}

fn print<T>(
    all: &[T],
    json: bool,
    in_json: impl Fn(&T) -> Value,
    line: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if json {
        let list = Value::Array(all.iter().map(in_json).collect());
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    for one in all {
        writeln!(out, "{}", line(one))?;
    }
    Ok(())
}

/// How long ago that was, for people.
fn ago(then: UnixTime, now: UnixTime) -> String {
    let seconds = now.0.saturating_sub(then.0);
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        7_200..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
