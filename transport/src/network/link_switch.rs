//! Cuts emulated links by hand, and mends them: for those who want to see what happens then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The switch of a network's emulated links. While they are cut nothing gets through, either way. Clones are the
/// same switch.
#[derive(Debug, Clone, Default)]
pub struct LinkSwitch(Arc<AtomicBool>);

impl LinkSwitch {
    /// Cuts the links, or mends them.
    pub fn set(&self, cut: bool) {
        // Datagrams that cross meanwhile are lost or not, as on any link.
        self.0.store(cut, Ordering::Relaxed);
    }

    /// Whether they are cut.
    pub fn is_cut(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
