//! Measured times between the points at which they were measured.

use serde::{Deserialize, Serialize};

/// At most so many points of a curve, and curves of a surface: a profile travels in a handshake.
const POINTS_MAX: usize = 16;

/// Times over a count, such as rows: linear between points, and beyond the last one as steep as before
/// it. Below the first one it is as flat as a pass of nothing can be: the first time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Points", into = "Points")]
pub struct Curve {
    points: Points,
}

/// Times over two counts: a [`Curve`] over the first for each of some values of the second, linear
/// between them in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Curves", into = "Curves")]
pub struct Surface {
    curves: Curves,
}

type Points = Vec<(u32, f32)>;
type Curves = Vec<(u32, Curve)>;

/// Points that are no curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// None, or more than a profile may have.
    #[error("a curve has 1 to {POINTS_MAX} points, not {0}")]
    Count(usize),
    /// A count twice, or out of order.
    #[error("the points of a curve ascend, and {0} does not")]
    Order(u32),
    /// No time.
    #[error("the time at {0} is not finite, or negative")]
    Time(u32),
}

impl Curve {
    /// The curve through `points`: a count, and a time in microseconds.
    ///
    /// # Errors
    ///
    /// [`CurveError`] names what is wrong.
    pub fn new(points: Vec<(u32, f32)>) -> Result<Self, CurveError> {
        check_order(points.iter().map(|(count, _)| *count))?;
        match points.iter().find(|(_, us)| !us.is_finite() || *us < 0.0) {
            Some((count, _)) => Err(CurveError::Time(*count)),
            None => Ok(Self { points }),
        }
    }

    /// The straight line `base + count * slope`, in microseconds.
    ///
    /// # Errors
    ///
    /// [`CurveError::Time`] where the two are no times.
    pub fn line(base: f32, slope: f32) -> Result<Self, CurveError> {
        Self::new(vec![(1, base + slope), (2, base + 2.0 * slope)])
    }

    /// Microseconds at `count`. Never negative.
    pub fn at(&self, count: f64) -> f64 {
        let point = |(count, us): (u32, f32)| (f64::from(count), f64::from(us));
        interpolate(&self.points, count, point)
    }
}

impl Surface {
    /// The surface of `curves`, each at its value of the second count.
    ///
    /// # Errors
    ///
    /// [`CurveError`] where there are none or too many, or they do not ascend.
    pub fn new(curves: Vec<(u32, Curve)>) -> Result<Self, CurveError> {
        check_order(curves.iter().map(|(second, _)| *second))?;
        Ok(Self { curves })
    }

    /// A surface that does not depend on the second count.
    pub fn flat(curve: Curve) -> Self {
        Self { curves: vec![(0, curve)] }
    }

    /// The same, and at its points no less than `least` says of the first count.
    #[must_use]
    pub fn at_least(mut self, least: impl Fn(u32) -> f32) -> Self {
        for (_, curve) in &mut self.curves {
            curve.points.iter_mut().for_each(|(first, us)| *us = us.max(least(*first)));
        }
        self
    }

    /// Microseconds at `(first, second)`. Never negative.
    pub fn at(&self, first: f64, second: f64) -> f64 {
        let point = |(second, curve): &(u32, Curve)| (f64::from(*second), curve.at(first));
        interpolate_by(&self.curves, second, point)
    }
}

fn check_order(counts: impl ExactSizeIterator<Item = u32>) -> Result<(), CurveError> {
    if !(1..=POINTS_MAX).contains(&counts.len()) {
        return Err(CurveError::Count(counts.len()));
    }
    let mut last = None;
    for count in counts {
        if last.is_some_and(|last| last >= count) {
            return Err(CurveError::Order(count));
        }
        last = Some(count);
    }
    Ok(())
}

fn interpolate<T: Copy>(points: &[T], x: f64, point: impl Fn(T) -> (f64, f64)) -> f64 {
    interpolate_by(points, x, |at| point(*at))
}

