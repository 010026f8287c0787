//! The architectures of GGUF files that the decoder computes, and how they differ.
//!
//! Source: llama.cpp `src/llama-arch.cpp` for names, `llama_model_rope_type` in `src/llama-model.cpp`
//! for the rotary order.

use super::metadata::Metadata;
use crate::LoadError;
use crate::config::LayerParts;
use kernels::RopeLayout;

/// `general.architecture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    /// Llama 2 and 3, and what has their function. Mistral's files say this too: that architecture
    /// differs by its window alone.
    Llama,
    /// Qwen2 and Qwen2.5: biases.
    Qwen2,
    /// Qwen3 without experts: norms of each head.
    Qwen3,
}

impl Architecture {
    const ALL: [Self; 3] = [Self::Llama, Self::Qwen2, Self::Qwen3];

    /// The one that `metadata` names.
    pub(super) fn of(metadata: &Metadata) -> Result<Self, LoadError> {
        const KEY: &str = "general.architecture";
        let name = metadata.require(KEY, metadata.string(KEY)?)?;
        Self::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| LoadError::Unknown {
            path: metadata.path().to_owned(),
            what: "architecture".to_owned(),
            found: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }

    /// What the file calls it; its keys begin with this.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    /// How its weights are ordered: converters permute Llama's queries and keys, and no others.
    pub(super) const fn rope_layout(self) -> RopeLayout {
        match self {
            Self::Llama => RopeLayout::Interleaved,
            Self::Qwen2 | Self::Qwen3 => RopeLayout::HalfSplit,
        }
    }

    pub(super) const fn parts(self) -> LayerParts {
        match self {
            Self::Llama => LayerParts::COMMON,
            Self::Qwen2 => LayerParts { attention_biases: true, ..LayerParts::COMMON },
            Self::Qwen3 => LayerParts { head_norms: true, ..LayerParts::COMMON },
        }
    }

    /// Whether a window in the file is what its layers see. Of Qwen's only some layers would have one.
    pub(super) const fn may_slide(self) -> bool {
        match self {
            Self::Llama => true,
            Self::Qwen2 | Self::Qwen3 => false,
        }
    }
}
