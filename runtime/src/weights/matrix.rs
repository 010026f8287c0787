//! One weight matrix, ready to be multiplied with.
//!
//! Float weights are read where the file is mapped. Quantized ones are packed, and their file is let
//! go of: what is resident is one of the two, never both. Packed bytes lie in memory of this process
//! or, where the table has a store, in files that all processes share.

use super::Weight;
use super::table::{TensorEntry, TensorTable};
use crate::LoadError;
use crate::mapped_file::MappedBytes;
use base::ByteCount;
use kernels::{Matrix, Packed, Pool, Weights};
use memmap2::{Mmap, MmapMut};

/// A `[N, K]` matrix.
pub(crate) struct WeightMatrix {
    entry: TensorEntry,
    bytes: Bytes,
}

enum Bytes {
    /// As the model's file has them.
    Stored(MappedBytes),
    /// Packed, of this process.
    Packed(Mmap),
    /// Packed, in a file.
    Kept(MappedBytes),
}

impl WeightMatrix {
    /// Maps `weight`, and packs it on the threads of `pool` where it is quantized and no packed form
    /// is kept.
    pub(crate) fn load(
        table: &TensorTable,
        weight: Weight,
        pool: &Pool,
    ) -> Result<Self, LoadError> {
        let entry = table.find(weight)?.clone();
        let (rows, cols) = entry.matrix_shape();
        let Some(len) = Packed::len(entry.format(), rows, cols) else {
            let bytes = Bytes::Stored(entry.map()?.into_bytes());
            return Ok(Self { entry, bytes });
        };
        let bytes = match table.packed_store() {
            None => Bytes::Packed(pack(&entry, len, pool)?),
            Some(store) => {
                let name = table.name(weight);
                let pack = || pack(&entry, len, pool);
                Bytes::Kept(store.find_or_keep(&entry, &name, len, pack)?)
            }
        };
        Ok(Self { entry, bytes })
    }

    pub(crate) fn weights(&self) -> Weights<'_> {
        let (format, (rows, cols)) = (self.entry.format(), self.entry.matrix_shape());
        let fits = "the bytes were made for this format and shape";
        let packed = |bytes| Weights::Packed(Packed::new(format, rows, cols, bytes).expect(fits));
        match &self.bytes {
            Bytes::Stored(bytes) => {
                Weights::Plain(Matrix::new(format, rows, cols, bytes).expect(fits))
            }
            Bytes::Packed(bytes) => packed(bytes),
            Bytes::Kept(bytes) => packed(bytes),
        }
    }

    /// Bytes in the model's file.
    pub(crate) fn size(&self) -> ByteCount {
        ByteCount(self.entry.range().end - self.entry.range().start)
    }
}

/// The packed form of `entry`, of `len` bytes.
fn pack(entry: &TensorEntry, len: usize, pool: &Pool) -> Result<Mmap, LoadError> {
    let no_memory =
        |source| LoadError::Memory { path: entry.path().to_owned(), bytes: len, source };
    // Large pages where the system has them: a pass walks through all of it.
    let mut packed = MmapMut::map_anon(len).map_err(no_memory)?;
    #[cfg(target_os = "linux")]
    // Small pages do as well, only slower.
    let _ = packed.advise(memmap2::Advice::HugePage);
    kernels::pack(pool, &entry.map()?.matrix(), &mut packed);
    packed.make_read_only().map_err(no_memory)
}
