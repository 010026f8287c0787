//! How much of what the device said, or would have said, the target would have said itself.

/// Of so many tokens one may be another than the target's, in an answer that is as good.
const TOKENS_PER_MISS: u32 = 10;

/// Tokens from which on a reply counts in full: of fewer, each one decides.
const TELLING: u32 = 8;

/// What the target judged of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    agreed: u32,
    judged: u32,
}

impl Agreement {
    /// Of `judged` tokens of the draft model the target would have said `agreed` itself. Drafts that
    /// stand behind one that it would not have said are not judged, and drafts of a look-up are not the draft
    /// model's.
    ///
    /// # Panics
    ///
    /// Where more agreed than were judged.
    pub const fn new(agreed: u32, judged: u32) -> Self {
        assert!(agreed <= judged, "only what is judged agrees");
        Self { agreed, judged }
    }

    /// Whether that is as good as the target: all but one in ten agreed, or all but one where they are fewer.
    pub fn is_good(self) -> bool {
        self.judged - self.agreed <= (self.judged / TOKENS_PER_MISS).max(1)
    }

    /// How much it says, 0 to 1.
    pub(super) fn weight(self) -> f64 {
        f64::from(self.judged.min(TELLING)) / f64::from(TELLING)
    }

    /// Tokens that the target would have said itself.
    pub(super) const fn agreed(self) -> u32 {
        self.agreed
    }

    /// Tokens that it judged.
    pub(super) const fn judged(self) -> u32 {
        self.judged
    }
}
