//! Lines for sockets.

use super::ActionError;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Writes `line` and its end to `address`: `host:port`, or the path of a socket of this machine.
pub(super) async fn write_line(address: &str, line: &str) -> Result<(), ActionError> {
    let written = match address.contains('/') {
        true => to_path(address, line).await,
        false => match TcpStream::connect(address).await {
            Ok(stream) => to(stream, line).await,
            Err(error) => Err(error),
        },
    };
    let why = |error: std::io::Error| ActionError::Unreachable {
        to: address.to_owned(),
        why: error.to_string(),
    };
    written.map_err(why)
}

#[cfg(unix)]
async fn to_path(path: &str, line: &str) -> std::io::Result<()> {
    to(tokio::net::UnixStream::connect(path).await?, line).await
}

#[cfg(not(unix))]
async fn to_path(_: &str, _: &str) -> std::io::Result<()> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "sockets here have no paths"))
}

async fn to(mut stream: impl AsyncWrite + Unpin, line: &str) -> std::io::Result<()> {
    stream.write_all(format!("{line}\n").as_bytes()).await?;
    stream.shutdown().await
}
