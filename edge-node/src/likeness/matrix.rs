//! As much of matrices as weights of a handful of features need.

/// Square, by rows.
pub(super) type Matrix<const N: usize> = [[f64; N]; N];

/// The scalar product.
pub(super) fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The matrix times `x`.
pub(super) fn times<const N: usize>(matrix: &Matrix<N>, x: &[f64; N]) -> [f64; N] {
    std::array::from_fn(|row| dot(&matrix[row], x))
}

/// `value` on the diagonal.
pub(super) fn diagonal<const N: usize>(value: f64) -> Matrix<N> {
    std::array::from_fn(|row| std::array::from_fn(|at| if row == at { value } else { 0.0 }))
}

/// The lower triangular `L` with `L Lᵀ` = `matrix`, of which the lower triangle alone is read; `None` where
/// it is not positive definite.
pub(super) fn cholesky<const N: usize>(matrix: &Matrix<N>) -> Option<Matrix<N>> {
    let mut lower = [[0.0; N]; N];
    for row in 0..N {
        for at in 0..=row {
            let rest = matrix[row][at] - dot(&lower[row], &lower[at]);
            lower[row][at] = match row == at {
                true if rest > 0.0 && rest.is_finite() => rest.sqrt(),
                true => return None,
                false => rest / lower[at][at],
            };
        }
    }
    Some(lower)
}

/// The `x` with `matrix x` = `right`; `None` where the matrix is not positive definite.
pub(super) fn solve<const N: usize>(matrix: &Matrix<N>, right: &[f64; N]) -> Option<[f64; N]> {
    let lower = cholesky(matrix)?;
    let mut x = *right;
    for row in 0..N {
        let known: f64 = (0..row).map(|at| lower[row][at] * x[at]).sum();
        x[row] = (x[row] - known) / lower[row][row];
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|at| lower[at][row] * x[at]).sum();
        x[row] = (x[row] - known) / lower[row][row];
    }
    Some(x)
}
