//! A slice whose parts several threads write, each its own.

use std::marker::PhantomData;
use std::ops::Range;

/// Hands out parts of a slice to the pieces of a job.
pub(crate) struct Disjoint<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: it stands for the exclusive reference that it was made from; `slice`'s callers see to it that
// no two threads hold the same element.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The elements in `range`.
    ///
    /// # Safety
    ///
    /// No other part that overlaps `range` is in use while this one is.
    ///
    /// # Panics
    ///
    /// Where `range` leaves the slice.
    #[allow(clippy::mut_from_ref, reason = "the contract of this type")]
    pub(crate) unsafe fn slice(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "a part of the slice");
        // SAFETY: the range lies in the slice.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: the slice is borrowed for as long as this type lives; that nobody else uses this part
        // of it is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(start, range.len()) }
    }
}
