//! Every table against the oracle, bit for bit; the oracle against double precision.

mod attention;
mod blocks;
mod elementwise;
mod matmul;
mod packed;
mod races;

use crate::Format;

/// A small generator (SplitMix64), so that tests need no dependency and repeat exactly.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.bits() % end as u64).unwrap()
    }

    /// Roughly normal, of deviation 1.
    pub(crate) fn float(&mut self) -> f32 {
        let uniform = |bits: u64| (bits >> 40) as f32 / 16_777_216.0 - 0.5;
        (0..4).map(|_| uniform(self.bits())).sum::<f32>() * 3.0_f32.sqrt()
    }

    pub(crate) fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float()).collect()
    }

    /// Mostly plain values, some zero, tiny, huge, infinite or NaN.
    pub(crate) fn wild_floats(&mut self, len: usize) -> Vec<f32> {
        let wild =
            [0.0, -0.0, 1e-45, -1e-38, 1e30, -1e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let one = |random: &mut Self| match random.below(16 * wild.len()) {
            pick if pick < wild.len() => wild[pick],
            _ => random.float(),
        };
        (0..len).map(|_| one(self)).collect()
    }

    /// Bytes of a `rows` by `cols` matrix: every bit random, except that block scales are modest.
    pub(crate) fn weights(&mut self, format: Format, rows: usize, cols: usize) -> Vec<u8> {
        if format == Format::F32 {
            return self.floats(rows * cols).iter().flat_map(|x| x.to_le_bytes()).collect();
        }
        let len = rows * format.row_bytes(cols).unwrap();
        let mut bytes: Vec<u8> = (0..len).map(|_| self.bits().to_le_bytes()[0]).collect();
        let scales: &[usize] = match format {
            Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::F16 | Format::BF16 => &[0],
            Format::Q4K | Format::Q5K => &[0, 2],
            Format::Q6K => &[208],
            Format::F32 => unreachable!("made above"),
        };
        for block in bytes.chunks_exact_mut(format.block_bytes()) {
            for &at in scales {
                let value = self.float() * 0.01;
                let bits = if format == Format::BF16 {
                    half::bf16::from_f32(value).to_le_bytes()
                } else {
                    half::f16::from_f32(value).to_le_bytes()
                };
                block[at..at + 2].copy_from_slice(&bits);
            }
        }
        bytes
    }
}

/// Asserts that both have the same bits; any NaN equals any other.
#[track_caller]
pub(crate) fn assert_same_bits(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
        assert!(same, "{what}: element {i} is {got:e}, not {expected:e}");
    }
}

#[test]
fn a_processor_with_the_features_gets_the_vector_tables() {
    let names: Vec<_> = crate::table::available().iter().map(|table| table.name).collect();
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let wide = is_x86_feature_detected!("avx512vnni");
        let expected = [
            ("scalar", true),
            ("avx2", true),
            ("avx-vnni twin", wide),
            ("avx-vnni", is_x86_feature_detected!("avxvnni")),
            ("avx512", wide),
        ];
        let expected = expected.iter().filter(|(_, runs)| *runs).map(|(name, _)| name);
        assert!(names.iter().eq(expected), "{names:?}");
    }
    #[cfg(target_arch = "aarch64")]
    assert_eq!(names.len() > 1, std::arch::is_aarch64_feature_detected!("neon"), "{names:?}");
    if let Ok(expected) = std::env::var("CAUSEWAY_TABLE") {
        assert_eq!(crate::table_name(), expected, "what the caller knows of this processor");
    }
    assert_eq!(names.last(), Some(&crate::table_name()));
}
