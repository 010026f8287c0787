//! The head of a GGUF file, versions 1 to 3: metadata and where each tensor lies.
//!
//! candle reads these too, and the tests hold this reader against candle's. It is our own because
//! an untrusted file must not stop a node and an error must name its tensor: candle's divides by
//! an alignment of zero, forgets a name that comes twice, does not say which tensor has an unknown
//! dtype, and inflates byte arrays thirtyfold.
//!
//! # Invariants
//!
//! - **Nothing is allocated before the bytes for it are known to be there.** Every count is held
//!   against the rest of the file at its smallest possible size, and against a cap.
//! - **No name comes twice**, neither a key nor a tensor.
//!
//! Source: the GGUF specification, ggml `docs/gguf.md`; version 1 has 32-bit lengths.

use super::cursor::Cursor;
use super::metadata::{Metadata, Value};
use crate::LoadError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// How much of a file may be header. The largest vocabularies (262,144 pieces with merges) take
/// about 16 MiB.
pub(super) const HEADER_BYTES_MAX: u64 = 64 << 20;
/// Elements of one metadata array: merges of the largest vocabularies are about half a million.
const ARRAY_LEN_MAX: u64 = 4 << 20;
/// Pairs and tensors: 1,024 layers of nine tensors are below ten thousand.
const COUNT_MAX: u64 = 1 << 16;
/// ggml's own limit.
const DIMENSIONS_MAX: u32 = 4;
const ALIGNMENT_DEFAULT: u64 = 32;

// The format's numbers of the value types that are not integers.
const FLOAT: u32 = 6;
const BOOLEAN: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const DOUBLE: u32 = 12;

/// The parsed head of a file.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) metadata: Metadata,
    pub(super) tensors: Vec<TensorInfo>,
    /// Where in the file the tensors' bytes begin.
    pub(super) data_start: u64,
}

/// One tensor as the header declares it; nothing about its bytes is checked yet.
#[derive(Debug)]
pub(super) struct TensorInfo {
    pub(super) name: String,
    /// Slowest first: `[rows, columns]` for a matrix (the file has them the other way round).
    pub(super) shape: Vec<u64>,
    /// ggml's number of the format.
    pub(super) ggml_type: u32,
    /// Bytes from the start of the tensor data.
    pub(super) start: u64,
}

/// Reads the head of the file `path`, whose first bytes are `bytes`.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Header, LoadError> {
    let mut cursor = Cursor::new(path, bytes);
    if cursor.array()? != *b"GGUF" {
        return Err(cursor.corrupt("it does not begin with \"GGUF\""));
    }
    let version = cursor.u32()?;
    if !(1..=3).contains(&version) {
        return Err(LoadError::Unknown {
            path: path.to_owned(),
            what: "GGUF version".to_owned(),
            found: version.to_string(),
            known: "1, 2, 3 (little-endian)".to_owned(),
        });
    }
    cursor.set_long_lengths(version > 1);
    let tensor_count = cursor.length()?;
    let pair_count = cursor.length()?;
    if tensor_count > COUNT_MAX || pair_count > COUNT_MAX {
        return Err(cursor.corrupt(format!(
            "it declares {tensor_count} tensors and {pair_count} keys; at most {COUNT_MAX} of each"
        )));
    }

    let metadata = Metadata::new(path, read_pairs(&mut cursor, pair_count)?);
    let tensors = read_tensors(&mut cursor, tensor_count)?;
    let alignment = metadata.unsigned("general.alignment")?.unwrap_or(ALIGNMENT_DEFAULT);
    if !alignment.is_power_of_two() || alignment > HEADER_BYTES_MAX {
        let problem = format!("{alignment} is not a power of two up to {HEADER_BYTES_MAX}");
        return Err(LoadError::bad_key(path, "general.alignment", problem));
    }
    let data_start = cursor.at().next_multiple_of(alignment);
    Ok(Header { metadata, tensors, data_start })
}

fn read_pairs(cursor: &mut Cursor<'_>, count: u64) -> Result<BTreeMap<String, Value>, LoadError> {
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let key = cursor.string()?;
        let value = match cursor.u32()? {
            ARRAY => read_array(cursor, &key)?,
            kind => read_value(cursor, kind, &key)?,
        };
        if pairs.contains_key(&key) {
            return Err(cursor.corrupt(format!("it has the key {key:?} twice")));
        }
        pairs.insert(key, value);
    }
    Ok(pairs)
}

