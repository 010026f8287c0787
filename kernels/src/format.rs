//! The number formats that a weight matrix may be stored in.

use crate::layout::{q4_0, q4_k, q5_0, q5_k, q6_k, q8_0};

/// How the values of a weight matrix are stored. Layouts are GGUF's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// IEEE 754 single precision, little-endian.
    F32,
    /// IEEE 754 half precision, little-endian.
    F16,
    /// The upper half of an `f32`, little-endian.
    BF16,
    /// 32 values: `f16` scale and `i8` codes; 8.5 bits a value.
    Q8_0,
    /// 32 values: `f16` scale and 4-bit codes; 4.5 bits a value.
    Q4_0,
    /// 32 values: `f16` scale and 5-bit codes; 5.5 bits a value.
    Q5_0,
    /// 256 values: 4-bit codes, scale and minimum for every 32; 4.5 bits a value.
    Q4K,
    /// 256 values: 5-bit codes, scale and minimum for every 32; 5.5 bits a value.
    Q5K,
    /// 256 values: 6-bit codes, scale for every 16; 6.5625 bits a value.
    Q6K,
}

impl Format {
    /// Every format, for callers that list what is known.
    pub const ALL: [Self; 9] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q4_0,
        Self::Q5_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Values in one quant block; 1 for the float formats.
    #[must_use]
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0 => q8_0::LEN,
            Self::Q4_0 => q4_0::LEN,
            Self::Q5_0 => q5_0::LEN,
            Self::Q4K => q4_k::LEN,
            Self::Q5K => q5_k::LEN,
            Self::Q6K => q6_k::LEN,
        }
    }

    /// Bytes in one quant block; bytes of one value for the float formats.
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => q8_0::BYTES,
            Self::Q4_0 => q4_0::BYTES,
            Self::Q5_0 => q5_0::BYTES,
            Self::Q4K => q4_k::BYTES,
            Self::Q5K => q5_k::BYTES,
            Self::Q6K => q6_k::BYTES,
        }
    }

    /// Bytes of a row of `cols` values; `None` where `cols` is no whole number of blocks or the
    /// product overflows.
    #[must_use]
    pub const fn row_bytes(self, cols: usize) -> Option<usize> {
        if !cols.is_multiple_of(self.block_len()) {
            return None;
        }
        (cols / self.block_len()).checked_mul(self.block_bytes())
    }

    /// Whether values come in blocks with a shared scale.
    #[must_use]
    pub const fn is_quantized(self) -> bool {
        self.block_len() > 1
    }

    /// The name that GGUF tools print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q5_0 => "Q5_0",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
        }
    }

    /// The format with ggml's type number `id`; `None` for types that are not supported here.
    #[must_use]
    pub const fn from_ggml(id: u32) -> Option<Self> {
        match id {
            0 => Some(Self::F32),
            1 => Some(Self::F16),
            2 => Some(Self::Q4_0),
            6 => Some(Self::Q5_0),
            8 => Some(Self::Q8_0),
            12 => Some(Self::Q4K),
            13 => Some(Self::Q5K),
            14 => Some(Self::Q6K),
            30 => Some(Self::BF16),
            _ => None,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
