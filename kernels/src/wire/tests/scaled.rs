//! The `Scaled` codec: accuracy, rate, bytes, rules.

use super::*;

fn scaled(level: u8, scales: &[f32]) -> Codec<'_> {
    Codec::Scaled { level: Level::new(level).unwrap(), scales }
}

#[test]
fn levels_are_ten_half_octaves_up_to_one() {
    let steps: Vec<f32> = Level::all().map(Level::step).collect();
    assert_eq!(steps.len(), 10);
    assert_eq!((steps[9], steps[7], steps[1]), (1.0, 0.5, 0.0625));
    for pair in steps.windows(2) {
        assert!((pair[1] / pair[0] - std::f32::consts::SQRT_2).abs() < 1e-6);
    }
    assert_eq!(Level::new(10), None);
    assert!(Level::all().all(|level| Level::new(level.number()) == Some(level)));
}

/// Goal: what is coded is off by half a step, and parts too loud for that by half a doubled one. Method:
/// rows of all loudnesses; the doubling follows from how many values lie beyond 127 steps.
#[test]
fn scaled_is_within_half_a_step() {
    let mut random = Random(1);
    for width in [1, 30, 288, 2048, 2500] {
        let residual = Residual::new(&mut random, 4, width);
        for level in Level::all() {
            let codec = Codec::Scaled { level, scales: &residual.sizes };
            for loudness in [0.01, 1.0, 5.0, 100.0] {
                let x: Vec<f32> = residual.x.iter().map(|x| x * loudness).collect();
                let back = round_trip(codec, &x, width);
                for (x, back) in x.chunks(width).zip(back.chunks(width)) {
                    let parts = x.chunks(PART).zip(back.chunks(PART));
                    for ((x, back), scales) in parts.zip(residual.sizes.chunks(PART)) {
                        check_part(level, x, back, scales);
                    }
                }
            }
        }
    }
}

fn check_part(level: Level, x: &[f32], back: &[f32], scales: &[f32]) {
    let beyond = |step: f32| {
        let pairs = x.iter().zip(scales);
        pairs.filter(|(x, scale)| x.abs() > 127.0 * step * *scale).count()
    };
    let mut step = level.step();
    while beyond(step) > x.len() / 64 {
        step *= 2.0;
    }
    for ((x, back), scale) in x.iter().zip(back).zip(scales) {
        let off = (x - back).abs();
        assert!(off <= 0.500_01 * step * scale, "{x} came back as {back}, with steps of {step}");
    }
}

#[test]
fn scaled_sends_what_codes_cannot_hold_exactly() {
    for value in [f32::NAN, f32::NEG_INFINITY, f32::MAX] {
        let mut row = [0.25; 600];
        row[77] = value;
        row[599] = value;
        let back = round_trip(scaled(5, &[1.0; 600]), &row, 600);
        assert_same_bits(&[back[77], back[599]], &[value; 2], "outlier");
        assert_eq!(back[78], 0.25);
        let row = [value; 600];
        assert_same_bits(&round_trip(scaled(5, &[1.0; 600]), &row, 600), &row, "exact part");
    }
    // Channels without a usable scale.
    let scales = [0.0, -1.0, f32::NAN, f32::INFINITY, 1e38, 1e-45];
    let scales: Vec<f32> = scales.into_iter().chain([1.0; 600]).collect();
    let mut row = [0.125; 606];
    row[5] = -3.0;
    assert_eq!(round_trip(scaled(3, &scales), &row, 606), row);
}

#[test]
fn a_silent_row_takes_few_bytes_and_a_noisy_one_no_more_than_its_values() {
    let scales = [1.0; 2048];
    for level in Level::all() {
        let codec = Codec::Scaled { level, scales: &scales };
        assert_eq!(round_trip(codec, &[0.0; 2048], 2048), [0.0; 2048]);
        assert!(encode(codec, &[0.0; 2048], 2048).len() < 40);
        let mut random = Random(5);
        let noise: Vec<f32> = (0..2048)
            .map(|_| f32::from_bits(u32::try_from(random.bits() >> 32).unwrap()))
            .collect();
        assert_same_bits(&round_trip(codec, &noise, 2048), &noise, "noise");
        assert_eq!(encode(codec, &noise, 2048).len(), 1 + 4 * 2048);
    }
}

