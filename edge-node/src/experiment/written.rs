//! Values that a file may write as a text, a number or a table: each form keeps its own errors,
//! which an untagged enum would lose.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// One value, in the form that it has in the file.
#[derive(Debug)]
pub(super) enum Written<T> {
    Text(String),
    Number(i64),
    Table(T),
}

/// For values that are never a table.
#[derive(Debug)]
pub(super) enum NoTable {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm(PhantomData))
    }
}

impl<'de> Deserialize<'de> for NoTable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::invalid_type(Unexpected::Map, &"a text or a number"))
    }
}

struct AnyForm<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyForm<T> {
    type Value = Written<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number or a table")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Written::Text(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Written::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let number = i64::try_from(number);
        number.map(Written::Number).map_err(|_| E::custom("the number is far too large"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Written::Table)
    }
}
