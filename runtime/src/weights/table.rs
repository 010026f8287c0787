//! Where every tensor of a model lies: file, bytes, format and shape, by name.
//!
//! # Invariants
//!
//! - **No entry leaves its file**, and its length is exactly what format and shape need.
//! - **No tensor is ignored.** One that the architecture does not use would change the model's
//!   function in a way the decoder does not know, so it is an error that names it.

use super::{Naming, PackedStore, Weight};
use crate::mapped_file::{MappedBytes, SourceFile};
use crate::{LoadError, ModelConfig};
use base::ByteCount;
use kernels::{Format, Matrix};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One tensor's place on disk.
#[derive(Debug, Clone)]
pub(crate) struct TensorEntry {
    file: Arc<SourceFile>,
    format: Format,
    shape: Vec<usize>,
    range: Range<u64>,
}

impl TensorEntry {
    /// The tensor `name` of `file`, whose bytes begin at `start`. `shape` has the rows first.
    pub(crate) fn new(
        file: &Arc<SourceFile>,
        name: &str,
        format: Format,
        shape: &[u64],
        start: Option<u64>,
    ) -> Result<Self, LoadError> {
        let corrupt = |problem: &str| {
            let problem = format!("tensor {name:?} of {format} {shape:?} {problem}");
            LoadError::corrupt(file.path(), problem)
        };
        let sizes: Result<Vec<usize>, _> = shape.iter().map(|n| usize::try_from(*n)).collect();
        let sizes = sizes.map_err(|_| corrupt("is larger than memory"))?;
        let (Some((columns, rows)), false) = (sizes.split_last(), sizes.contains(&0)) else {
            return Err(corrupt("has no values"));
        };
        let row_bytes = format
            .row_bytes(*columns)
            .ok_or_else(|| corrupt("has rows that are no whole number of quant blocks"))?;
        let end = rows
            .iter()
            .try_fold(row_bytes, |bytes, n| bytes.checked_mul(*n))
            .and_then(|bytes| start?.checked_add(bytes as u64))
            .filter(|end| *end <= file.len());
        let (Some(start), Some(end)) = (start, end) else {
            return Err(corrupt(&format!("does not fit in the file's {} bytes", file.len())));
        };
        Ok(Self { file: Arc::clone(file), format, shape: sizes, range: start..end })
    }

    /// Maps the tensor's bytes.
    pub(crate) fn map(&self) -> Result<MappedTensor, LoadError> {
        let bytes = self.file.map(self.range.clone())?;
        let (rows, columns) = self.matrix_shape();
        Ok(MappedTensor { format: self.format, rows, columns, bytes })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn file(&self) -> &SourceFile {
        &self.file
    }

    /// Rows and columns; a tensor of one dimension is one row.
    pub(crate) fn matrix_shape(&self) -> (usize, usize) {
        let columns = self.shape.last().copied().expect("a tensor has a dimension");
        (self.shape.iter().product::<usize>() / columns, columns)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn range(&self) -> &Range<u64> {
        &self.range
    }
}

/// A tensor whose bytes are mapped; its format and shape fit them.
#[derive(Debug)]
pub(crate) struct MappedTensor {
    format: Format,
    rows: usize,
    columns: usize,
    bytes: MappedBytes,
}

impl MappedTensor {
    pub(crate) fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.format, self.rows, self.columns, &self.bytes)
            .expect("a tensor entry's length fits its format and shape")
    }

    /// All values, widened: for norms, which are small.
    pub(crate) fn values(&self) -> Vec<f32> {
        let matrix = self.matrix();
        let mut values = vec![0.0; self.rows * self.columns];
        for (row, out) in values.chunks_exact_mut(self.columns).enumerate() {
            kernels::dequantize_row(&matrix, row, out);
        }
        values
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> MappedBytes {
        self.bytes
    }

    pub(crate) fn size(&self) -> ByteCount {
        ByteCount(self.bytes.len() as u64)
    }
}

/// All tensors of one model.
#[derive(Debug)]
pub(crate) struct TensorTable {
    path: PathBuf,
    naming: Naming,
    entries: BTreeMap<String, TensorEntry>,
    packed: Option<PackedStore>,
}

impl TensorTable {
    pub(crate) fn new(path: &Path, naming: Naming, entries: BTreeMap<String, TensorEntry>) -> Self {
        Self { path: path.to_owned(), naming, entries, packed: None }
    }

    /// The file or folder, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The entries by name, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &TensorEntry)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), entry))
    }

    pub(crate) fn has(&self, weight: Weight) -> bool {
        self.entries.contains_key(&self.name(weight))
    }

    /// Has packed weights kept in `store`.
    pub(crate) fn keep_packed(&mut self, store: PackedStore) {
        self.packed = Some(store);
    }

    /// Where packed weights are kept, if they are.
    pub(crate) const fn packed_store(&self) -> Option<&PackedStore> {
        self.packed.as_ref()
    }

    /// What the file calls `weight`.
    pub(crate) fn name(&self, weight: Weight) -> String {
        self.naming.name(weight)
    }

    /// The entry of `weight`.
    pub(crate) fn find(&self, weight: Weight) -> Result<&TensorEntry, LoadError> {
        self.find_name(&self.name(weight))
    }

    /// The entry of the tensor `name`.
    pub(crate) fn find_name(&self, name: &str) -> Result<&TensorEntry, LoadError> {
        self.entries.get(name).ok_or_else(|| LoadError::MissingTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
            known: self.neighbours(name),
        })
    }

    /// Holds the tensors against `config`: all there, of the right shape, and no others.
    pub(crate) fn check(&self, config: &ModelConfig) -> Result<(), LoadError> {
        let mut used = BTreeSet::new();
        for weight in Weight::all(config) {
            let name = self.name(weight);
            let entry = self.find_name(&name)?;
            let expected = weight.shape(config);
            if entry.shape != expected {
                return Err(LoadError::Shape {
                    path: entry.path().to_owned(),
                    tensor: name,
                    expected,
                    actual: entry.shape.clone(),
                });
            }
            used.insert(name);
        }
        let stray = self
            .entries
            .iter()
            .find(|(name, _)| !used.contains(*name) && !self.naming.is_redundant(name));
        stray.map_or(Ok(()), |(name, entry)| {
            Err(LoadError::unsupported(entry.path(), format!("the tensor {name}")))
        })
    }

    /// Some names that are there, those that sort next to `name` first.
    fn neighbours(&self, name: &str) -> String {
        const SHOWN_MAX: usize = 8;
        let name = name.to_owned();
        let before = self.entries.range(..name.clone()).rev().take(SHOWN_MAX / 2);
        let after = self.entries.range(name..).take(SHOWN_MAX / 2);
        let mut shown: Vec<&str> = before.chain(after).map(|(name, _)| name.as_str()).collect();
        shown.sort_unstable();
        match self.entries.len() - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}
