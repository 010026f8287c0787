//! Scales.

use super::*;

fn scales(rows: &[f32], width: usize) -> Vec<f32> {
    let mut calibration = Calibration::new(width);
    calibration.add(rows);
    calibration.scales()
}

/// Root mean squares of normally distributed channels, and in proportion to them where tails are heavy,
/// but for the scatter of some thousand samples.
#[test]
fn scales_are_in_proportion_to_root_mean_squares() {
    let mut random = Random(1);
    for scale in scales(&random.floats(2000 * 16), 16) {
        assert!((0.92..1.08).contains(&scale), "{scale} for 1");
    }
    let residual = Residual::new(&mut random, 2000, 64);
    for (scale, size) in scales(&residual.x, 64).iter().zip(&residual.sizes) {
        assert!((0.75..0.95).contains(&(scale / size)), "{scale} for {size}");
    }
}

#[test]
fn how_rows_are_added_changes_no_bit() {
    let residual = Residual::new(&mut Random(2), 50, 30);
    let mut singly = Calibration::new(30);
    residual.x.chunks(30).rev().for_each(|row| singly.add(row));
    assert_eq!(singly.scales(), scales(&residual.x, 30));
}

/// Goal: the massive values of a few positions cost other positions nothing. Method: one row in a
/// hundred has four channels a thousand times their size.
#[test]
fn massive_activations_do_not_coarsen_their_channels() {
    let residual = Residual::new(&mut Random(3), 400, 256);
    let mut massive = residual.x.clone();
    for row in massive.chunks_mut(256).step_by(100) {
        row[..4].iter_mut().for_each(|x| *x *= 1000.0);
    }
    let plain = scales(&residual.x, 256);
    for (scale, with) in plain.iter().zip(scales(&massive, 256)) {
        assert!((0.99..1.12).contains(&(with / scale)), "{with} for {scale}");
    }
}

#[test]
fn scales_are_above_zero_whatever_was_seen() {
    let mut rows = [1.0; 12];
    rows[1] = 0.0;
    rows[5] = f32::NAN;
    rows[9] = f32::INFINITY;
    rows[2] = 1e-30;
    let all = scales(&rows, 4);
    assert!(all.iter().all(|scale| scale.is_normal() && *scale > 0.0), "{all:?}");
    assert!(all[1] >= all[0] * 9e-4, "a silent channel has a step");
    assert!(scales(&[], 3).iter().all(|scale| *scale > 0.0));
    assert_eq!(scales(&[0.0; 8], 4).len(), 4);
}
