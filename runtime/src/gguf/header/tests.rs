//! Headers byte by byte: all versions, all value types, and files made to do harm.

use super::super::metadata::Metadata;
use super::*;
use candle_core::quantized::gguf_file::Content;
use std::io;

/// Writes GGUF headers of any version, truthful or not.
struct Writer {
    version: u32,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(version: u32, tensors: u64, pairs: u64) -> Self {
        let mut writer = Self { version, bytes: b"GGUF".to_vec() };
        writer.bytes.extend(version.to_le_bytes());
        writer.length(tensors).length(pairs)
    }

    fn length(mut self, n: u64) -> Self {
        if self.version == 1 {
            self.bytes.extend(u32::try_from(n).unwrap().to_le_bytes());
        } else {
            self.bytes.extend(n.to_le_bytes());
        }
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    fn u32(self, n: u32) -> Self {
        self.raw(&n.to_le_bytes())
    }

    fn string(self, text: &str) -> Self {
        self.length(text.len() as u64).raw(text.as_bytes())
    }

    fn tensor(self, name: &str, dimensions: &[u64], ggml_type: u32, start: u64) -> Self {
        let mut writer = self.string(name).u32(u32::try_from(dimensions.len()).unwrap());
        for n in dimensions {
            writer = writer.length(*n);
        }
        writer.u32(ggml_type).raw(&start.to_le_bytes())
    }
}

fn read(bytes: &[u8]) -> Result<Header, LoadError> {
    super::read(Path::new("model.gguf"), bytes)
}

fn check_refused(bytes: &[u8], reason: &str) {
    let error = read(bytes).expect_err(reason).to_string();
    assert!(error.contains(reason), "{error:?} does not say {reason:?}");
}

/// A header with one pair of every type and two tensors.
fn everything(version: u32) -> Vec<u8> {
    Writer::new(version, 2, 15)
        .string("u8")
        .u32(0)
        .raw(&[200])
        .string("i8")
        .u32(1)
        .raw(&[200])
        .string("u16")
        .u32(2)
        .raw(&40_000_u16.to_le_bytes())
        .string("i16")
        .u32(3)
        .raw(&(-5_i16).to_le_bytes())
        .string("u32")
        .u32(4)
        .raw(&4_000_000_000_u32.to_le_bytes())
        .string("i32")
        .u32(5)
        .raw(&(-6_i32).to_le_bytes())
        .string("f32")
        .u32(6)
        .raw(&1.5_f32.to_le_bytes())
        .string("bool")
        .u32(7)
        .raw(&[1])
        .string("string")
        .u32(8)
        .string("héllo")
        .string("u64")
        .u32(10)
        .raw(&u64::MAX.to_le_bytes())
        .string("i64")
        .u32(11)
        .raw(&i64::MIN.to_le_bytes())
        .string("f64")
        .u32(12)
        .raw(&0.1_f64.to_le_bytes())
        .string("strings")
        .u32(9)
        .u32(8)
        .length(2)
        .string("a")
        .string("")
        .string("floats")
        .u32(9)
        .u32(6)
        .length(1)
        .raw(&2.5_f32.to_le_bytes())
        .string("integers")
        .u32(9)
        .u32(5)
        .length(2)
        .raw(&[255; 4])
        .raw(&[7, 0, 0, 0])
        .tensor("matrix", &[64, 3], 1, 0)
        .tensor("vector", &[5], 0, 384)
        .bytes
}

#[test]
fn every_version_and_every_type_reads() {
    for version in 1..=3 {
        let bytes = everything(version);
        let Header { metadata, tensors, data_start } = read(&bytes).unwrap();
        let read = |key| metadata.unsigned(key).unwrap();
        assert_eq!([read("u8"), read("u16")], [Some(200), Some(40_000)]);
        assert_eq!([read("u32"), read("u64")], [Some(4_000_000_000), Some(u64::MAX)]);
        for negative in ["i8", "i16", "i32", "i64", "string"] {
            assert!(metadata.unsigned(negative).is_err(), "{negative}");
        }
        assert_eq!(metadata.float("f32").unwrap(), Some(1.5));
        assert_eq!(metadata.float("f64").unwrap(), Some(0.1));
        assert_eq!(metadata.boolean("bool").unwrap(), Some(true));
        assert_eq!(metadata.string("string").unwrap(), Some("héllo"));
        assert_eq!(metadata.strings("strings").unwrap().unwrap(), ["a", ""]);
        assert_eq!(metadata.floats("floats").unwrap().unwrap(), [2.5]);
        assert_eq!(metadata.integers("integers").unwrap().unwrap(), [-1, 7]);
        assert_eq!(metadata.string("absent").unwrap(), None);
        assert_eq!(tensors[0].shape, [3, 64]);
        assert_eq!((tensors[1].name.as_str(), tensors[1].start), ("vector", 384));
        assert_eq!(data_start, (bytes.len() as u64).next_multiple_of(32));
    }
}

#[test]
fn candle_reads_the_same_from_the_same_bytes() {
    for version in 1..=3 {
        let bytes = everything(version);
        let ours = read(&bytes).unwrap();
        let theirs = Content::read(&mut io::Cursor::new(&bytes)).unwrap();
        assert_eq!(theirs.tensor_data_offset, ours.data_start);
        assert_eq!(theirs.metadata.len(), ours.metadata.keys().count());
        for tensor in &ours.tensors {
            let other = &theirs.tensor_infos[&tensor.name];
            let dims: Vec<u64> = other.shape.dims().iter().map(|n| *n as u64).collect();
            assert_eq!((dims, other.offset), (tensor.shape.clone(), tensor.start));
        }
    }
}

/// No prefix of a header is a header, and none makes the reader panic.
#[test]
fn every_truncation_is_an_error() {
    for version in 1..=3 {
        let bytes = everything(version);
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "version {version}, {len} bytes");
        }
    }
}

