//! Time that passes only where somebody waits for it.

use std::io;
use tokio::runtime::Builder;

/// Runs `future` on a runtime of its own, of one thread and with a paused clock: it stands still while
/// anything is computed and jumps to the next timer where nothing is. Timers go by whole milliseconds
/// from the start on, as tokio's do: what waits for less, or for a part of one, waits to its end.
///
/// The clock begins paused. One that is paused later stands somewhere between two milliseconds, by
/// chance, and so do all times that follow.
///
/// # Errors
///
/// Where the system gives no runtime.
///
/// # Panics
///
/// Within another runtime.
pub fn in_virtual_time<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    Ok(runtime.block_on(future))
}
