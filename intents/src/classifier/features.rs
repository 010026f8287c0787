//! A phrase as numbers: its words, pairs of words and parts of words, hashed and weighed.
//!
//! tf-idf with a logarithm of the count (Manning et al., Introduction to Information Retrieval, 6.4),
//! words and letters each of a length of their own. What no example has is counted into that length, though it has
//! no weight: a phrase of unknown words is a short vector, which no intent is sure of.

/// Hash buckets: several times what 15,000 examples have, 65,000, so that few share one.
const BUCKETS: usize = 1 << 18;
const BUCKET_BITS: u32 = BUCKETS.trailing_zeros();

/// Letters of a part of a word; the spaces around it count.
const LETTERS_MIN: usize = 2;
const LETTERS_MAX: usize = 5;

/// Lengths of the words' and of the letters' part of a vector. Chosen on CLINC150's validation part.
const LENGTHS: [f32; 2] = [1.3, 1.0];

/// A sparse vector: rows of weights with values.
pub(crate) type Vector = Vec<(u32, f32)>;

/// How often each bucket occurs in one phrase: of words, and of parts of words.
#[derive(Debug, Clone)]
pub(crate) struct Counts([Vec<(u32, u32)>; 2]);

impl Counts {
    /// Counts a phrase.
    pub(crate) fn of(words: &[String]) -> Self {
        Self([of_words(words), of_letters(words)].map(counted))
    }
}

/// Words, pairs of neighbours, and pairs with one word between them; the phrase's beginning and end are
/// neighbours too.
fn of_words(words: &[String]) -> Vec<u32> {
    let mut buckets = Vec::with_capacity(3 * words.len() + 1);
    for [first, _, third] in words.array_windows() {
        let pair = Hash::of(b'k').bytes(first.as_bytes()).bytes(b" ").bytes(third.as_bytes());
        buckets.push(pair.bucket());
    }
    let mut before = Hash::of(b'^');
    for word in words {
        buckets.push(Hash::of(b'w').bytes(word.as_bytes()).bucket());
        buckets.push(before.bytes(b" ").bytes(word.as_bytes()).bucket());
        before = Hash::of(b'p').bytes(word.as_bytes());
    }
    buckets.push(before.bytes(b" $").bucket());
    buckets
}

/// Parts of words, with a space before and after each word.
fn of_letters(words: &[String]) -> Vec<u32> {
    let mut buckets = Vec::new();
    for word in words {
        let letters: Vec<char> = format!(" {word} ").chars().collect();
        for start in 0..letters.len() {
            let mut hash = Hash::of(b'c');
            for (at, letter) in letters[start..].iter().take(LETTERS_MAX).enumerate() {
                hash = hash.letter(*letter);
                if at + 1 >= LETTERS_MIN {
                    buckets.push(hash.bucket());
                }
            }
        }
    }
    buckets
}

/// Each bucket once, in order, and how often it was there.
fn counted(mut buckets: Vec<u32>) -> Vec<(u32, u32)> {
    buckets.sort_unstable();
    let mut counts: Vec<(u32, u32)> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        match counts.last_mut() {
            Some((last, count)) if *last == bucket => *count += 1,
            Some(_) | None => counts.push((bucket, 1)),
        }
    }
    counts
}

/// Which buckets examples have, and how much each says.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    /// The row of each bucket; [`NO_ROW`] for one that no example has.
    rows: Vec<u32>,
    /// Inverse document frequency of each row.
    rarity: Vec<f32>,
    unseen_rarity: f32,
}

const NO_ROW: u32 = u32::MAX;

