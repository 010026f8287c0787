//! `edge-node chat`: a conversation on the terminal. Ctrl-C stops the answer, not the program.

use crate::assistant::terminal;
use crate::config::Config;
use crate::device::Device;
use crate::request::Request;
use crate::run::Terminal;
use anyhow::Context as _;
use base::Sampling;
use runtime::Turn;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The command line of `edge-node chat`.
#[derive(Debug, clap::Args)]
pub struct ChatArguments {
    /// Configuration file of the device.
    #[arg(long)]
    config: PathBuf,
}

/// Runs the command until the input ends, or Ctrl-C while nobody is speaking.
///
/// # Errors
///
/// Whatever keeps the device from replying.
pub async fn chat(arguments: ChatArguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    if config.assistant.is_configured() {
        return terminal::converse(config, read_lines()).await;
    }
    let generation = config.generation.clone();
    let mut device = Device::start(config).await?;
    let mut lines = read_lines();
    let mut turns = Vec::new();
    loop {
        prompt_for_line()?;
        let line = tokio::select! {
            line = lines.recv() => line,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
        };
        let Some(line) = line.transpose().context("cannot read from standard input")? else {
            writeln!(std::io::stdout())?;
            return Ok(());
        };
        if line.trim().is_empty() {
            continue;
        }
        turns.push(Turn::said("user", line));
        let sampling = Sampling::new(
            generation.temperature,
            generation.top_k,
            generation.top_p,
            rand::random(),
        )?;
        let request = Request {
            stop: generation.stop.clone(),
            keep: true,
            ..Request::new(device.chat_prompt(&turns)?, sampling, generation.tokens_max)
        };
        let answer = answer(&mut device, &request).await?;
        turns.push(Turn::said("assistant", answer));
    }
}

/// One answer, which Ctrl-C cuts short.
async fn answer(device: &mut Device, request: &Request) -> anyhow::Result<String> {
    let cancel = CancellationToken::new();
    let mut show = Terminal::new(false);
    let reply = {
        let generating = device.generate(request, &mut show, &cancel);
        tokio::pin!(generating);
        loop {
            tokio::select! {
                reply = &mut generating => break reply?,
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    cancel.cancel();
                }
            }
        }
    };
    writeln!(std::io::stdout())?;
    Ok(reply.text)
}

/// Asks for the next line.
pub(crate) fn prompt_for_line() -> std::io::Result<()> {
    write!(std::io::stdout(), "> ")?;
    std::io::stdout().flush()
}

/// Lines of standard input.
pub(crate) type Lines = mpsc::Receiver<std::io::Result<String>>;

/// Lines of standard input, read on a thread of their own: such a read cannot be given up.
fn read_lines() -> Lines {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
