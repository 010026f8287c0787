//! Where a network's nodes get numbers from that nobody chose: ids, pauses, what QUIC draws.

use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex, PoisonError};

/// The system's numbers, or those of a seed. Clones draw from one source, each number once.
#[derive(Debug, Clone, Default)]
pub(super) enum Random {
    /// What nobody can guess.
    #[default]
    System,
    /// What is the same again where it is asked for in the same order.
    Seeded(Arc<Mutex<ChaCha8Rng>>),
}

impl Random {
    /// The numbers of `seed`.
    pub(super) fn from_seed(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed))))
    }

    /// The next bytes.
    pub(super) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => rand::rng().fill_bytes(&mut bytes),
            Self::Seeded(generator) => {
                let mut generator = generator.lock().unwrap_or_else(PoisonError::into_inner);
                generator.fill_bytes(&mut bytes);
            }
        }
        bytes
    }
}
