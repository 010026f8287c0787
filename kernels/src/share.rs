//! Rows of an operation shared among the threads of a pool.

use std::ops::Range;

use crate::matmul::PARALLEL_WORK_MIN;
use crate::pool::Pool;

/// What an element of a row costs, in multiply-adds of a matrix product: it comes from memory and goes
/// back there.
const ELEMENT_WORK: usize = 8;

/// Pieces for each thread, so that one that was interrupted does not hold up the others.
const PIECES_PER_THREAD: usize = 4;

/// Calls `each` with ranges that together are `0..rows`, on as many threads as rows of `width` elements
/// are worth.
pub(crate) fn share_rows(
    pool: &Pool,
    rows: usize,
    width: usize,
    each: impl Fn(Range<usize>) + Sync,
) {
    if pool.threads() == 1 || rows * width * ELEMENT_WORK < PARALLEL_WORK_MIN {
        return each(0..rows);
    }
    let pieces = rows.min(pool.threads() * PIECES_PER_THREAD);
    pool.run(pieces, &|piece| each(rows * piece / pieces..rows * (piece + 1) / pieces));
}
