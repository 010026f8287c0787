//! `traceparent`: whose child a request is, as HTTP says it.
//!
//! ```text
//!   00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//!   version  trace, of all nodes        span, the sender's flags: 01 where somebody records it
//! ```
//!
//! Source: W3C Recommendation *Trace Context*, section 3.2. A newer version is read as its rules for that
//! say: by what version 00 knows of it.

use std::fmt;
use std::str::FromStr;

/// Of version 00.
const LEN: usize = 55;
/// No version has more that anybody would read.
const LEN_MAX: usize = 256;

/// A span that others are children of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

/// A header that is no `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceParentError {
    /// Of no length that one can have.
    #[error(
        "traceparent has {bytes} bytes; version 00 has {LEN}, later ones no more than {LEN_MAX}"
    )]
    Length {
        /// What it has.
        bytes: usize,
    },
    /// Not `version-trace-span-flags` in lower-case hexadecimal digits.
    #[error(
        "traceparent is like 00-(32 hexadecimal digits)-(16 of them)-(2 of them), in lower case"
    )]
    Form,
    /// The version that stands for none.
    #[error("traceparent has version ff, which there is not")]
    Version,
    /// An id that stands for none.
    #[error("traceparent has an id of zeros, which stands for none")]
    Zero,
}

impl TraceParent {
    /// By its ids.
    ///
    /// # Errors
    ///
    /// [`TraceParentError::Zero`] where one of them is all zero.
    pub fn new(trace: [u8; 16], span: [u8; 8], sampled: bool) -> Result<Self, TraceParentError> {
        if trace == [0; 16] || span == [0; 8] {
            return Err(TraceParentError::Zero);
        }
        Ok(Self { trace, span, sampled })
    }

    /// A child of `parent`, or where there is none the first of a trace that is recorded; its ids are
    /// `random`.
    pub fn begin(parent: Option<Self>, random: [u8; crate::IDS_LEN]) -> Self {
        let (mut trace, mut span) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&random[..16]);
        span.copy_from_slice(&random[16..]);
        // One id in 2^64 or 2^128 is not allowed.
        trace[15] |= u8::from(trace == [0; 16]);
        span[7] |= u8::from(span == [0; 8]);
        match parent {
            Some(parent) => Self { span, ..parent },
            None => Self { trace, span, sampled: true },
        }
    }

    /// Of the whole request, on all nodes. Not all zero.
    pub const fn trace(&self) -> [u8; 16] {
        self.trace
    }

    /// The span's own. Not all zero.
    pub const fn span(&self) -> [u8; 8] {
        self.span
    }

    /// Whether somebody records it.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let bytes = text.len();
        if !(LEN..=LEN_MAX).contains(&bytes) {
            return Err(TraceParentError::Length { bytes });
        }
        let text = text.as_bytes();
        let [version] = hexadecimal(&text[..2])?;
        match version {
            0xff => return Err(TraceParentError::Version),
            0 if bytes > LEN => return Err(TraceParentError::Length { bytes }),
            _ => {}
        }
        let dashes = [2, 35, 52].into_iter().chain((bytes > LEN).then_some(LEN));
        if !dashes.into_iter().all(|at| text[at] == b'-') {
            return Err(TraceParentError::Form);
        }
        let [flags] = hexadecimal(&text[53..LEN])?;
        Self::new(hexadecimal(&text[3..35])?, hexadecimal(&text[36..52])?, flags & 1 == 1)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", Hexadecimal(&self.trace), Hexadecimal(&self.span))
    }
}

/// Bytes as their digits.
pub(crate) struct Hexadecimal<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `N` bytes of `2 N` lower-case digits.
fn hexadecimal<const N: usize>(digits: &[u8]) -> Result<[u8; N], TraceParentError> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(TraceParentError::Form),
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parsed(text: &str) -> Result<TraceParent, TraceParentError> {
        text.parse()
    }

    #[test]
    fn what_is_read_is_written_again() {
        let parent = parsed(GOOD).unwrap();
        assert_eq!(parent.trace()[..2], [0x4b, 0xf9]);
        assert_eq!(parent.span(), [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(parent.is_sampled());
        assert_eq!(parent.to_string(), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!parsed(&unsampled).unwrap().is_sampled());
        assert_eq!(parsed(&unsampled).unwrap().to_string(), unsampled);
        // Flags that version 00 does not know are not passed on.
        assert_eq!(parsed(&GOOD.replace("-01", "-03")).unwrap().to_string(), GOOD);
    }

    #[test]
    fn a_later_version_is_read_by_what_this_one_knows_of_it() {
        let later = format!("cc{}-what-comes-later", &GOOD[2..]);
        assert_eq!(parsed(&later).unwrap().to_string(), GOOD);
        assert_eq!(parsed(&later.replace("-what", ".what")), Err(TraceParentError::Form));
        let bytes = LEN_MAX + 1;
        let long = format!("cc{}-{}", &GOOD[2..], "x".repeat(bytes - LEN - 1));
        assert_eq!(parsed(&long), Err(TraceParentError::Length { bytes }));
        assert!(parsed(&long[..LEN_MAX]).is_ok());
    }

    #[test]
    fn what_is_no_traceparent_is_refused_with_the_reason() {
        for (text, expected) in [
            (String::new(), TraceParentError::Length { bytes: 0 }),
            (GOOD[..54].to_owned(), TraceParentError::Length { bytes: 54 }),
            (format!("{GOOD}-"), TraceParentError::Length { bytes: 56 }),
            (GOOD.to_uppercase(), TraceParentError::Form),
            (GOOD.replace("-00f0", "_00f0"), TraceParentError::Form),
            (GOOD.replace("b7-01", "b7-0g"), TraceParentError::Form),
            (GOOD.replace("4736", "47ä"), TraceParentError::Form),
            (GOOD.replacen("00", "ff", 1), TraceParentError::Version),
            (
                GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
                TraceParentError::Zero,
            ),
            (GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)), TraceParentError::Zero),
        ] {
            assert_eq!(parsed(&text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn a_child_is_of_its_parent_s_trace_and_has_an_id_of_its_own() {
        let parent = parsed(&GOOD.replace("-01", "-00")).unwrap();
        let child = TraceParent::begin(Some(parent), [7; 24]);
        assert_eq!((child.trace(), child.is_sampled()), (parent.trace(), false));
        assert_eq!(child.span(), [7; 8]);
        let root = TraceParent::begin(None, [7; 24]);
        assert_eq!((root.trace(), root.span(), root.is_sampled()), ([7; 16], [7; 8], true));
        let unlucky = TraceParent::begin(None, [0; 24]);
        assert!(TraceParent::new(unlucky.trace(), unlucky.span(), true).is_ok());
    }
}