/// Any byte may be anything: the reader returns, whatever it finds.
#[test]
fn no_changed_byte_makes_the_reader_panic() {
    for version in 1..=3 {
        let bytes = everything(version);
        for at in 0..bytes.len() {
            for value in [0, 1, 9, 127, 128, 255] {
                let mut changed = bytes.clone();
                changed[at] = value;
                drop(read(&changed));
            }
        }
    }
}

#[test]
fn declared_sizes_beyond_the_file_are_refused_before_they_are_allocated() {
    let huge = u64::MAX;
    check_refused(&Writer::new(3, huge, 0).bytes, "tensors");
    check_refused(&Writer::new(3, 0, COUNT_MAX + 1).bytes, "keys");
    check_refused(&Writer::new(3, 0, 1).length(huge).bytes, "header needs");
    let array = |kind, count| Writer::new(3, 0, 1).string("k").u32(ARRAY).u32(kind).length(count);
    check_refused(&array(0, ARRAY_LEN_MAX + 1).bytes, "declares");
    check_refused(&array(12, ARRAY_LEN_MAX).bytes, "declares");
    check_refused(&array(STRING, 1000).raw(&[0; 7999]).bytes, "declares 1000");
    check_refused(&Writer::new(3, 1, 0).tensor("t", &[1; 5], 0, 0).bytes, "5 dimensions");
}

#[test]
fn unknown_versions_types_and_nested_arrays_are_refused() {
    check_refused(b"GGML\x01\0\0\0", "does not begin");
    check_refused(&Writer::new(4, 0, 0).bytes, "known: 1, 2, 3");
    check_refused(&Writer::new(3, 0, 1).string("k").u32(13).raw(&[0; 8]).bytes, "\"13\"");
    let nested = Writer::new(3, 0, 1).string("k").u32(ARRAY).u32(ARRAY).length(1).raw(&[0; 64]);
    check_refused(&nested.bytes, "arrays of all but arrays");
}

#[test]
fn names_that_come_twice_are_refused() {
    let pair = |writer: Writer| writer.string("key").u32(0).raw(&[1]);
    check_refused(&pair(pair(Writer::new(3, 0, 2))).bytes, "\"key\" twice");
    let twice = Writer::new(3, 2, 0).tensor("t", &[1], 0, 0).tensor("t", &[1], 0, 32);
    check_refused(&twice.bytes, "\"t\" twice");
}

#[test]
fn an_alignment_that_is_no_power_of_two_is_refused() {
    let aligned = |alignment: u32| {
        Writer::new(3, 0, 1).string("general.alignment").u32(4).raw(&alignment.to_le_bytes()).bytes
    };
    for bad in [0, 3, u32::MAX] {
        check_refused(&aligned(bad), "general.alignment");
    }
    assert_eq!(read(&aligned(4096)).unwrap().data_start, 4096);
}

#[test]
fn a_key_of_another_kind_is_named() {
    let metadata = Metadata::new(
        Path::new("m"),
        BTreeMap::from([("k".to_owned(), Value::String("text".to_owned()))]),
    );
    let error = metadata.unsigned("k").unwrap_err().to_string();
    assert_eq!(error, "m has a bad k: a string and not an integer of at least 0");
}
