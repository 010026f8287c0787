//! Vectors of four floats or sixteen bytes, in and out of arrays; the only file that touches memory.

use std::arch::aarch64::*;

/// Lanes of a float vector.
pub(super) const LANES: usize = 4;

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load(x: &[f32; LANES]) -> float32x4_t {
    // SAFETY: the array has the 16 bytes that are read; the instruction takes any alignment.
    unsafe { vld1q_f32(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store(x: &mut [f32; LANES], v: float32x4_t) {
    // SAFETY: the array has the 16 bytes that are written; the instruction takes any alignment.
    unsafe { vst1q_f32(x.as_mut_ptr(), v) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_bytes(x: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the array has the 16 bytes that are read; the instruction takes any alignment.
    unsafe { vld1q_u8(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_half_bytes(x: &[u8; 8]) -> uint8x8_t {
    vcreate_u8(u64::from_le_bytes(*x))
}

/// Four bytes, and zeros.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_quarter_bytes(x: &[u8; 4]) -> uint8x8_t {
    vcreate_u8(u64::from(u32::from_le_bytes(*x)))
}

/// The codes of four words.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_codes(x: &[i32; 4]) -> int8x16_t {
    // SAFETY: the array has the 16 bytes that are read; the instruction takes any alignment.
    vreinterpretq_s8_s32(unsafe { vld1q_s32(x.as_ptr()) })
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_codes(x: &mut [i32; 4], v: int8x16_t) {
    let v = vreinterpretq_s32_s8(v);
    // SAFETY: the array has the 16 bytes that are written; the instruction takes any alignment.
    unsafe { vst1q_s32(x.as_mut_ptr(), v) }
}

/// The lanes as an array.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn lanes(v: float32x4_t) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    store(&mut lanes, v);
    lanes
}

/// Four `f16` as f32, exactly.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn widen(halves: &[u8; 8]) -> float32x4_t {
    vcvt_f32_f16(vreinterpret_f16_u8(load_half_bytes(halves)))
}

/// The bits of four f32 as the nearest `f16`, ties to even.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn narrow(x: &[f32; LANES]) -> [u16; LANES] {
    let halves = vget_lane_u64::<0>(vreinterpret_u64_f16(vcvt_f16_f32(load(x))));
    bytemuck::cast(halves)
}