impl Vocabulary {
    #[expect(clippy::cast_precision_loss, reason = "far fewer examples than 2^24")]
    pub(crate) fn of<'a>(examples: impl Iterator<Item = &'a Counts>) -> Self {
        let mut rows = vec![NO_ROW; BUCKETS];
        let mut documents: Vec<u32> = Vec::new();
        let mut count = 0_u32;
        for Counts(kinds) in examples {
            count += 1;
            for (bucket, _) in kinds.iter().flatten() {
                let row = &mut rows[*bucket as usize];
                if *row == NO_ROW {
                    *row = u32::try_from(documents.len()).expect("at most as many as buckets");
                    documents.push(0);
                }
                documents[*row as usize] += 1;
            }
        }
        let rarity = |documents: u32| ((1 + count) as f32 / (1 + documents) as f32).ln() + 1.0;
        let unseen_rarity = rarity(0);
        Self { rows, rarity: documents.into_iter().map(rarity).collect(), unseen_rarity }
    }

    /// Rows of weights that vectors name.
    pub(crate) fn rows(&self) -> usize {
        self.rarity.len()
    }

    /// The vector of a phrase.
    #[expect(clippy::cast_precision_loss, reason = "at most a phrase's bytes")]
    pub(crate) fn vector(&self, counts: &Counts) -> Vector {
        let mut vector = Vector::new();
        for (kind, length) in counts.0.iter().zip(LENGTHS) {
            let begin = vector.len();
            let mut squares = 0.0;
            for (bucket, count) in kind {
                let often = 1.0 + (*count as f32).ln();
                let row = self.rows[*bucket as usize];
                let rarity = self.rarity.get(row as usize).copied().unwrap_or(self.unseen_rarity);
                let value = often * rarity;
                squares += value * value;
                if row != NO_ROW {
                    vector.push((row, value));
                }
            }
            let scale = length / squares.sqrt().max(f32::MIN_POSITIVE);
            vector[begin..].iter_mut().for_each(|(_, value)| *value *= scale);
        }
        vector
    }
}

/// FNV-1a over 64 bits (Fowler, Noll, Vo), the same on every machine.
#[derive(Clone, Copy)]
pub(crate) struct Hash(u64);

impl Hash {
    pub(crate) const fn of(kind: u8) -> Self {
        Self(0xcbf2_9ce4_8422_2325).byte(kind)
    }

    const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |hash, byte| hash.byte(*byte))
    }

    fn letter(self, letter: char) -> Self {
        self.bytes(letter.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// All bits, mixed: FNV's upper ones hardly depend on the last bytes (`splitmix64`'s finisher).
    pub(crate) const fn mixed(self) -> u64 {
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    const fn bucket(self) -> u32 {
        (self.mixed() >> (64 - BUCKET_BITS)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phrase;

    fn counts(text: &str) -> Counts {
        Counts::of(&phrase::words(text))
    }

    #[test]
    fn each_kind_has_its_length_where_all_is_known() {
        let known = counts("turn on the light");
        let vocabulary = Vocabulary::of([&known].into_iter());
        let squares: f32 = vocabulary.vector(&known).iter().map(|(_, value)| value * value).sum();
        let expected: f32 = LENGTHS.iter().map(|length| length * length).sum();
        assert!((squares - expected).abs() < 1e-5, "{squares}");
    }

    #[test]
    fn unknown_words_shorten_a_phrase() {
        let known = counts("turn on the light");
        let vocabulary = Vocabulary::of([&known].into_iter());
        let length = |text: &str| -> f32 {
            vocabulary.vector(&counts(text)).iter().map(|(_, value)| value * value).sum()
        };
        assert!(length("turn on the xylophone") < length("turn on the light") - 0.5);
        assert!(length("quick brown fox") < 0.2);
        assert!(vocabulary.vector(&counts("")).len() < 2);
    }

    #[test]
    fn what_is_rare_says_more() {
        let examples = ["the light", "the heating", "the radio"].map(counts);
        let vocabulary = Vocabulary::of(examples.iter());
        let value = |word: &[u8]| {
            let row = vocabulary.rows[Hash::of(b'w').bytes(word).bucket() as usize];
            vocabulary.rarity[row as usize]
        };
        assert!(value(b"radio") > value(b"the"));
    }

    #[test]
    fn order_and_parts_of_words_count() {
        let buckets = |text: &str| {
            counts(text)
                .0
                .map(|kind| kind.into_iter().map(|(bucket, _)| bucket).collect::<Vec<_>>())
        };
        assert_ne!(buckets("dog bites man")[0], buckets("man bites dog")[0]);
        // " ab ": two to four letters from each place.
        assert_eq!(buckets("ab")[1].len(), 6);
    }
}
