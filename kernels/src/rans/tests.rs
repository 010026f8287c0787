//! The coder: round trips, the entropy bound, bytes that are no stream.

use super::*;
use crate::tests::Random;

fn encoded<'a, const LANES: usize>(
    symbols: &[u8],
    table: impl Fn(usize) -> &'a Frequencies,
) -> Vec<u8> {
    let mut out = vec![0xaa; room::<LANES>(symbols.len())];
    let start = encode::<LANES>(symbols, table, &mut out);
    out.split_off(start)
}

/// Weights of `present` symbols, from 1 to about `2^steepness`.
fn weights(random: &mut Random, present: usize, steepness: u32) -> [u64; SYMBOLS] {
    let mut weights = [0; SYMBOLS];
    for _ in 0..present {
        weights[random.below(SYMBOLS)] =
            1 + (random.bits() >> (63 - random.bits() % u64::from(steepness + 1)) >> 1);
    }
    weights
}

/// Symbols of a source with these weights.
fn source(random: &mut Random, weights: &[u64; SYMBOLS], len: usize) -> Vec<u8> {
    let total: u64 = weights.iter().sum();
    let one = |random: &mut Random| {
        let mut at = random.bits() % total;
        let of = |weight: &u64| {
            let here = at < *weight;
            at = at.wrapping_sub(*weight);
            here
        };
        u8::try_from(weights.iter().position(of).unwrap()).unwrap()
    };
    (0..len).map(|_| one(random)).collect()
}

fn check_round_trip<const LANES: usize>(random: &mut Random, len: usize, present: usize) {
    let weights = [(); 3].map(|()| weights(random, present, 30));
    let tables = weights.each_ref().map(Frequencies::new);
    let of = |i: usize| &tables[i * 7 % 3];
    let mut symbols = source(random, &weights[0], len);
    for (i, symbol) in symbols.iter_mut().enumerate() {
        *symbol = source(random, &weights[i * 7 % 3], 1)[0];
    }
    let mut bytes = encoded::<LANES>(&symbols, of);
    bytes.extend([1, 2, 3]);
    let mut back = vec![0; len];
    assert_eq!(decode::<LANES>(&bytes, &mut back, of), Ok(&[1, 2, 3][..]));
    assert_eq!(back, symbols);
}

#[test]
fn what_is_encoded_comes_back_and_the_bytes_behind_it_stay() {
    let mut random = Random(1);
    for len in [0, 1, 2, 3, 4, 5, 31, 64, 257, 1000] {
        for present in [1, 2, 3, 100, 256, 2000] {
            check_round_trip::<1>(&mut random, len, present);
            check_round_trip::<2>(&mut random, len, present);
            check_round_trip::<4>(&mut random, len, present);
            check_round_trip::<3>(&mut random, len, present);
        }
    }
}

/// Tables may depend on what came before: a stream that is read in parts is the one that is read at once.
#[test]
fn a_stream_is_read_in_parts() {
    let mut random = Random(5);
    let weights = weights(&mut random, 100, 30);
    let table = Frequencies::new(&weights);
    let symbols = source(&mut random, &weights, 1001);
    let mut bytes = encoded::<4>(&symbols, |_| &table);
    bytes.push(9);
    for part in [4, 40, 1000, 2000] {
        let mut decoder = Decoder::<4>::new(&bytes).unwrap();
        let mut back = vec![0; symbols.len()];
        back.chunks_mut(part).for_each(|part| decoder.fill(part, |_| &table).unwrap());
        assert_eq!((back, decoder.finish()), (symbols.clone(), Ok(&[9][..])));
    }
    let mut decoder = Decoder::<4>::new(&bytes).unwrap();
    decoder.fill(&mut [0; 40], |_| &table).unwrap();
    assert_eq!(decoder.finish(), Err(Corrupt::End), "not all were read");
}

/// Goal: what a symbol costs is its information. Method: symbols of a skewed source; their
/// information by the table's own frequencies, and 24 bits a lane for the rest of its state.
#[test]
fn a_stream_is_as_long_as_its_information() {
    let mut random = Random(2);
    for present in [2, 10, 100, 256] {
        let weights = weights(&mut random, present, 40);
        let table = Frequencies::new(&weights);
        let symbols = source(&mut random, &weights, 20_000);
        let frequency = |s: &u8| f64::from(table.encoding(*s).frequency());
        let bits: f64 = symbols.iter().map(|s| 12.0 - frequency(s).log2()).sum();
        let got = 8.0 * encoded::<4>(&symbols, |_| &table).len() as f64;
        assert!(got >= bits, "{got} bits for {bits}");
        assert!(got <= bits * 1.002 + 128.0, "{got} bits for {bits}");
    }
}