fn read_tensors(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<TensorInfo>, LoadError> {
    let mut names = BTreeSet::new();
    let mut tensors = Vec::new();
    for _ in 0..count {
        let name = cursor.string()?;
        let dimensions = cursor.u32()?;
        if dimensions > DIMENSIONS_MAX {
            return Err(cursor.corrupt(format!(
                "tensor {name:?} has {dimensions} dimensions; at most {DIMENSIONS_MAX}"
            )));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(cursor.length()?);
        }
        shape.reverse();
        let ggml_type = cursor.u32()?;
        let start = cursor.u64()?;
        if !names.insert(name.clone()) {
            return Err(cursor.corrupt(format!("it has the tensor {name:?} twice")));
        }
        tensors.push(TensorInfo { name, shape, ggml_type, start });
    }
    Ok(tensors)
}

fn read_value(cursor: &mut Cursor<'_>, kind: u32, key: &str) -> Result<Value, LoadError> {
    if let Some(integer) = read_integer(cursor, kind)? {
        return Ok(Value::Integer(integer));
    }
    Ok(match kind {
        FLOAT => Value::Float(cursor.f32()?.into()),
        DOUBLE => Value::Float(cursor.f64()?),
        BOOLEAN => Value::Boolean(cursor.u8()? != 0),
        STRING => Value::String(cursor.string()?),
        other => return Err(unknown_kind(cursor, other, key)),
    })
}

/// An integer, or nothing read where `kind` is not one.
fn read_integer(cursor: &mut Cursor<'_>, kind: u32) -> Result<Option<i128>, LoadError> {
    Ok(Some(match kind {
        0 => cursor.u8()?.into(),
        1 => cursor.u8()?.cast_signed().into(),
        2 => cursor.u16()?.into(),
        3 => cursor.u16()?.cast_signed().into(),
        4 => cursor.u32()?.into(),
        5 => cursor.u32()?.cast_signed().into(),
        10 => cursor.u64()?.into(),
        11 => cursor.u64()?.cast_signed().into(),
        _ => return Ok(None),
    }))
}

fn read_array(cursor: &mut Cursor<'_>, key: &str) -> Result<Value, LoadError> {
    let kind = cursor.u32()?;
    let count = cursor.length()?;
    let size_min = match kind {
        0 | 1 | BOOLEAN => 1,
        2 | 3 => 2,
        4 | 5 | FLOAT => 4,
        10 | 11 | DOUBLE => 8,
        STRING => cursor.length_bytes(),
        other => return Err(unknown_kind(cursor, other, key)),
    };
    let rest = cursor.rest();
    if count > ARRAY_LEN_MAX || count * size_min > rest {
        return Err(cursor.corrupt(format!(
            "key {key:?} declares {count} values; at most {ARRAY_LEN_MAX}, in {rest} bytes"
        )));
    }
    #[expect(clippy::cast_possible_truncation, reason = "scores and factors are kept as f32")]
    let narrow = |x: f64| x as f32;
    let each = 0..count;
    Ok(match kind {
        FLOAT => Value::Floats(each.map(|_| cursor.f32()).collect::<Result<_, _>>()?),
        DOUBLE => Value::Floats(each.map(|_| cursor.f64().map(narrow)).collect::<Result<_, _>>()?),
        BOOLEAN => Value::Booleans(each.map(|_| Ok(cursor.u8()? != 0)).collect::<Result<_, _>>()?),
        STRING => Value::Strings(each.map(|_| cursor.string()).collect::<Result<_, _>>()?),
        _ => Value::Integers(each.map(|_| read_i64(cursor, kind, key)).collect::<Result<_, _>>()?),
    })
}

fn read_i64(cursor: &mut Cursor<'_>, kind: u32, key: &str) -> Result<i64, LoadError> {
    let integer = read_integer(cursor, kind)?.expect("the other kinds are matched before");
    i64::try_from(integer)
        .map_err(|_| LoadError::bad_key(cursor.path(), key, "an integer of 2^63 or more"))
}

fn unknown_kind(cursor: &Cursor<'_>, kind: u32, key: &str) -> LoadError {
    LoadError::Unknown {
        path: cursor.path().to_owned(),
        what: format!("value type of key {key:?}"),
        found: kind.to_string(),
        known: "0 to 12, and arrays of all but arrays".to_owned(),
    }
}

#[cfg(test)]
mod tests;
