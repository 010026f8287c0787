//! Matrix products: tables, row independence, accuracy.

use super::{Random, assert_same_bits};
use crate::matmul::matmul_with;
use crate::table::{available, current};
use crate::{
    Format, Matrix, Packed, Pool, Product, ShapeError, Weights, dequantize_row, pack, scalar,
};

/// Weights at an odd address: the byte before the matrix makes every alignment wrong.
fn unaligned(random: &mut Random, format: Format, rows: usize, cols: usize) -> Vec<u8> {
    let mut bytes = vec![0xa5];
    bytes.extend(random.weights(format, rows, cols));
    bytes
}

/// A pool without workers.
fn alone() -> Pool {
    Pool::new(1).unwrap()
}

/// The bytes of `w`, packed where it is quantized.
struct Ready<'a>(Matrix<'a>, Vec<u8>);

impl<'a> Ready<'a> {
    fn new(w: Matrix<'a>) -> Self {
        let mut bytes = vec![0; Packed::len(w.format(), w.rows(), w.cols()).unwrap_or(0)];
        if w.format().is_quantized() {
            pack(&alone(), &w, &mut bytes);
        }
        Self(w, bytes)
    }

    fn weights(&self) -> Weights<'_> {
        let Self(w, bytes) = self;
        if bytes.is_empty() {
            return Weights::Plain(*w);
        }
        Weights::Packed(Packed::new(w.format(), w.rows(), w.cols(), bytes).unwrap())
    }

    fn product(&self, table: &crate::table::Table, pool: &Pool, x: &[f32]) -> Vec<f32> {
        let mut out = vec![f32::NAN; x.len() / self.0.cols() * self.0.rows()];
        let weights = self.weights();
        matmul_with(table, pool, x, &mut [Product { weights, out: &mut out }]);
        out
    }
}

fn product(table: &crate::table::Table, w: &Matrix<'_>, x: &[f32]) -> Vec<f32> {
    Ready::new(*w).product(table, &alone(), x)
}

/// Column counts that end in the middle of every vector width, where the format allows.
fn widths(format: Format) -> &'static [usize] {
    match format.block_len() {
        1 => &[1, 7, 8, 31, 32, 33, 64, 100],
        32 => &[32, 64, 96, 288],
        _ => &[256, 768],
    }
}

