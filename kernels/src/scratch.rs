//! Buffers that a thread keeps between operations, so that operations do not allocate.
//!
//! A buffer is taken out of its cell while in use: when a piece of work on this thread begins
//! an operation of its own in the middle of another, it finds an empty cell and makes its own.

use std::cell::Cell;
use std::thread::LocalKey;

/// Values beyond which a buffer is given back to the allocator instead of being kept: 16 MiB, more
/// than a decode step needs and less than what hurts when every thread keeps one.
const KEPT_VALUES_MAX: usize = 1 << 22;

thread_local! {
    static FLOATS: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// Runs `operation` on a buffer of `len` values whose content is unspecified.
pub(crate) fn with_floats<R>(len: usize, operation: impl FnOnce(&mut [f32]) -> R) -> R {
    with_floats_in(&FLOATS, len, operation)
}

/// As [`with_floats`], of a `cell` of the operation's own: for a buffer that stays in use while this
/// thread runs what uses [`with_floats`] itself.
pub(crate) fn with_floats_in<R>(
    cell: &'static LocalKey<Cell<Vec<f32>>>,
    len: usize,
    operation: impl FnOnce(&mut [f32]) -> R,
) -> R {
    with_kept(cell, |buffer| {
        if buffer.len() < len {
            buffer.resize(len, 0.0);
        }
        let result = operation(&mut buffer[..len]);
        if buffer.len() > KEPT_VALUES_MAX {
            *buffer = Vec::new();
        }
        result
    })
}

/// Takes the value out of `cell`, lends it to `operation`, and puts it back.
pub(crate) fn with_kept<T: Default, R>(
    cell: &'static LocalKey<Cell<T>>,
    operation: impl FnOnce(&mut T) -> R,
) -> R {
    let mut value = cell.take();
    let result = operation(&mut value);
    cell.set(value);
    result
}
