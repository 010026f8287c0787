//! Reading little-endian numbers and strings from the front of a GGUF file, within its bounds.

use crate::LoadError;
use std::path::Path;

/// A place in a file's first bytes. Reading past the end is an error that says where.
pub(super) struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
    /// From version 2 on, lengths and dimensions have 64 bits.
    long_lengths: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, bytes, at: 0, long_lengths: true }
    }

    pub(super) fn set_long_lengths(&mut self, long: bool) {
        self.long_lengths = long;
    }

    pub(super) fn path(&self) -> &'a Path {
        self.path
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at as u64
    }

    /// Bytes left.
    pub(super) fn rest(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    pub(super) fn u8(&mut self) -> Result<u8, LoadError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, LoadError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, LoadError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, LoadError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Result<f32, LoadError> {
        self.array().map(f32::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64, LoadError> {
        self.array().map(f64::from_le_bytes)
    }

    /// A length, count or dimension.
    pub(super) fn length(&mut self) -> Result<u64, LoadError> {
        if self.long_lengths { self.u64() } else { self.u32().map(u64::from) }
    }

    /// Bytes that a length takes.
    pub(super) fn length_bytes(&self) -> u64 {
        if self.long_lengths { 8 } else { 4 }
    }

    /// A string, with bytes that are not UTF-8 replaced: some vocabularies have such pieces.
    pub(super) fn string(&mut self) -> Result<String, LoadError> {
        let len = self.length()?;
        let len = usize::try_from(len).map_err(|_| self.truncated(len))?;
        Ok(String::from_utf8_lossy(self.take(len)?).into_owned())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        Ok(self.take(N)?.try_into().expect("take returns as many bytes as asked"))
    }

    pub(super) fn corrupt(&self, problem: impl Into<String>) -> LoadError {
        LoadError::corrupt(self.path, problem)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], LoadError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.truncated(count as u64))?;
        let bytes = &self.bytes[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn truncated(&self, count: u64) -> LoadError {
        let (at, len) = (self.at, self.bytes.len());
        self.corrupt(format!("its header needs {count} bytes at {at} and ends at {len}"))
    }
}