/// Linear between the two points around `x`, or along the last two beyond them.
fn interpolate_by<T>(points: &[T], x: f64, point: impl Fn(&T) -> (f64, f64)) -> f64 {
    let (first_x, first_y) = point(&points[0]);
    if points.len() == 1 || x <= first_x {
        return first_y;
    }
    let after = points.partition_point(|at| point(at).0 < x).min(points.len() - 1);
    let ((x0, y0), (x1, y1)) = (point(&points[after - 1]), point(&points[after]));
    (y0 + (y1 - y0) * (x - x0) / (x1 - x0)).max(0.0)
}

impl TryFrom<Points> for Curve {
    type Error = CurveError;
    fn try_from(points: Points) -> Result<Self, CurveError> {
        Self::new(points)
    }
}

impl From<Curve> for Points {
    fn from(curve: Curve) -> Self {
        curve.points
    }
}

impl TryFrom<Curves> for Surface {
    type Error = CurveError;
    fn try_from(curves: Curves) -> Result<Self, CurveError> {
        Self::new(curves)
    }
}

impl From<Surface> for Curves {
    fn from(surface: Surface) -> Self {
        surface.curves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u32, f32)]) -> Curve {
        Curve::new(points.to_vec()).unwrap()
    }

    #[test]
    fn a_curve_is_linear_between_points_and_goes_on_as_it_ended() {
        let curve = curve(&[(1, 10.0), (4, 16.0), (8, 36.0)]);
        let at = [0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0].map(|count| curve.at(count));
        assert_eq!(at, [10.0, 10.0, 12.0, 16.0, 26.0, 36.0, 46.0]);
    }

    #[test]
    fn a_curve_that_falls_never_becomes_negative() {
        assert_eq!(curve(&[(1, 10.0), (2, 4.0)]).at(9.0), 0.0);
    }

    #[test]
    fn a_single_point_is_the_same_everywhere() {
        assert_eq!(curve(&[(4, 7.0)]).at(100.0), 7.0);
    }

    #[test]
    fn a_surface_is_linear_both_ways() {
        let curves =
            vec![(0, curve(&[(1, 10.0), (3, 30.0)])), (100, curve(&[(1, 20.0), (3, 60.0)]))];
        let surface = Surface::new(curves).unwrap();
        assert_eq!(surface.at(2.0, 50.0), 30.0);
        assert_eq!(surface.at(1.0, 200.0), 30.0);
        assert_eq!(Surface::flat(curve(&[(1, 5.0)])).at(3.0, 7.0), 5.0);
    }

    #[test]
    fn a_floor_lifts_what_is_below_it() {
        let surface = Surface::flat(curve(&[(1, 10.0), (3, 60.0)]));
        let lifted = surface.at_least(|rows| 20.0 * rows as f32 - 5.0);
        assert_eq!([lifted.at(1.0, 0.0), lifted.at(3.0, 9.0)], [15.0, 60.0]);
    }

    #[test]
    fn points_that_are_no_curve_are_refused() {
        assert_eq!(Curve::new(Vec::new()), Err(CurveError::Count(0)));
        assert_eq!(Curve::new((0..17).map(|at| (at, 1.0)).collect()), Err(CurveError::Count(17)));
        assert_eq!(Curve::new(vec![(2, 1.0), (2, 2.0)]), Err(CurveError::Order(2)));
        assert_eq!(Curve::new(vec![(2, -1.0)]), Err(CurveError::Time(2)));
        assert_eq!(Curve::new(vec![(2, f32::NAN)]), Err(CurveError::Time(2)));
    }

    #[test]
    fn what_is_read_is_checked() {
        assert!(serde_json::from_str::<Curve>("[[1, 10.0], [4, 16.0]]").is_ok());
        assert!(serde_json::from_str::<Curve>("[[4, 10.0], [1, 16.0]]").is_err());
        assert!(serde_json::from_str::<Surface>("[]").is_err());
    }
}
