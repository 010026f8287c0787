//! What token ids mean, as one number that two nodes can compare.
//!
//! Only ids cross the wire, so only their meaning counts: what each writes, or which marker it is.
//! How text becomes ids is the device's own business, and two formats of one model spell that
//! differently, so merges, scores and normalizers are left out.

use super::vocabulary::Vocabulary;
use base::TokenizerFingerprint;

/// Hashes every piece in the order of ids, each field with its length, so that no two vocabularies
/// look alike.
pub(super) fn fingerprint(vocabulary: &Vocabulary) -> TokenizerFingerprint {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"causeway token ids 1");
    for piece in &vocabulary.pieces {
        let hidden = piece.kind.is_hidden();
        let meaning = if hidden { piece.name.as_bytes() } else { &piece.bytes };
        hasher.update(&[u8::from(hidden)]);
        hasher.update(&(meaning.len() as u64).to_le_bytes());
        hasher.update(meaning);
    }
    TokenizerFingerprint(*hasher.finalize().as_bytes())
}