/// Goal: bits near what no entropy coder goes below, and noise of a twelfth of a squared step. Method:
/// the information of a quantized Student's distribution is 2.004 bits less the step's logarithm, as
/// long as steps are small; lanes, class and outliers may cost 0.12 more, and 0.17 in a narrow row.
#[test]
fn scaled_is_near_the_entropy_bound() {
    for (width, more) in [(2048, 0.12), (896, 0.12), (288, 0.17)] {
        let residual = Residual::new(&mut Random(6), 48, width);
        for level in Level::all().filter(|level| level.step() < 0.8) {
            let cost = residual.cost(Codec::Scaled { level, scales: &residual.sizes });
            let step = f64::from(level.step());
            let information = 2.004 - step.log2();
            assert!(cost.bits < information + more, "{cost:?} for {information} in {width}");
            assert!(cost.bits > information - 0.05, "{cost:?} for {information} in {width}");
            let noise = 10.0 * (step * step / 12.0).log10();
            assert!((cost.normalized + noise).abs() < 0.4, "{cost:?} for {noise} dB of noise");
        }
    }
}

/// The bytes that WIRE.md describes.
#[test]
fn scaled_has_the_documented_bytes() {
    let row = [[0.0, 0.5, -0.6, 1.25, -0.75, 0.1, 0.0, -0.3]; 10].concat();
    let mut scales = [1.0; 80];
    scales[4] = 0.5;
    let mut loud = row.clone();
    loud[9] = 700.0;
    let bytes = encode(scaled(7, &scales), &loud, 80);
    assert_eq!(bytes, GOLDEN, "{bytes:02x?}");
    let mut expected = [[0.0, 0.5, -0.5, 1.0, -1.0, 0.0, 0.0, -0.5]; 10].concat();
    (expected[4], expected[9]) = (-0.75, 700.0);
    assert_eq!(decode(scaled(7, &scales), &bytes, 1, 80).unwrap(), expected);
}

const GOLDEN: [u8; 33] = [
    0x06, 0x24, 0xa1, 0x21, 0x00, 0x78, 0x8a, 0xef, 0x9a, 0xd8, 0xfb, 0x77, 0x7a, 0xcd, 0xac, 0xa6,
    0x14, 0x6b, 0x8e, 0x71, 0xe2, 0x30, 0x04, 0xd6, 0xeb, 0xc8, 0xc9, 0xae, 0xcf, 0x00, 0x00, 0x2f,
    0x44,
];

#[test]
fn every_broken_rule_of_scaled_has_its_error() {
    let scales = [1.0; 200];
    let mut random = Random(7);
    let codec = scaled(4, &scales);
    let mut row = random.floats(200);
    row[7] = 1e9;
    let good = encode(codec, &row, 200);
    let fault = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode(codec, &bytes, 1, 200).unwrap_err()
    };
    for class in [18, 31, 0x7f, 254] {
        assert_eq!(fault(0, class), WireError::Block(BlockFault::Frequencies));
    }
    assert_eq!(fault(0, 255), WireError::length(codec, 1, 200, good.len()));
    assert_eq!(fault(1, !good[1]), WireError::Block(BlockFault::Entropy));
    let cut = decode(codec, &good[..good.len() - 1], 1, 200).unwrap_err();
    assert_eq!(cut, WireError::length(codec, 1, 200, good.len() - 1), "the outlier is cut");
}

/// Goal: both sides have the same tables, whatever the machine. Method: a sum of what they code one
/// symbol to, as it is on this one; a difference here is another wire format.
#[test]
fn the_family_of_frequencies_never_changes() {
    let mut sum = 0_u64;
    for index in 0..18_u32 {
        // A row for each member: as many of each code as half an octave of loudness has.
        let size = 0.125 * 2.0_f32.powf(index as f32 / 2.0);
        let mut random = Random(u64::from(index));
        let row: Vec<f32> = random.floats(600).iter().map(|x| x * size).collect();
        for byte in encode(scaled(9, &[1.0; 600]), &row, 600) {
            sum = sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte);
        }
    }
    assert_eq!(sum, 0xbc9e_08de_8288_99fa, "{sum:#x}");
}
