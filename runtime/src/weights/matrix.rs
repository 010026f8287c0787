//! One weight matrix, ready to be multiplied with.
//!
//! Float weights are read where the file is mapped. Quantized ones are packed into memory of our own
//! and their file is let go of: what is resident is one of the two, never both.

use super::table::TensorEntry;
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
    Mapped(MappedBytes),
    Packed(Mmap),
}

impl WeightMatrix {
    /// Maps the tensor, and packs it on the threads of `pool` where it is quantized.
    pub(crate) fn load(entry: &TensorEntry, pool: &Pool) -> Result<Self, LoadError> {
        let tensor = entry.map()?;
        let matrix = tensor.matrix();
        let Some(len) = Packed::len(matrix.format(), matrix.rows(), matrix.cols()) else {
            let bytes = Bytes::Mapped(tensor.into_bytes());
            return Ok(Self { entry: entry.clone(), bytes });
        };
        let no_memory =
            |source| LoadError::Memory { path: entry.path().to_owned(), bytes: len, source };
        // Pages that are there when they are first written, and large ones where the system has them.
        let mut packed = MmapMut::map_anon(len).map_err(no_memory)?;
        #[cfg(target_os = "linux")]
        // Small pages do as well, only slower.
        let _ = packed.advise(memmap2::Advice::HugePage);
        kernels::pack(pool, &matrix, &mut packed);
        let packed = packed.make_read_only().map_err(no_memory)?;
        Ok(Self { entry: entry.clone(), bytes: Bytes::Packed(packed) })
    }

    pub(crate) fn weights(&self) -> Weights<'_> {
        let (format, (rows, cols)) = (self.entry.format(), self.entry.matrix_shape());
        let fits = "the bytes were made for this format and shape";
        match &self.bytes {
            Bytes::Mapped(bytes) => {
                Weights::Plain(Matrix::new(format, rows, cols, bytes).expect(fits))
            }
            Bytes::Packed(bytes) => {
                Weights::Packed(Packed::new(format, rows, cols, bytes).expect(fits))
            }
        }
    }

    /// Bytes in the file.
    pub(crate) fn size(&self) -> ByteCount {
        ByteCount(self.entry.range().end - self.entry.range().start)
    }
}
