//! LEB128: unsigned integers in groups of seven bits, the low ones first, each byte but the last with its
//! top bit set.
//!
//! Below 128 an integer takes one byte, below 16,384 two, below 2,097,152 three. There is one spelling
//! for each: padded, overlong and cut ones are refused.

/// Bytes of the longest 32-bit integer.
pub(crate) const LEN_MAX: usize = 5;

pub(crate) fn put(bytes: &mut Vec<u8>, value: u32) {
    let mut rest = value;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes the first integer off `bytes`; `None` where they do not begin with one.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u32> {
    let end = bytes.iter().take(LEN_MAX).position(|byte| byte & 0x80 == 0)?;
    let (digits, rest) = bytes.split_at(end + 1);
    let padded = digits.len() > 1 && digits[end] == 0;
    let value = digits.iter().rev().fold(0, |value: u64, byte| value << 7 | u64::from(byte & 0x7f));
    *bytes = rest;
    u32::try_from(value).ok().filter(|_| !padded)
}

/// How many integers whole bytes of them hold.
pub(crate) fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte < 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(value: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, value);
        bytes
    }

    #[test]
    fn integers_at_every_length_boundary_come_back() {
        for (value, length) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (16_383, 2),
            (16_384, 3),
            (2_097_151, 3),
            (2_097_152, 4),
            (u32::MAX, 5),
        ] {
            let bytes = [spelt(value), vec![7]].concat();
            let mut rest = &bytes[..];
            assert_eq!((take(&mut rest), rest), (Some(value), &[7][..]));
            assert_eq!(spelt(value).len(), length, "{value}");
        }
        assert_eq!(count(&[spelt(300), spelt(1), spelt(u32::MAX)].concat()), 3);
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (bytes, why) in [
            (&[][..], "nothing"),
            (&[0x80], "cut short"),
            (&[0x80, 0x00], "padded"),
            (&[0xff, 0xff, 0xff, 0xff, 0x1f], "33 bits"),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], "six bytes"),
        ] {
            assert_eq!(take(&mut &*bytes), None, "{why}");
        }
    }
}
