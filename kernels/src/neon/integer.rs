//! Products of bytes, by the best instruction that the processor has for them.
//!
//! ```text
//!   WIDENING  8 products in 16 bits each, which are added in pairs later
//!   DOT       4 outputs x 4 inputs, for one row
//!   MATRIX    2 outputs x 8 inputs, for two rows
//! ```
//!
//! The standard library's functions for the last two are unstable, so they are written as assembly.
//! The assembler is told of the extension at each instruction, because a function that names the
//! feature could not be inlined into the code that all three share.

use std::arch::aarch64::*;
use std::arch::asm;

use super::unpack::Sums;
use crate::packed::kind::Kind;

/// What every processor has.
pub(super) const WIDENING: u8 = 0;

/// `dotprod`: Arm's since Cortex-A55 and A75, Apple's since A11.
pub(super) const DOT: u8 = 1;

/// `i8mm` besides: Arm's since Cortex-A510, A710 and Neoverse V1, Apple's since A15 and M2.
pub(super) const MATRIX: u8 = 2;

/// Adds the products of four groups for each of `R` rows; lanes are outputs, once all groups are added
/// and the sums [untangled](untangle).
///
/// # Safety
///
/// The processor has the instructions `I`.
#[inline]
#[target_feature(enable = "neon")]
pub(super) unsafe fn add_products<K: Kind, const I: u8, const R: usize>(
    sums: &mut [int32x4_t; R],
    weights: &[int8x16_t; 4],
    rows: [int8x16_t; R],
) {
    let in_pairs = if I == MATRIX { R / 2 * 2 } else { 0 };
    for row in (0..in_pairs).step_by(2) {
        let codes = [rows[row], rows[row + 1]];
        // SAFETY: the caller's promise.
        [sums[row], sums[row + 1]] =
            unsafe { add_matrices([sums[row], sums[row + 1]], weights, codes) };
    }
    let (sums, rows) = (&mut sums[in_pairs..], &rows[in_pairs..]);
    if I == WIDENING {
        for (sum, codes) in sums.iter_mut().zip(rows) {
            *sum = add_widened::<K>(*sum, weights, *codes);
        }
    } else {
        // SAFETY: the caller's promise: processors with products of matrices have those of rows.
        unsafe { add_dots(sums, weights, rows) };
    }
}

/// Gives each row its sums where two rows shared two vectors.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn untangle<const I: u8, const R: usize>(sums: &mut [int32x4_t; R]) {
    if I != MATRIX {
        return;
    }
    for pair in sums.as_chunks_mut::<2>().0 {
        let [first, second] = pair.map(|sums| vreinterpretq_s64_s32(sums));
        *pair = [vtrn1q_s64(first, second), vtrn2q_s64(first, second)]
            .map(|sums| vreinterpretq_s32_s64(sums));
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn add_widened<K: Kind>(
    mut sum: int32x4_t,
    weights: &[int8x16_t; 4],
    codes: int8x16_t,
) -> int32x4_t {
    let words = vreinterpretq_s32_s8(codes);
    let codes = [
        vdupq_laneq_s32::<0>(words),
        vdupq_laneq_s32::<1>(words),
        vdupq_laneq_s32::<2>(words),
        vdupq_laneq_s32::<3>(words),
    ];
    let mut products = [vdupq_n_s16(0); 2];
    for (group, (weights, codes)) in weights.iter().zip(codes).enumerate() {
        let (weights, codes) = (opaque(*weights), vreinterpretq_s8_s32(codes));
        products[0] = vmlal_s8(products[0], vget_low_s8(weights), vget_low_s8(codes));
        products[1] = vmlal_high_s8(products[1], weights, codes);
        if !(group + 1).is_multiple_of(K::PRODUCTS_IN_16_BITS.min(4)) {
            continue;
        }
        sum = if K::PRODUCTS_IN_16_BITS == 8 {
            // There is room for neighbours too.
            vpadalq_s16(sum, vpaddq_s16(products[0], products[1]))
        } else {
            let [low, high] = products.map(|products| vpaddlq_s16(products));
            vaddq_s32(sum, vpaddq_s32(low, high))
        };
        products = [vdupq_n_s16(0); 2];
    }
    sum
}

/// The same bytes, of which the compiler knows nothing: that some have no sign it takes for a reason to
/// make 16 bits of them first, and multiply these.
#[inline]
#[target_feature(enable = "neon")]
fn opaque(mut bytes: int8x16_t) -> int8x16_t {
    // SAFETY: no instruction at all.
    unsafe {
        asm!("/* {0:v} */", inout(vreg) bytes, options(pure, nomem, nostack, preserves_flags));
    }
    bytes
}

/// # Safety
///
/// The processor has [`DOT`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_dots(sums: &mut [int32x4_t], weights: &[int8x16_t; 4], rows: &[int8x16_t]) {
    let [a, b, c, d] = *weights;
    // Neighbouring instructions add to different sums: some processors wait for one that is not ready.
    // SAFETY: the caller's promise.
    unsafe { add_dot::<0>(sums, a, rows) };
    // SAFETY: as above.
    unsafe { add_dot::<1>(sums, b, rows) };
    // SAFETY: as above.
    unsafe { add_dot::<2>(sums, c, rows) };
    // SAFETY: as above.
    unsafe { add_dot::<3>(sums, d, rows) };
}

/// Adds the products of one group, whose codes are word `GROUP` of each row.
///
/// # Safety
///
/// The processor has [`DOT`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_dot<const GROUP: u8>(sums: &mut [int32x4_t], weights: int8x16_t, rows: &[int8x16_t]) {
    for (sum, codes) in sums.iter_mut().zip(rows) {
        // SAFETY: the caller's promise; no memory is touched.
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {sum:v}.4s, {weights:v}.16b, {codes:v}.4b[{group}]",
                sum = inout(vreg) *sum,
                weights = in(vreg) weights,
                codes = in(vreg) *codes,
                group = const GROUP,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
}

/// The first sums are `[row 0 output 0, row 0 output 1, row 1 output 0, row 1 output 1]`, the second
/// those of outputs 2 and 3.
///
/// # Safety
///
/// The processor has [`MATRIX`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_matrices(
    mut sums: [int32x4_t; 2],
    weights: &[int8x16_t; 4],
    codes: [int8x16_t; 2],
) -> [int32x4_t; 2] {
    let rows = codes.map(|codes| vreinterpretq_s64_s8(codes));
    let rows = [vzip1q_s64(rows[0], rows[1]), vzip2q_s64(rows[0], rows[1])];
    for (rows, groups) in rows.into_iter().zip(weights.as_chunks::<2>().0) {
        let rows = vreinterpretq_s8_s64(rows);
        let [a, b] = groups.map(|group| vreinterpretq_s32_s8(group));
        let outputs = [vzip1q_s32(a, b), vzip2q_s32(a, b)];
        for (sum, outputs) in sums.iter_mut().zip(outputs) {
            let outputs = vreinterpretq_s8_s32(outputs);
            // SAFETY: the caller's promise.
            *sum = unsafe { add_matrix(*sum, rows, outputs) };
        }
    }
    sums
}

/// `[a0 b0, a0 b1, a1 b0, a1 b1]`, with `a0` and `b0` the lower and `a1` and `b1` the upper eight bytes.
///
/// # Safety
///
/// The processor has [`MATRIX`].
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_matrix(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the caller's promise; no memory is touched.
    unsafe {
        asm!(
            ".arch_extension i8mm",
            "smmla {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) sum,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}