#[test]
fn frequencies_add_up_and_follow_the_weights() {
    let mut random = Random(3);
    let check = |weights: &[u64; SYMBOLS]| {
        let table = Frequencies::new(weights);
        let frequencies: Vec<u32> =
            (0..=255).map(|s| u32::from(table.encoding(s).frequency())).collect();
        assert_eq!(frequencies.iter().sum::<u32>(), TOTAL);
        let total: u64 = weights.iter().sum();
        for (frequency, weight) in frequencies.iter().zip(weights) {
            assert_eq!(*frequency > 0, *weight > 0);
            let exact = *weight as f64 / total as f64 * f64::from(TOTAL);
            assert!(
                (f64::from(*frequency) - exact).abs() <= 2.0 + 0.07 * exact,
                "{frequency} for {exact}"
            );
        }
    };
    for present in [1, 2, 30, 256, 3000] {
        for steepness in [0, 3, 40] {
            check(&weights(&mut random, present, steepness));
        }
    }
    check(&[1; SYMBOLS]);
    check(&[1 << 43; SYMBOLS]);
    let mut steep = [1; SYMBOLS];
    steep[7] = 1 << 50;
    check(&steep);
}

/// Every state and frequency that meet at the edges of their ranges.
#[test]
fn division_by_reciprocal_is_exact() {
    for frequency in 1..=TOTAL {
        let mut weights = [0; SYMBOLS];
        weights[9] = u64::from(frequency);
        weights[8] = u64::from(TOTAL - frequency);
        let table = Frequencies::new(&weights);
        let encoding = table.encoding(9);
        assert_eq!(u32::from(encoding.frequency()), frequency);
        let start = TOTAL - frequency;
        // The largest state that takes the symbol without giving a word away.
        let top = u32::try_from((u64::from(frequency) << 20) - 1).unwrap();
        assert!(!encoding.overflows(top) && (frequency == TOTAL || encoding.overflows(top + 1)));
        let near =
            [top, top - 1, top / 2, top / frequency * frequency, top / frequency * frequency - 1];
        for x in near.into_iter().chain([LOW, LOW + 1]).filter(|&x| x <= top) {
            let pushed = x / frequency * TOTAL + start + x % frequency;
            assert_eq!(encoding.push(x), pushed, "{x} by {frequency}");
            let slot = table.decoding(pushed.into());
            assert_eq!((slot.symbol(), slot.pop(pushed.into())), (9, x.into()));
        }
    }
}

#[test]
fn bytes_that_are_no_stream_are_refused_or_give_symbols() {
    let mut random = Random(4);
    let weights = weights(&mut random, 300, 20);
    let table = Frequencies::new(&weights);
    let symbols = source(&mut random, &weights, 200);
    let good = encoded::<4>(&symbols, |_| &table);
    let mut back = vec![0; symbols.len()];
    for end in 0..good.len() {
        let cut = decode::<4>(&good[..end], &mut back, |_| &table);
        assert_eq!(cut, Err(Corrupt::Short), "{end} bytes");
    }
    let mut found = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << random.below(8);
        found += usize::from(decode::<4>(&bad, &mut back, |_| &table).is_err());
    }
    assert!(found + 1 >= good.len(), "{found} of {} changes found", good.len());
    for _ in 0..5_000 {
        let bytes: Vec<u8> =
            (0..random.below(300)).map(|_| random.bits().to_le_bytes()[0]).collect();
        let _ = decode::<2>(&bytes, &mut back[..random.below(200)], |_| &table);
    }
}

#[test]
#[should_panic(expected = "a symbol that the table does not know")]
fn a_symbol_without_a_frequency_is_not_coded() {
    let mut weights = [0; SYMBOLS];
    weights[1] = 1;
    let table = Frequencies::new(&weights);
    let _ = encoded::<1>(&[0], |_| &table);
}
