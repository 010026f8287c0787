//! Figures that are read from files and peers: finite, and not negative.

use serde::de::{Deserialize, Deserializer, Error};

/// One that must be there.
pub(crate) fn figure<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Into<f64> + Copy,
{
    checked(T::deserialize(deserializer)?)
}

/// One that may be missing.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Into<f64> + Copy,
{
    Option::<T>::deserialize(deserializer)?.map(checked).transpose()
}

fn checked<T: Into<f64> + Copy, E: Error>(figure: T) -> Result<T, E> {
    let value: f64 = figure.into();
    match value.is_finite() && value >= 0.0 {
        true => Ok(figure),
        false => Err(E::custom(format!("{value} is not finite, or negative"))),
    }
}