#[test]
fn every_table_returns_the_oracles_bits() {
    let mut random = Random(1);
    for format in Format::ALL {
        for &cols in widths(format) {
            for rows in [1, 3, 8, 9, 19, 32] {
                let bytes = unaligned(&mut random, format, rows, cols);
                let w = Matrix::new(format, rows, cols, &bytes[1..]).unwrap();
                let w = Ready::new(w);
                for t in [1, 2, 3, 4, 5, 6, 7, 8, 9, 20] {
                    let plain = random.floats(t * cols);
                    let wild = random.wild_floats(t * cols);
                    for (x, kind) in [(plain, "plain"), (wild, "wild")] {
                        let expected = w.product(&scalar::TABLE, &alone(), &x);
                        for table in &available()[1..] {
                            let what = format!("{} {:?} x {t} {kind}", table.name, w.0);
                            assert_same_bits(&w.product(table, &alone(), &x), &expected, &what);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn every_table_takes_any_weight_bits() {
    let mut random = Random(2);
    for format in Format::ALL {
        let (rows, cols) = (11, 512);
        let len = rows * format.row_bytes(cols).unwrap();
        let mut bytes: Vec<u8> = (0..len).map(|_| random.bits().to_le_bytes()[0]).collect();
        // Codes of -128 everywhere are the worst case of the 16-bit products.
        bytes[..len / 2].fill(0x80);
        let w = Matrix::new(format, rows, cols, &bytes).unwrap();
        let mut x = random.floats(3 * cols);
        x[..cols].fill(1.0);
        x[cols..2 * cols].fill(-1.0);
        let expected = product(&scalar::TABLE, &w, &x);
        for table in available() {
            assert_same_bits(&product(table, &w, &x), &expected, table.name);
        }
    }
}

#[test]
fn a_row_does_not_notice_its_company_or_the_threads() {
    let mut random = Random(3);
    let (rows, cols) = (1040, 512);
    for format in Format::ALL {
        let bytes = random.weights(format, rows, cols);
        let w = Ready::new(Matrix::new(format, rows, cols, &bytes).unwrap());
        let x = random.floats(64 * cols);
        let one = |x| w.product(current(), &alone(), x);
        let alone: Vec<f32> = x.chunks(cols).flat_map(one).collect();
        for threads in 1..=4 {
            let pool = Pool::new(threads).unwrap();
            for t in [1, 2, 3, 4, 5, 7, 16, 64] {
                let from = random.below(65 - t);
                let x = &x[from * cols..(from + t) * cols];
                let together = w.product(current(), &pool, x);
                let expected = &alone[from * rows..(from + t) * rows];
                let what = format!("{format}, {t} rows, {threads} threads");
                assert_same_bits(&together, expected, &what);
            }
        }
    }
}

#[test]
fn products_of_one_call_are_those_of_several() {
    let (mut random, pool) = (Random(6), Pool::new(3).unwrap());
    let cols = 512;
    let bytes = [(Format::Q4K, 300), (Format::F16, 77), (Format::Q6K, 1), (Format::Q8_0, 64)]
        .map(|(format, rows)| (format, rows, random.weights(format, rows, cols)));
    let ready = bytes
        .each_ref()
        .map(|(format, rows, bytes)| Ready::new(Matrix::new(*format, *rows, cols, bytes).unwrap()));
    let x = random.floats(9 * cols);
    let mut outs = ready.each_ref().map(|w| vec![f32::NAN; 9 * w.0.rows()]);
    let mut products: Vec<_> =
        ready.iter().zip(&mut outs).map(|(w, out)| Product { weights: w.weights(), out }).collect();
    matmul_with(current(), &pool, &x, &mut products);
    for (w, out) in ready.iter().zip(&outs) {
        assert_same_bits(out, &w.product(current(), &alone(), &x), &format!("{:?}", w.0));
    }
}

/// Rounding alone moves a sum of `K` products by at most `(K / 32 + 8) 2^-24` of the sum of their
/// magnitudes; 8-bit activations move it by at most half a code, `absmax / 254`, for each weight.
#[test]
fn the_oracle_stays_within_its_error_bound() {
    let mut random = Random(4);
    for format in Format::ALL {
        let (rows, cols) = (16, 1024);
        let bytes = random.weights(format, rows, cols);
        let w = Matrix::new(format, rows, cols, &bytes).unwrap();
        let x = random.floats(cols);
        let got = product(&scalar::TABLE, &w, &x);
        let mut weights = vec![0.0; cols];
        for (n, got) in got.into_iter().enumerate() {
            dequantize_row(&w, n, &mut weights);
            let (mut exact, mut bound) = (0.0, 1e-30);
            for (w, x) in weights.chunks(32).zip(x.chunks(32)) {
                let absmax = f64::from(x.iter().fold(0.0, |max: f32, x| max.max(x.abs())));
                let half_code = if format.is_quantized() { absmax / 253.9 } else { 0.0 };
                for (&w, &x) in w.iter().zip(x) {
                    let (w, x) = (f64::from(w), f64::from(x));
                    exact += w * x;
                    // K-quant minima cancel against their scales: allow for both.
                    let rounding = (w.abs() * 4.0 + 1.0) * x.abs() * 40.0 / 16_777_216.0;
                    bound += w.abs() * half_code + rounding;
                }
            }
            let error = (f64::from(got) - exact).abs();
            assert!(error <= bound, "{format}: {got} for {exact}, off by {error}, bound {bound}");
        }
    }
}

#[test]
fn an_activation_that_is_not_finite_poisons_its_row_alone() {
    let mut random = Random(5);
    let bytes = random.weights(Format::Q8_0, 8, 64);
    let w = Matrix::new(Format::Q8_0, 8, 64, &bytes).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut x = random.floats(3 * 64);
        x[64 + 40] = bad;
        let out = product(current(), &w, &x);
        assert!(out[8..16].iter().all(|out| out.is_nan()));
        assert!(out[..8].iter().chain(&out[16..]).all(|out| out.is_finite()));
    }
}

#[test]
fn no_rows_are_no_work() {
    let w = Matrix::new(Format::F32, 1, 1, &[0; 4]).unwrap();
    assert!(product(current(), &w, &[]).is_empty());
}

#[test]
fn bytes_that_do_not_fit_the_shape_are_refused() {
    let bytes = [0; 68];
    let new = |rows, cols, len: usize| Matrix::new(Format::Q8_0, rows, cols, &bytes[..len]);
    assert!(new(2, 32, 68).is_ok());
    assert_eq!(new(0, 32, 0).unwrap_err(), ShapeError::Empty { rows: 0, cols: 32 });
    assert_eq!(new(2, 0, 0).unwrap_err(), ShapeError::Empty { rows: 2, cols: 0 });
    let partial = ShapeError::PartialBlock { format: Format::Q8_0, cols: 33 };
    assert_eq!(new(2, 33, 68).unwrap_err(), partial);
    assert_eq!(
        new(2, 32, 67).unwrap_err().to_string(),
        "a Q8_0 matrix of 2 x 32 cannot have 67 bytes, it has 68"
    );
    assert_eq!(
        new(usize::MAX, 32, 68).unwrap_err().to_string(),
        format!("a Q8_0 matrix of {} x 32 cannot have 68 bytes, its size overflows", usize::MAX)
    );
}
