//! Few elements among many.

/// Elements looked at together.
const GROUP: usize = 32;

/// Calls `each` with the index of every element that is `rare`, ascending: at the speed of vectors where
/// they are few.
#[inline(always)]
pub(super) fn for_each_rare<T: Copy>(
    elements: &[T],
    rare: impl Fn(T) -> bool,
    mut each: impl FnMut(usize),
) {
    for (index, group) in elements.chunks(GROUP).enumerate() {
        if group.iter().fold(false, |any, &x| any | rare(x)) {
            for (at, _) in group.iter().enumerate().filter(|&(_, &x)| rare(x)) {
                each(index * GROUP + at);
            }
        }
    }
}
