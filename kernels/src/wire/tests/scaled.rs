//! The `Scaled` codec: accuracy, rate, bytes, rules.

use super::*;

/// Goal: what is no outlier is off by half a step, whatever the row. Method: rows of all loudnesses; a
/// value that comes back exactly is none of the test's concern, but few may.
#[test]
fn scaled_is_within_half_a_step() {
    let mut random = Random(1);
    for width in [1, 30, 288, 2048, 2500] {
        let residual = Residual::new(&mut random, 4, width);
        for codec in codecs(&residual.sizes).into_iter().skip(4) {
            let Codec::Scaled { level, scales } = codec else { continue };
            for loudness in [0.01, 1.0, 5.0, 100.0] {
                let x: Vec<f32> = residual.x.iter().map(|x| x * loudness).collect();
                let back = round_trip(codec, &x, width);
                // A part takes twice the step where one in 64 lies beyond 127 steps.
                let doubled = f32::max(1.0, 0.3 * loudness / (level.step() * 16.0));
                for (i, (x, back)) in x.iter().zip(&back).enumerate() {
                    let step = level.step() * scales[i % width];
                    let off = (x - back).abs();
                    assert!(off <= 0.500_001 * step * doubled, "{off} with {step} at {loudness}");
                }
            }
        }
    }
}
