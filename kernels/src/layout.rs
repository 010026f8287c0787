//! Where the fields of a quant block lie, byte by byte.
//!
//! The layouts are those of GGUF (ggml's `block_q8_0`, `block_q4_0`, `block_q4_K`, `block_q5_K`,
//! `block_q6_K`), little-endian and without padding. Nothing here reads memory: blocks are plain
//! byte arrays, so a weight file may be mapped at any alignment.

/// Values that share one activation scale, and the granularity of every quantized dot product.
pub(crate) const SUB_BLOCK: usize = 32;

/// 32 values: `f16` scale, 32 `i8` codes.
pub(crate) mod q8_0 {
    pub(crate) const LEN: usize = 32;
    pub(crate) const SCALE: usize = 0;
    pub(crate) const CODES: usize = 2;
    pub(crate) const BYTES: usize = CODES + LEN;
    const _: () = assert!(BYTES == 34);
}

/// 32 values: `f16` scale, 16 bytes; byte `i` holds value `i` low and value `i + 16` high, each
/// plus 8.
pub(crate) mod q4_0 {
    pub(crate) const LEN: usize = 32;
    pub(crate) const SCALE: usize = 0;
    pub(crate) const CODES: usize = 2;
    pub(crate) const BYTES: usize = CODES + LEN / 2;
    const _: () = assert!(BYTES == 18);
}

/// 32 values: `f16` scale, 4 bytes whose bit `i` is the fifth bit of value `i`, 16 bytes as in `q4_0`;
/// codes are plus 16.
pub(crate) mod q5_0 {
    pub(crate) const LEN: usize = 32;
    pub(crate) const SCALE: usize = 0;
    pub(crate) const HIGH: usize = 2;
    pub(crate) const CODES: usize = 6;
    pub(crate) const BYTES: usize = CODES + LEN / 2;
    const _: () = assert!(BYTES == 22);
}

/// 256 values in 8 sub-blocks: `f16` scale of scales, `f16` scale of minima, eight 6-bit scales and
/// eight 6-bit minima in 12 bytes, then four runs of 32 bytes, each two sub-blocks (low and high
/// nibbles).
pub(crate) mod q4_k {
    pub(crate) const LEN: usize = 256;
    pub(crate) const SCALE: usize = 0;
    pub(crate) const MIN: usize = 2;
    pub(crate) const SUB_SCALES: usize = 4;
    pub(crate) const CODES: usize = 16;
    pub(crate) const BYTES: usize = CODES + LEN / 2;
    const _: () = assert!(BYTES == 144);
}

/// As `q4_k`, with 32 bytes before the nibbles that hold the fifth bits: bit `i` of byte `j` belongs
/// to value `j` of sub-block `i`.
pub(crate) mod q5_k {
    pub(crate) const LEN: usize = 256;
    pub(crate) const SCALE: usize = 0;
    pub(crate) const MIN: usize = 2;
    pub(crate) const SUB_SCALES: usize = 4;
    pub(crate) const HIGH: usize = 16;
    pub(crate) const CODES: usize = 48;
    pub(crate) const BYTES: usize = CODES + LEN / 2;
    const _: () = assert!(BYTES == 176);
}

/// 256 values in two halves of 128: low nibbles (64 bytes a half), high bit pairs (32 bytes a
/// half), sixteen `i8` scales of 16 values each, `f16` scale of scales. Codes are plus 32.
///
/// In a half, sub-block `s` of four takes the nibbles of bytes `32 * (s % 2)..`, low for `s < 2`,
/// and bits `2 * s..` of the pair bytes.
pub(crate) mod q6_k {
    pub(crate) const LEN: usize = 256;
    pub(crate) const LOW: usize = 0;
    pub(crate) const HIGH: usize = 128;
    pub(crate) const SUB_SCALES: usize = 192;
    pub(crate) const SCALE: usize = 208;
    pub(crate) const BYTES: usize = SCALE + 2;
    const _: () = assert!(BYTES == 210);
}

/// The `N` bytes of `block` from `at`.
///
/// Callers pass constants of this file and blocks of the format's length, so the check folds away.
#[inline(always)]
pub(crate) fn field<const N: usize>(block: &[u8], at: usize) -> &[u8; N] {
    block[at..].first_chunk().expect("a field lies inside its block")
}

/// The `f16` at `at`, widened.
#[inline(always)]
pub(crate) fn half_at(block: &[u8], at: usize) -> f32 {
    half::f16::from_le_bytes(*field::<2>(block, at)).to_f32()
}

/// Unpacks the eight 6-bit scales and eight 6-bit minima of a `q4_k` or `q5_k` block.
///
/// Bytes 0..4 hold scales 0..4 and bytes 4..8 minima 0..4 in their low six bits; bytes 8..12 hold
/// the low nibbles of scales (low) and minima (high) 4..8, whose two high bits sit on top of bytes
/// 0..4 and 4..8.
#[inline(always)]
pub(crate) fn sub_scales(packed: &[u8; 12]) -> ([u8; 8], [u8; 8]) {
    let word = |at: usize| u32::from_le_bytes(*field::<4>(packed, at));
    let (scales, minima, rest) = (word(0), word(4), word(8));
    let top = |word: u32| ((word >> 6) & 0x0303_0303) << 4;
    let join = |low: u32, high: u32| (u64::from(high) << 32 | u64::from(low)).to_le_bytes();
    (
        join(scales & 0x3f3f_3f3f, (rest & 0x0f0f_0f0f) | top(scales)),
        join(minima & 0x3f3f_3f3f, ((rest >> 4) & 0x0f0f_0f0f) | top(minima)),
    )
}
