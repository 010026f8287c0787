//! What a sequence's KV is like: format, window, and with whom its blocks may be shared.

use super::lineage::Lineage;
use super::segment_format::SegmentFormat;
use base::{KvFormat, StreamWindow, TokenizerFingerprint};
use kernels::View;

/// Positions that a sequence with a window can always be cut back by, from the longest it was: what a target says alone for
/// one pass (256) and the drafts of another (64), in whole blocks. A deeper rollback is refused
/// unless it ends before anything was forgotten, or at 0.
pub const ROLLBACK_MAX: usize = 10 * super::BLOCK_SLOTS;

/// How a sequence's KV is kept. The default is half precision, sees everything, shares nothing and is
/// exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KvOptions {
    /// The number format.
    pub format: KvFormat,
    /// What a position of an endless text sees; `None` sees all before it, or what the model's own
    /// sliding window leaves.
    pub stream: Option<StreamWindow>,
    /// With whom blocks of equal content are shared.
    pub scope: PrefixScope,
    /// Through which hops its hidden states come.
    pub lineage: Lineage,
    /// The most that a segment may lose for the sequence to use it. Its own text is then near to what
    /// it computes alone, and not the same; others never see what it computes from that.
    pub accepts: SegmentFormat,
}

/// The sequences that may share blocks. Sharing is seen in the time that a prompt takes, so that
/// whoever shares with a stranger lets him guess what others asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PrefixScope(Option<[u8; 32]>);

impl PrefixScope {
    /// Shares with no one.
    pub const NOBODY: Self = Self(None);

    /// Shares with all sequences of the pool that were opened under the same name.
    pub fn of(name: &str) -> Self {
        Self(Some(*blake3::hash(name.as_bytes()).as_bytes()))
    }

    /// Shares with all sequences on any node that were opened for the same tenant, and whose token ids
    /// mean the same. The `secret` is what only the tenant's nodes know: who knows it can name, and so
    /// ask for, whatever its tokens he can guess.
    pub fn tenant(secret: &[u8], tokenizer: TokenizerFingerprint) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("causeway kv tenant 1");
        hasher.update(&tokenizer.0).update(secret);
        Self(Some(*hasher.finalize().as_bytes()))
    }

    /// What separates this scope's prefixes from all others.
    pub(super) const fn salt(&self) -> Option<&[u8; 32]> {
        self.0.as_ref()
    }
}

impl KvOptions {
    /// What a position sees, of a model with the `sliding_window`.
    pub(crate) fn view(&self, sliding_window: Option<u32>) -> View {
        let length = self.stream.map(StreamWindow::length);
        let window = match (length, sliding_window) {
            (Some(ours), Some(models)) => Some(ours.min(models)),
            (ours, models) => ours.or(models),
        };
        View { window, sinks: self.stream.map_or(0, StreamWindow::sinks) }
    }
}

/// The format, as kernels call it.
pub(super) const fn kernel_format(format: KvFormat) -> kernels::KvFormat {
    match format {
        KvFormat::F32 => kernels::KvFormat::F32,
        KvFormat::F16 => kernels::KvFormat::F16,
        KvFormat::Q8 => kernels::KvFormat::Q8,
        KvFormat::Q4 => kernels::KvFormat::Q4,
    }
}
